#include "handshake_filter.h"

#include "record.h"

enum { EPOCH_AT = 3, ALERT_LEN = 2, CIPHER_CHANGE = 1 };

static uint32_t read_u24(struct reader *r)
{
    uint32_t high = reader_u8(r);

    return high << 16 | reader_u16(r);
}

/* RFC 6347 4.2.2: type, length of the message, its number, offset and length of the fragment. */
static bool is_fragment(struct reader *r)
{
    (void)reader_u8(r);
    uint32_t message_len = read_u24(r);
    (void)reader_u16(r);
    uint32_t offset = read_u24(r);
    uint32_t len = read_u24(r);

    (void)reader_take(r, len);
    return r->status == SSM_OK && offset <= message_len && len <= message_len - offset;
}

static bool are_fragments(struct reader *r)
{
    bool is_good = r->left > 0;

    while (is_good && r->left > 0)
        is_good = is_fragment(r);
    return is_good;
}

bool handshake_filter_pass(const uint8_t *record, size_t len)
{
    if (len < RECORD_HEADER_LEN)
        return false;
    if (bytes_u16(record + EPOCH_AT) != 0)
        return true;

    struct reader body = reader_over(record + RECORD_HEADER_LEN, len - RECORD_HEADER_LEN);

    switch (record[0]) {
    case RECORD_HANDSHAKE:
        return are_fragments(&body);
    case RECORD_CHANGE_CIPHER_SPEC:
        return body.left == 1 && reader_u8(&body) == CIPHER_CHANGE;
    case RECORD_ALERT:
        return body.left == ALERT_LEN;
    default:
        return false;
    }
}
