#include "keyblock.h"

enum { /* where the fields stand */
       SESSION_AT = 0,
       FLAGS_AT = 2,
       FIRST_SEND_SEQ_AT = 3,
       SCOPE_AT = 4,
       LIFETIME_AT = 6,
       CLIENT_AT = 8,
       SERVER_AT = CLIENT_AT + RECORD_KEY_LEN + RECORD_IV_LEN,
};

enum {                    /* the flags byte */
       SUITE_MASK = 0x70, /* only zero, AES_128_CCM_8, is assigned */
       SLOT_SHIFT = 1,
       SLOT_MASK = 7,
       FLAG_REPLACES = 0x01,
};

void keyblock_encode(const struct keyblock *k, uint8_t out[KEYBLOCK_LEN])
{
    SSM_ASSERT(k->slot < KEYBLOCK_SLOTS && k->suite == KEYBLOCK_AES_128_CCM_8);
    bytes_put_u16(out + SESSION_AT, k->session);
    out[FLAGS_AT] = (uint8_t)(k->role | k->slot << SLOT_SHIFT | (k->replaces ? FLAG_REPLACES : 0));
    out[FIRST_SEND_SEQ_AT] = k->first_send_seq;
    bytes_put_u16(out + SCOPE_AT, k->scope);
    bytes_put_u16(out + LIFETIME_AT, k->lifetime_min);
    bytes_copy(out + CLIENT_AT, &k->client, sizeof k->client);
    bytes_copy(out + SERVER_AT, &k->server, sizeof k->server);
}

enum status keyblock_decode(const uint8_t *buf, size_t len, struct keyblock *out)
{
    uint8_t flags;

    if (len != KEYBLOCK_LEN)
        return SSM_MALFORMED;
    flags = buf[FLAGS_AT];
    if ((flags & SUITE_MASK) != 0)
        return SSM_UNSUPPORTED;
    out->session = bytes_u16(buf + SESSION_AT);
    out->role = flags & KEYBLOCK_CLIENT;
    out->suite = KEYBLOCK_AES_128_CCM_8;
    out->slot = flags >> SLOT_SHIFT & SLOT_MASK;
    out->replaces = (flags & FLAG_REPLACES) != 0;
    out->first_send_seq = buf[FIRST_SEND_SEQ_AT];
    out->scope = bytes_u16(buf + SCOPE_AT);
    out->lifetime_min = bytes_u16(buf + LIFETIME_AT);
    bytes_copy(&out->client, buf + CLIENT_AT, sizeof out->client);
    bytes_copy(&out->server, buf + SERVER_AT, sizeof out->server);
    return out->session != 0 && out->first_send_seq >= KEYBLOCK_FIRST_SEND_SEQ ? SSM_OK : SSM_MALFORMED;
}
