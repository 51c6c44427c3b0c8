/* coapmsg_decode and the walk over the options; CoAP has one form for each message, so a rebuilt one has the
 * same bytes. */
#include "fuzz.h"

#include "coapmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct coapmsg m;
    uint8_t *again;
    size_t again_len;

    if (coapmsg_decode(data, len, &m) != SSM_OK)
        return 0;
    again = fuzz_copy(data, len);
    memset(again, 0, len);
    struct coap_builder b = coap_build(again, len, m.type, m.code, m.message_id, m.token, m.token_len);
    struct coap_option_walk option = coapmsg_options(&m);
    while (coap_option_next(&option)) {
        FUZZ_CHECK(option.value >= data && option.value + option.len <= data + len);
        FUZZ_CHECK(option.len != 1 || coap_option_uint(&option) == option.value[0]);
        coap_add_option(&b, option.number, option.value, option.len);
    }
    FUZZ_CHECK(!option.is_broken);
    coap_add_payload(&b, m.payload, m.payload_len);
    FUZZ_CHECK(coap_finish(&b, &again_len) == SSM_OK && again_len == len);
    FUZZ_CHECK(memcmp(again, data, len) == 0);
    free(again);
    return 0;
}
