/*
 * The project's AES, CCM and CMAC over their known answers, as Thumb code on the emulated core.
 */
#include "ccm.h"
#include "ccm_vectors.h"
#include "cmac.h"
#include "cmac_vectors.h"
#include "print.h"

void on_interrupt(void);
int main(void);

enum {
    CCM_COUNT = sizeof CCM_VECTORS / sizeof CCM_VECTORS[0],
    CMAC_COUNT = sizeof CMAC_VECTORS / sizeof CMAC_VECTORS[0]
};
enum { FIELD_MAX = 80 };

void on_interrupt(void)
{
}

static uint8_t digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static uint16_t hex(const char *text, uint8_t *out)
{
    uint16_t len = 0;

    for (; *text != '\0'; text += 2)
        out[len++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
    return len;
}

static bool ccm_is_right(const struct ccm_vector *v)
{
    uint8_t key[AES_KEY_LEN], nonce[CCM_NONCE_LEN_MAX], aad[FIELD_MAX], data[FIELD_MAX], plain[FIELD_MAX];
    uint8_t sealed[FIELD_MAX];
    uint16_t len = hex(v->plain, data);
    struct ccm ccm = {.key = key, .nonce = nonce, .aad = aad, .tag_len = (uint8_t)v->tag_len};

    hex(v->key, key);
    hex(v->plain, plain);
    ccm.nonce_len = (uint8_t)hex(v->nonce, nonce);
    ccm.aad_len = (uint8_t)hex(v->aad, aad);
    uint16_t sealed_len = hex(v->sealed, sealed);
    ccm_seal(&ccm, data, len);
    if (!bytes_equal(data, sealed, sealed_len))
        return false;
    return ccm_open(&ccm, data, len) == SSM_OK && bytes_equal(data, plain, len);
}

static bool cmac_is_right(unsigned number)
{
    uint8_t key[AES_KEY_LEN], message[FIELD_MAX], expected[CMAC_LEN], mac[CMAC_LEN];

    hex(CMAC_KEY, key);
    hex(CMAC_MESSAGE, message);
    hex(CMAC_VECTORS[number].mac, expected);
    cmac(key, message, CMAC_VECTORS[number].len, mac);
    return bytes_equal(mac, expected, sizeof mac);
}

int main(void)
{
    uint32_t right = 0;

    print_start();
    for (unsigned i = 0; i < CCM_COUNT; i++)
        right += ccm_is_right(&CCM_VECTORS[i]);
    print_check("CCM", right, CCM_COUNT);
    right = 0;
    for (unsigned i = 0; i < CMAC_COUNT; i++)
        right += cmac_is_right(i);
    print_check("CMAC", right, CMAC_COUNT);
    print_end();
}
