#include "aes.h"

#include "../vectors/hex.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static void assert_encrypts(const char *key_hex, const char *plain_hex, const char *cipher_hex)
{
    uint8_t key[AES_KEY_LEN];
    uint8_t block[AES_BLOCK_LEN];
    uint8_t expected[AES_BLOCK_LEN];

    hex_read(key_hex, key);
    hex_read(plain_hex, block);
    hex_read(cipher_hex, expected);
    aes128_encrypt(key, block);
    assert_memory_equal(block, expected, sizeof block);
}

static void fips197_appendix_b(void **state)
{
    (void)state;
    assert_encrypts("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734",
                    "3925841d02dc09fbdc118597196a0b32");
}

static void fips197_appendix_c1(void **state)
{
    (void)state;
    assert_encrypts("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
                    "69c4e0d86a7b0430d8cdb78070b4c55a");
}

static void sp800_38a_ecb_blocks(void **state)
{
    static const char *const KEY = "2b7e151628aed2a6abf7158809cf4f3c"; /* NIST SP 800-38A F.1.1 */

    (void)state;
    assert_encrypts(KEY, "6bc1bee22e409f96e93d7e117393172a", "3ad77bb40d7a3660a89ecaf32466ef97");
    assert_encrypts(KEY, "ae2d8a571e03ac9c9eb76fac45af8e51", "f5d3d58503b9699de785895a96fdbaaf");
    assert_encrypts(KEY, "30c81c46a35ce411e5fbc1191a0a52ef", "43b1cd7f598ece23881b00e3ed030688");
    assert_encrypts(KEY, "f69f2445df4f9b17ad2b417be66c3710", "7b0c785e27e8ad3f8223207104725dd4");
}

/* Ten thousand chained encryptions pass through every entry of the table; the answer is OpenSSL's. */
static void long_chain(void **state)
{
    uint8_t key[AES_KEY_LEN] = {0};
    uint8_t block[AES_BLOCK_LEN] = {0};
    uint8_t expected[AES_BLOCK_LEN];

    (void)state;
    hex_read("07f758f675f6f650ee379bcc5baf3d61", expected);
    for (int i = 0; i < 10000; i++) {
        aes128_encrypt(key, block);
        key[i % AES_KEY_LEN] ^= block[0];
    }
    assert_memory_equal(block, expected, sizeof block);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(fips197_appendix_b),
        cmocka_unit_test(fips197_appendix_c1),
        cmocka_unit_test(sp800_38a_ecb_blocks),
        cmocka_unit_test(long_chain),
    };

    return cmocka_run_group_tests_name("aes", TESTS, NULL, NULL);
}
