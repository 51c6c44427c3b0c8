#include "linkframe.h"

#include "aes.h"

enum { /* first byte of a relayed record */
       KIND_SHIFT = 5,
       KIND_MASK = 7 << KIND_SHIFT,
       FLAG_ALERT = 0x10,
       WIDTH_SHIFT = 2,
       FLAG_EXPLICIT = 0x02,
       FLAG_RESERVED = 0x01,
};

uint8_t link_kind_of(const uint8_t *datagram, size_t len)
{
    return len > 0 ? (uint8_t)(datagram[0] >> KIND_SHIFT) : 0;
}

enum { FLAGS_AND_HANDLE_LEN = 3 };

/* Bytes of the sequence number, by the width code of the flags. */
static const uint8_t WIDTHS[] = {2, 3, 4, SEQ48_LEN};

/* The code of the fewest bytes that hold the sequence number. */
static uint8_t width_code_of(const struct seq48 *seq)
{
    if ((seq->bytes[0] | seq->bytes[1]) != 0)
        return 3;
    if (seq->bytes[2] != 0)
        return 2;
    return seq->bytes[3] != 0 ? 1 : 0;
}

uint8_t *linkframe_put_header(uint16_t handle, const struct record *r)
{
    uint8_t code = width_code_of(&r->seq);
    uint8_t width = WIDTHS[code];
    uint8_t flags = (uint8_t)(LINK_RECORD << KIND_SHIFT | code << WIDTH_SHIFT);
    uint8_t *at = r->body;

    SSM_ASSERT(handle != 0 && record_epoch(r) == 1);
    SSM_ASSERT(r->type == RECORD_APPLICATION_DATA || r->type == RECORD_ALERT);
    if (r->type == RECORD_ALERT)
        flags |= FLAG_ALERT;
    if (!record_explicit_nonce_is_implied(r)) {
        flags |= FLAG_EXPLICIT;
        at -= RECORD_EXPLICIT_LEN;
        bytes_copy(at, r->explicit_nonce, RECORD_EXPLICIT_LEN);
    }
    at -= width;
    bytes_copy(at, r->seq.bytes + SEQ48_LEN - width, width);
    at -= FLAGS_AND_HANDLE_LEN;
    at[0] = flags;
    bytes_put_u16(at + 1, handle);
    return at;
}

uint16_t linkframe_handle_of(const uint8_t *datagram, size_t len)
{
    return len < FLAGS_AND_HANDLE_LEN ? 0 : bytes_u16(datagram + 1);
}

enum status linkframe_decode(uint8_t *datagram, size_t len, uint16_t *handle, struct record *out)
{
    uint8_t flags;
    uint8_t code;
    uint8_t width;
    uint8_t header_len;

    if (len < LINK_RECORD_HEADER_MIN)
        return SSM_TRUNCATED;
    flags = datagram[0];
    code = flags >> WIDTH_SHIFT & 3;
    width = WIDTHS[code];
    header_len =
        (uint8_t)(FLAGS_AND_HANDLE_LEN + width + ((flags & FLAG_EXPLICIT) != 0 ? RECORD_EXPLICIT_LEN : 0));
    if (len < (size_t)header_len + RECORD_TAG_LEN)
        return SSM_TRUNCATED;
    *handle = linkframe_handle_of(datagram, len);
    out->type = (flags & FLAG_ALERT) != 0 ? RECORD_ALERT : RECORD_APPLICATION_DATA;
    bytes_put_u16(out->version, RECORD_VERSION_DTLS12);
    out->body = datagram + header_len;
    out->body_len = (uint16_t)(len - header_len);
    bytes_fill(out, 0, RECORD_EXPLICIT_LEN); /* epoch || seq */
    out->epoch[1] = 1;
    bytes_copy(out->seq.bytes + SEQ48_LEN - width, datagram + FLAGS_AND_HANDLE_LEN, width);
    record_set_explicit_nonce(out);
    if ((flags & (KIND_MASK | FLAG_RESERVED)) != LINK_RECORD << KIND_SHIFT || *handle == 0 ||
        code != width_code_of(&out->seq))
        return SSM_MALFORMED;
    if ((flags & FLAG_EXPLICIT) == 0)
        return SSM_OK;
    bytes_copy(out->explicit_nonce, out->body - RECORD_EXPLICIT_LEN, RECORD_EXPLICIT_LEN);
    return record_explicit_nonce_is_implied(out) ? SSM_MALFORMED : SSM_OK;
}

void linkframe_tag(const uint8_t tag_key[LINK_TAG_KEY_LEN], uint16_t handle, const struct record *r,
                   uint8_t tag[LINK_TAG_LEN])
{
    uint8_t block[AES_BLOCK_LEN];

    bytes_copy(block, record_number(r), RECORD_EXPLICIT_LEN);
    bytes_put_u16(block, handle); /* in place of the epoch */
    bytes_copy(block + RECORD_EXPLICIT_LEN, r->body + r->body_len - RECORD_TAG_LEN, RECORD_TAG_LEN);
    aes128_encrypt(tag_key, block);
    bytes_copy(tag, block, LINK_TAG_LEN);
}

enum status linkframe_check_tag(const uint8_t tag_key[LINK_TAG_KEY_LEN], uint16_t handle, struct record *r)
{
    uint8_t expected[LINK_TAG_LEN];

    if (r->body_len < RECORD_TAG_LEN + LINK_TAG_LEN)
        return SSM_MALFORMED;
    r->body_len = (uint16_t)(r->body_len - LINK_TAG_LEN);
    linkframe_tag(tag_key, handle, r, expected);
    if (bytes_equal(expected, r->body + r->body_len, LINK_TAG_LEN))
        return SSM_OK;
    r->body_len = (uint16_t)(r->body_len + LINK_TAG_LEN);
    return SSM_BAD_TAG;
}
