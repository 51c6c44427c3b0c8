/* The gateway's AES-128 block (aes.h) over Mbed TLS, which uses the processor's AES instructions. */
#include "aes.h"

#include "bytes.h"

#include <mbedtls/aes.h>

enum { KEY_BITS = 8 * AES_KEY_LEN };

void aes128_encrypt(const uint8_t key[AES_KEY_LEN], uint8_t block[AES_BLOCK_LEN])
{
    mbedtls_aes_context aes;

    mbedtls_aes_init(&aes);
    int failed = mbedtls_aes_setkey_enc(&aes, key, KEY_BITS);
    if (failed == 0)
        failed = mbedtls_aes_crypt_ecb(&aes, MBEDTLS_AES_ENCRYPT, block, block);
    mbedtls_aes_free(&aes); /* overwrites the key schedule */
    SSM_ASSERT(failed == 0);
}
