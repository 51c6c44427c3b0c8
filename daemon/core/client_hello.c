#include "client_hello.h"

#include "record.h"

enum {
    CLIENT_HELLO = 1,                /* RFC 5246 7.4 */
    PSK_WITH_AES_128_CCM_8 = 0xC0A8, /* RFC 6655 7 */
    SUITE_LEN = 2,
};

static bool is_whole_hello(struct reader *r)
{
    struct handshake_fragment f;

    return handshake_fragment_read(r, &f) == SSM_OK && f.type == CLIENT_HELLO && f.offset == 0 &&
           f.len == f.message_len && f.len == r->left;
}

static bool has_suite(struct reader suites, uint16_t suite)
{
    while (suites.left >= SUITE_LEN)
        if (reader_u16(&suites) == suite)
            return true;
    return false;
}

bool client_hello_read(const struct handshake_record *record, struct client_hello *out)
{
    struct reader r = reader_over(record->body, record->body_len);

    if (record->epoch != 0 || record->type != RECORD_HANDSHAKE || !is_whole_hello(&r))
        return false;
    (void)reader_u16(&r); /* client_version */
    out->random = reader_take(&r, CLIENT_HELLO_RANDOM_LEN);
    (void)reader_take(&r, reader_u8(&r)); /* session_id */
    (void)reader_take(&r, reader_u8(&r)); /* cookie */
    size_t suites_len = reader_u16(&r);
    const uint8_t *suites = reader_take(&r, suites_len);
    if (r.status != SSM_OK)
        return false;
    out->offers_psk = has_suite(reader_over(suites, suites_len), PSK_WITH_AES_128_CCM_8);
    return true;
}
