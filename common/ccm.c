#include "ccm.h"

/*
 * Goes on with a CBC-MAC (RFC 3610 2.2) whose next block already holds `filled` bytes, and pads with zeros at
 * the end.
 */
static void mac_absorb(const uint8_t *key, uint8_t block[AES_BLOCK_LEN], uint8_t filled, const uint8_t *bytes,
                       uint16_t len)
{
    while (len-- > 0) {
        block[filled++] ^= *bytes++;
        if (filled == AES_BLOCK_LEN) {
            aes128_encrypt(key, block);
            filled = 0;
        }
    }
    if (filled > 0)
        aes128_encrypt(key, block);
}

/* B_0 and S_i: encrypted flags, nonce, and a number in the last bytes (RFC 3610 2.2 and 2.3). */
static void block_make(const struct ccm *ccm, uint8_t flags, uint16_t number, uint8_t block[AES_BLOCK_LEN])
{
    bytes_fill(block, 0, AES_BLOCK_LEN);
    block[0] = (uint8_t)(flags | (14 - ccm->nonce_len)); /* L - 1 */
    bytes_copy(block + 1, ccm->nonce, ccm->nonce_len);
    bytes_put_u16(block + 14, number);
    aes128_encrypt(ccm->key, block);
}

/* U of RFC 3610 2.3, all 16 bytes. */
static void tag_compute(const struct ccm *ccm, const uint8_t *data, uint16_t len, uint8_t tag[AES_BLOCK_LEN])
{
    uint8_t mask[AES_BLOCK_LEN];

    block_make(ccm, (uint8_t)((ccm->aad_len > 0 ? 0x40 : 0) | (ccm->tag_len - 2) << 2), len, tag);
    if (ccm->aad_len > 0) {
        tag[0] ^= (uint8_t)(ccm->aad_len >> 8);
        tag[1] ^= (uint8_t)ccm->aad_len;
        mac_absorb(ccm->key, tag, 2, ccm->aad, ccm->aad_len);
    }
    mac_absorb(ccm->key, tag, 0, data, len);
    block_make(ccm, 0, 0, mask);
    bytes_xor(tag, mask, sizeof mask);
}

/* Counter mode from A_1 on; encrypts and decrypts (RFC 3610 2.3). */
static void counter_crypt(const struct ccm *ccm, uint8_t *data, uint16_t len)
{
    uint8_t stream[AES_BLOCK_LEN];

    for (uint16_t number = 1; len > 0; number++) {
        uint16_t part = len < AES_BLOCK_LEN ? len : AES_BLOCK_LEN;
        block_make(ccm, 0, number, stream);
        bytes_xor(data, stream, part);
        data += part;
        len = (uint16_t)(len - part);
    }
    bytes_wipe(stream, sizeof stream);
}

void ccm_seal(const struct ccm *ccm, uint8_t *data, uint16_t len)
{
    uint8_t tag[AES_BLOCK_LEN];

    tag_compute(ccm, data, len, tag);
    counter_crypt(ccm, data, len);
    bytes_copy(data + len, tag, ccm->tag_len);
}

enum status ccm_open(const struct ccm *ccm, uint8_t *data, uint16_t len)
{
    uint8_t tag[AES_BLOCK_LEN];
    bool authentic;

    counter_crypt(ccm, data, len);
    tag_compute(ccm, data, len, tag);
    authentic = bytes_equal(tag, data + len, ccm->tag_len);
    /* For a forged message this is the tag that would have been right. */
    bytes_wipe(tag, sizeof tag);
    if (authentic)
        return SSM_OK;
    bytes_wipe(data, len);
    return SSM_BAD_TAG;
}
