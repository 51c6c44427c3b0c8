#include "keyblock.h"

enum { /* the flags byte */
    FLAG_CLIENT = 0x80,
    SUITE_MASK = 0x70, /* only zero, AES_128_CCM_8, is assigned */
    SLOT_SHIFT = 1,
    SLOT_MASK = 7,
    FLAG_REPLACES = 0x01,
};

void keyblock_encode(const struct keyblock *k, uint8_t out[KEYBLOCK_LEN])
{
    struct writer w = writer_over(out, KEYBLOCK_LEN);

    SSM_ASSERT(k->slot < KEYBLOCK_SLOTS && k->suite == KEYBLOCK_AES_128_CCM_8);
    writer_u16(&w, k->session);
    writer_u8(&w, (uint8_t)((k->role == KEYBLOCK_CLIENT ? FLAG_CLIENT : 0) | k->slot << SLOT_SHIFT |
                            (k->replaces ? FLAG_REPLACES : 0)));
    writer_u8(&w, k->first_send_seq);
    writer_u16(&w, k->scope);
    writer_u16(&w, k->lifetime_min);
    writer_bytes(&w, k->client.key, RECORD_KEY_LEN);
    writer_bytes(&w, k->server.key, RECORD_KEY_LEN);
    writer_bytes(&w, k->client.iv, RECORD_IV_LEN);
    writer_bytes(&w, k->server.iv, RECORD_IV_LEN);
}

enum status keyblock_decode(const uint8_t *buf, size_t len, struct keyblock *out)
{
    struct reader r = reader_over(buf, len);
    uint8_t flags;

    if (len != KEYBLOCK_LEN)
        return SSM_MALFORMED;
    out->session = reader_u16(&r);
    flags = reader_u8(&r);
    out->first_send_seq = reader_u8(&r);
    out->scope = reader_u16(&r);
    out->lifetime_min = reader_u16(&r);
    reader_copy(&r, out->client.key, RECORD_KEY_LEN);
    reader_copy(&r, out->server.key, RECORD_KEY_LEN);
    reader_copy(&r, out->client.iv, RECORD_IV_LEN);
    reader_copy(&r, out->server.iv, RECORD_IV_LEN);
    if ((flags & SUITE_MASK) != 0)
        return SSM_UNSUPPORTED;
    out->suite = KEYBLOCK_AES_128_CCM_8;
    out->role = (flags & FLAG_CLIENT) != 0 ? KEYBLOCK_CLIENT : KEYBLOCK_SERVER;
    out->slot = flags >> SLOT_SHIFT & SLOT_MASK;
    out->replaces = (flags & FLAG_REPLACES) != 0;
    return out->session != 0 && out->first_send_seq >= KEYBLOCK_FIRST_SEND_SEQ ? SSM_OK : SSM_MALFORMED;
}
