/* record_peek over every record of a datagram; what it reads, record_put_header writes back byte for byte. */
#include "fuzz.h"

#include "record.h"

static const struct record_key KEY = {.key = {1, 2, 3}, .iv = {4, 5, 6}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *datagram = fuzz_copy(data, len);
    struct record r;
    size_t used;

    for (size_t at = 0; record_peek(datagram + at, len - at, &r, &used) == SSM_OK; at += used) {
        FUZZ_CHECK(used >= RECORD_HEADER_LEN && used <= len - at);
        FUZZ_CHECK(r.body + r.body_len == datagram + at + used);
        FUZZ_CHECK(record_put_header(&r) == datagram + at);
        FUZZ_CHECK(memcmp(datagram + at, data + at, used) == 0);
        if (record_epoch(&r) > 0 && record_open(&KEY, &r) == SSM_OK) {
            record_seal(&KEY, &r);
            FUZZ_CHECK(record_version(&r) != RECORD_VERSION_DTLS12 ||
                       memcmp(datagram + at, data + at, used) == 0);
        }
    }
    free(datagram);
    return 0;
}
