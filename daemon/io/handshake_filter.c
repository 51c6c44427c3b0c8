#include "handshake_filter.h"

#include "handshake_work.h"
#include "record.h"

enum { EPOCH_AT = 3, ALERT_LEN = 2, CIPHER_CHANGE = 1, FINISHED = 20 };

static bool is_fragment(struct reader *r)
{
    struct handshake_fragment f;

    if (handshake_fragment_read(r, &f) != SSM_OK)
        return false;
    (void)reader_take(r, f.len);
    return r->status == SSM_OK && f.offset <= f.message_len && f.len <= f.message_len - f.offset &&
           f.type != FINISHED;
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
