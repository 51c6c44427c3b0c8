/* keyblock_decode; what it accepts, keyblock_encode writes back byte for byte. */
#include "fuzz.h"

#include "keyblock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct keyblock k;
    uint8_t again[KEYBLOCK_LEN];

    if (keyblock_decode(data, len, &k) == SSM_OK) {
        FUZZ_CHECK(len == KEYBLOCK_LEN && k.session != 0 && k.slot < KEYBLOCK_SLOTS);
        FUZZ_CHECK(k.first_send_seq >= KEYBLOCK_FIRST_SEND_SEQ);
        keyblock_encode(&k, again);
        FUZZ_CHECK(memcmp(again, data, len) == 0);
    }
    return 0;
}
