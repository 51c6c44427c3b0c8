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

enum { FLAGS_AND_HANDLE_LEN = 3, NUMBER_LEN = RECORD_EXPLICIT_LEN };

/* Bytes of the sequence number, by the width code of the flags. */
static const uint8_t WIDTHS[] = {2, 3, 4, SEQ48_LEN};

/* The code of the fewest bytes that hold the sequence number in epoch || seq. */
static uint8_t width_code_of(const uint8_t number[NUMBER_LEN])
{
    if ((number[2] | number[3]) != 0)
        return 3;
    if (number[4] != 0)
        return 2;
    return number[5] != 0 ? 1 : 0;
}

uint8_t *linkframe_put_header(uint16_t handle, const struct record *r)
{
    uint8_t number[NUMBER_LEN];
    uint8_t flags = LINK_RECORD << KIND_SHIFT;
    uint8_t *at = r->body;
    uint8_t code;
    uint8_t width;

    SSM_ASSERT(handle != 0 && r->epoch == 1);
    SSM_ASSERT(r->type == RECORD_APPLICATION_DATA || r->type == RECORD_ALERT);
    record_number_encode(r, number);
    if (r->type == RECORD_ALERT)
        flags |= FLAG_ALERT;
    if (!bytes_equal(number, r->explicit_nonce, NUMBER_LEN)) {
        flags |= FLAG_EXPLICIT;
        at -= NUMBER_LEN;
        bytes_copy(at, r->explicit_nonce, NUMBER_LEN);
    }
    code = width_code_of(number);
    width = WIDTHS[code];
    at -= width;
    bytes_copy(at, number + NUMBER_LEN - width, width);
    at -= FLAGS_AND_HANDLE_LEN;
    at[0] = (uint8_t)(flags | code << WIDTH_SHIFT);
    bytes_put_u16(at + 1, handle);
    return at;
}

/* Sequence number and explicit nonce, from where they stand in a frame long enough to hold them. */
static enum status number_decode(const uint8_t *at, uint8_t flags, struct record *out)
{
    uint8_t code = flags >> WIDTH_SHIFT & 3;
    uint8_t width = WIDTHS[code];
    uint8_t number[NUMBER_LEN];
    const uint8_t *explicit_nonce = number;

    bytes_fill(number, 0, NUMBER_LEN);
    number[1] = 1; /* epoch */
    bytes_copy(number + NUMBER_LEN - width, at, width);
    if (code != width_code_of(number))
        return SSM_MALFORMED;
    if ((flags & FLAG_EXPLICIT) != 0) {
        explicit_nonce = at + width;
        if (bytes_equal(explicit_nonce, number, NUMBER_LEN))
            return SSM_MALFORMED;
    }
    bytes_copy(out->explicit_nonce, explicit_nonce, NUMBER_LEN);
    seq48_decode(&out->seq, number + NUMBER_LEN - SEQ48_LEN);
    return SSM_OK;
}

enum status linkframe_decode(uint8_t *datagram, size_t len, uint16_t *handle, struct record *out)
{
    uint8_t flags;
    uint8_t header_len;

    if (len < LINK_RECORD_HEADER_MIN)
        return SSM_TRUNCATED;
    flags = datagram[0];
    header_len = (uint8_t)(FLAGS_AND_HANDLE_LEN + WIDTHS[flags >> WIDTH_SHIFT & 3]);
    if ((flags & FLAG_EXPLICIT) != 0)
        header_len += NUMBER_LEN;
    if (len < header_len)
        return SSM_TRUNCATED;
    len -= header_len;
    *handle = bytes_u16(datagram + 1);
    if ((flags & (KIND_MASK | FLAG_RESERVED)) != LINK_RECORD << KIND_SHIFT || *handle == 0 ||
        len < RECORD_TAG_LEN || len > RECORD_LEN_MAX)
        return SSM_MALFORMED;
    out->type = (flags & FLAG_ALERT) != 0 ? RECORD_ALERT : RECORD_APPLICATION_DATA;
    out->version = RECORD_VERSION_DTLS12;
    out->epoch = 1;
    out->body = datagram + header_len;
    out->body_len = (uint16_t)len;
    return number_decode(datagram + FLAGS_AND_HANDLE_LEN, flags, out);
}

void linkframe_tag(const uint8_t tag_key[LINK_TAG_KEY_LEN], uint16_t handle, const struct record *r,
                   uint8_t tag[LINK_TAG_LEN])
{
    uint8_t block[AES_BLOCK_LEN];

    SSM_ASSERT(r->body_len >= RECORD_TAG_LEN);
    record_number_encode(r, block);
    bytes_put_u16(block, handle); /* in place of the epoch */
    bytes_copy(block + NUMBER_LEN, r->body + r->body_len - RECORD_TAG_LEN, RECORD_TAG_LEN);
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
