#include "ccm.h"

/* B_0 and S_i: encrypted flags, nonce, and a number in the last bytes (RFC 3610 2.2 and 2.3). */
static void block_make(const struct ccm *ccm, uint8_t flags, uint16_t number, uint8_t block[AES_BLOCK_LEN])
{
    bytes_fill(block, 0, AES_BLOCK_LEN);
    block[0] = (uint8_t)(flags | (14 - ccm->nonce_len)); /* L - 1 */
    bytes_copy(block + 1, ccm->nonce, ccm->nonce_len);
    bytes_put_u16(block + 14, number);
    aes128_encrypt(ccm->key, block);
}

/* Seals or opens in one pass, and gives U of RFC 3610 2.3, all 16 bytes: a CBC-MAC over the plaintext,
 * masked. */
static void crypt(const struct ccm *ccm, uint8_t *data, uint16_t len, bool open, uint8_t tag[AES_BLOCK_LEN])
{
    uint8_t stream[AES_BLOCK_LEN];

    block_make(ccm, (uint8_t)((ccm->aad_len > 0 ? 0x40 : 0) | (ccm->tag_len - 2) << 2), len, tag);
    if (ccm->aad_len > 0) {
        uint8_t at = 2; /* behind its length */
        tag[1] ^= ccm->aad_len;
        for (uint8_t i = 0; i < ccm->aad_len; i++) {
            if (at == AES_BLOCK_LEN) {
                aes128_encrypt(ccm->key, tag);
                at = 0;
            }
            tag[at++] ^= ccm->aad[i];
        }
        aes128_encrypt(ccm->key, tag);
    }
    for (uint16_t number = 1; len > 0; number++) {
        uint16_t part = len < AES_BLOCK_LEN ? len : AES_BLOCK_LEN;
        if (!open)
            bytes_xor(tag, data, part);
        block_make(ccm, 0, number, stream);
        bytes_xor(data, stream, part);
        if (open)
            bytes_xor(tag, data, part);
        aes128_encrypt(ccm->key, tag);
        data += part;
        len = (uint16_t)(len - part);
    }
    block_make(ccm, 0, 0, stream);
    bytes_xor(tag, stream, sizeof stream);
    bytes_wipe(stream, sizeof stream);
}

void ccm_seal(const struct ccm *ccm, uint8_t *data, uint16_t len)
{
    uint8_t tag[AES_BLOCK_LEN];

    crypt(ccm, data, len, false, tag);
    bytes_copy(data + len, tag, ccm->tag_len);
}

enum status ccm_open(const struct ccm *ccm, uint8_t *data, uint16_t len)
{
    uint8_t tag[AES_BLOCK_LEN];
    bool authentic;

    crypt(ccm, data, len, true, tag);
    authentic = bytes_equal(tag, data + len, ccm->tag_len);
    /* For a forged message this is the tag that would have been right. */
    bytes_wipe(tag, sizeof tag);
    if (authentic)
        return SSM_OK;
    bytes_wipe(data, len);
    return SSM_BAD_TAG;
}
