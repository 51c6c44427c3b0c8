#include "cmac.h"

#include "../vectors/cmac_vectors.h"
#include "../vectors/hex.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static void known_answers(void **state)
{
    uint8_t key[AES_KEY_LEN];
    uint8_t message[64];
    uint8_t expected[CMAC_LEN];
    uint8_t mac[CMAC_LEN];

    (void)state;
    hex_read(CMAC_KEY, key);
    assert_int_equal(hex_read(CMAC_MESSAGE, message), sizeof message);
    for (size_t i = 0; i < sizeof CMAC_VECTORS / sizeof CMAC_VECTORS[0]; i++) {
        hex_read(CMAC_VECTORS[i].mac, expected);
        cmac(key, message, CMAC_VECTORS[i].len, mac);
        assert_memory_equal(mac, expected, sizeof mac);
    }
}

/* Padding must be told from message bytes: 10..0 behind a short block is not the block 10..0. */
static void padding_is_not_ambiguous(void **state)
{
    static const uint8_t KEY[AES_KEY_LEN] = {1};
    uint8_t message[16] = {7, 0x80};
    uint8_t shorter[CMAC_LEN];
    uint8_t padded[CMAC_LEN];

    (void)state;
    cmac(KEY, message, 1, shorter);
    cmac(KEY, message, sizeof message, padded);
    assert_memory_not_equal(shorter, padded, CMAC_LEN);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(padding_is_not_ambiguous),
    };

    return cmocka_run_group_tests_name("cmac", TESTS, NULL, NULL);
}
