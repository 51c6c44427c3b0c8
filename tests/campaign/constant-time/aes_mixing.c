/*
 * In the place of AES for one of the checks: no cipher, but without a table and without a branch, and like of
 * a cipher's every byte that it puts out depends on the whole key and the whole block. So whatever CCM, CMAC
 * and the relay tag do with a block is watched without one suppression.
 */
#include "aes.h"

void aes128_encrypt(const uint8_t key[AES_KEY_LEN], uint8_t block[AES_BLOCK_LEN])
{
    uint8_t all = 0;

    for (unsigned i = 0; i < AES_BLOCK_LEN; i++)
        all = (uint8_t)((all << 1 | all >> 7) ^ key[i] ^ block[i]);
    for (unsigned i = 0; i < AES_BLOCK_LEN; i++) {
        block[i] = (uint8_t)(block[i] + key[i] + all);
        all = (uint8_t)((all << 1 | all >> 7) ^ block[i]);
    }
}
