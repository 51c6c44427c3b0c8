/*
 * Seals and opens every known answer of AES-CCM. What it found stands in `results`, one word for each, where
 * the check of the emulator looks for it.
 */
#include "aes.h"
#include "bytes.h"
#include "ccm.h"
#include "ccm_vectors.h"

enum { ANSWERS = sizeof CCM_VECTORS / sizeof CCM_VECTORS[0], BUFFER_LEN = 64 };

enum result { RESULT_SEALED = 1, RESULT_OPENED = 2 };

uint16_t results[ANSWERS];
uint16_t answers;

int main(void);

static uint8_t digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static uint8_t read_hex(const char *hex, uint8_t *out)
{
    uint8_t len = 0;

    for (; hex[0] != 0; hex += 2)
        out[len++] = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
    return len;
}

static uint16_t check(const struct ccm_vector *v)
{
    static uint8_t key[AES_KEY_LEN], nonce[CCM_NONCE_LEN_MAX], aad[BUFFER_LEN], data[BUFFER_LEN],
        sealed[BUFFER_LEN], plain[BUFFER_LEN];
    uint16_t result = 0;
    uint8_t len = read_hex(v->plain, plain), sealed_len = read_hex(v->sealed, sealed);
    struct ccm ccm = {.key = key, .nonce = nonce, .tag_len = (uint8_t)v->tag_len, .aad = aad};

    read_hex(v->key, key);
    ccm.nonce_len = read_hex(v->nonce, nonce);
    ccm.aad_len = read_hex(v->aad, aad);
    bytes_copy(data, plain, len);
    ccm_seal(&ccm, data, len);
    if (bytes_equal(data, sealed, sealed_len))
        result |= RESULT_SEALED;
    if (ccm_open(&ccm, data, len) == SSM_OK && bytes_equal(data, plain, len))
        result |= RESULT_OPENED;
    return result;
}

int main(void)
{
    answers = ANSWERS;
    for (uint16_t i = 0; i < ANSWERS; i++)
        results[i] = check(&CCM_VECTORS[i]);
    return 0;
}
