/*
 * CCM over AES-128 (RFC 3610, NIST SP 800-38C), in place.
 */
#ifndef SSM_CCM_H
#define SSM_CCM_H

#include "aes.h"
#include "bytes.h"

enum {
    CCM_NONCE_LEN_MAX = 13,
    CCM_AAD_LEN_MAX = 255, /* a length of one byte is all that we need (RFC 3610 2.2) */
};

/* What one message is protected with. The caller guarantees that no (key, nonce) pair ever seals twice. */
struct ccm {
    const uint8_t *key; /* AES_KEY_LEN bytes, the caller's */
    const uint8_t *nonce;
    uint8_t nonce_len; /* 7 to 13 */
    uint8_t tag_len;   /* 4, 6, ... 16 */
    const uint8_t *aad;
    uint8_t aad_len; /* at most CCM_AAD_LEN_MAX */
};

/* Encrypts `data` (len < 65536) in place and writes ccm->tag_len bytes of tag right behind it. */
void ccm_seal(const struct ccm *ccm, uint8_t *data, uint16_t len);

/*
 * Verifies the tag that stands right behind `data` and decrypts `data` in place.
 * SSM_BAD_TAG leaves `data` zeroed, so that no unauthenticated plaintext survives.
 */
SSM_MUST_CHECK enum status ccm_open(const struct ccm *ccm, uint8_t *data, uint16_t len);

#endif
