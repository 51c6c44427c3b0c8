/* control_decode; what it accepts, the encoders write back byte for byte. */
#include "fuzz.h"

#include "control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct control_message m;
    uint8_t again[CONTROL_MESSAGE_MAX];
    size_t again_len;

    if (control_decode(data, len, &m) != SSM_OK)
        return 0;
    if (m.is_ack)
        again_len = control_encode_ack(m.message_id, m.code, again);
    else
        again_len = control_encode_request(m.resource, m.message_id, m.payload, m.payload_len, again);
    FUZZ_CHECK(again_len == len && memcmp(again, data, len) == 0);
    return 0;
}
