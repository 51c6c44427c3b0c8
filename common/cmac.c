#include "cmac.h"

#include "bytes.h"

/* Doubles in GF(2^128) (RFC 4493 2.3). */
static SSM_NOINLINE void subkey_double(uint8_t k[AES_BLOCK_LEN])
{
    uint8_t carry = 0;

    for (uint8_t i = AES_BLOCK_LEN; i-- > 0;) {
        uint16_t sum = (uint16_t)(k[i] + k[i] + carry);
        k[i] = (uint8_t)sum;
        carry = (uint8_t)(sum >> 8);
    }
    k[AES_BLOCK_LEN - 1] ^= (uint8_t)(0x87 & -carry); /* no branch: the bit is of a secret */
}

/* RFC 4493 2.4 */
void cmac(const uint8_t key[AES_KEY_LEN], const uint8_t *message, size_t len, uint8_t mac[CMAC_LEN])
{
    uint8_t subkey[AES_BLOCK_LEN];

    bytes_fill(mac, 0, CMAC_LEN);
    for (; len > AES_BLOCK_LEN; len -= AES_BLOCK_LEN) {
        bytes_xor(mac, message, AES_BLOCK_LEN);
        aes128_encrypt(key, mac);
        message += AES_BLOCK_LEN;
    }
    bytes_xor(mac, message, len);
    bytes_fill(subkey, 0, sizeof subkey);
    aes128_encrypt(key, subkey);
    subkey_double(subkey);
    if (len < AES_BLOCK_LEN) { /* an incomplete last block is padded and takes the second subkey */
        mac[len] ^= 0x80;
        subkey_double(subkey);
    }
    bytes_xor(mac, subkey, sizeof subkey);
    bytes_wipe(subkey, sizeof subkey);
    aes128_encrypt(key, mac);
}
