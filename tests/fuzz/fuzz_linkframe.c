/* linkframe_decode; each accepted frame has one form, so linkframe_put_header writes it back byte for byte.
 */
#include "fuzz.h"

#include "linkframe.h"

static const uint8_t TAG_KEY[LINK_TAG_KEY_LEN] = {7, 7, 7};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *datagram = fuzz_copy(data, len);
    struct record r;
    uint16_t handle;

    if (linkframe_decode(datagram, len, &handle, &r) == SSM_OK) {
        FUZZ_CHECK(link_kind_of(datagram, len) == LINK_RECORD);
        FUZZ_CHECK(handle != 0 && record_epoch(&r) == 1 && record_version(&r) == RECORD_VERSION_DTLS12);
        FUZZ_CHECK(r.body_len >= RECORD_TAG_LEN && r.body + r.body_len == datagram + len);
        FUZZ_CHECK(linkframe_put_header(handle, &r) == datagram);
        FUZZ_CHECK(memcmp(datagram, data, len) == 0);
        uint16_t body_len = r.body_len;
        enum status status = linkframe_check_tag(TAG_KEY, handle, &r);
        FUZZ_CHECK(r.body_len == (status == SSM_OK ? body_len - LINK_TAG_LEN : body_len));
    }
    free(datagram);
    return 0;
}
