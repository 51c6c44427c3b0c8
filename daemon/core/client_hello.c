#include "client_hello.h"

#include "record.h"

enum {
    CLIENT_HELLO = 1,                /* RFC 5246 7.4 */
    HELLO_VERIFY_REQUEST = 3,        /* RFC 6347 4.3.2 */
    PSK_WITH_AES_128_CCM_8 = 0xC0A8, /* RFC 6655 7 */
    SUITE_LEN = 2,
    EXTENDED_MASTER_SECRET = 23, /* RFC 7627 7 */
};

static bool is_whole_hello(struct reader *r, struct handshake_fragment *f)
{
    return handshake_fragment_read(r, f) == SSM_OK && f->type == CLIENT_HELLO && f->offset == 0 &&
           f->len == f->message_len && f->len == r->left;
}

static bool has_suite(struct reader suites, uint16_t suite)
{
    while (suites.left >= SUITE_LEN)
        if (reader_u16(&suites) == suite)
            return true;
    return false;
}

/* Of what may follow the suites: what does not parse has no extensions here, and is refused by the library.
 */
static bool has_extension(struct reader r, uint16_t wanted)
{
    (void)reader_take(&r, reader_u8(&r)); /* compression_methods */
    (void)reader_u16(&r);                 /* the length of all, which is that of the rest */
    while (r.status == SSM_OK && r.left > 0) {
        uint16_t type = reader_u16(&r);

        (void)reader_take(&r, reader_u16(&r));
        if (r.status == SSM_OK && type == wanted)
            return true;
    }
    return false;
}

bool client_hello_read(const struct handshake_record *record, struct client_hello *out)
{
    struct reader r = reader_over(record->body, record->body_len);
    struct handshake_fragment f;

    if (record->epoch != 0 || record->type != RECORD_HANDSHAKE || !is_whole_hello(&r, &f))
        return false;
    out->seq = record->seq;
    out->message_seq = f.message_seq;
    (void)reader_u16(&r); /* client_version */
    out->random = reader_take(&r, CLIENT_HELLO_RANDOM_LEN);
    out->session_id_len = reader_u8(&r);
    out->session_id = reader_take(&r, out->session_id_len);
    out->cookie_len = reader_u8(&r);
    out->cookie = reader_take(&r, out->cookie_len);
    size_t suites_len = reader_u16(&r);
    const uint8_t *suites = reader_take(&r, suites_len);
    if (r.status != SSM_OK)
        return false;
    out->offers_psk = has_suite(reader_over(suites, suites_len), PSK_WITH_AES_128_CCM_8);
    out->offers_extended_master_secret = has_extension(r, EXTENDED_MASTER_SECRET);
    return true;
}

static void write_u24(struct writer *w, uint16_t value)
{
    writer_u8(w, 0);
    writer_u16(w, value);
}

/* RFC 6347 4.2.1: "the server MUST use the record sequence number in the ClientHello as the record sequence
 * number in the HelloVerifyRequest", and "the same version number [...] that it would use when sending a
 * ServerHello". */
void client_hello_ask_cookie(const struct client_hello *hello, const uint8_t cookie[HANDSHAKE_COOKIE_LEN],
                             uint8_t out[HELLO_VERIFY_REQUEST_LEN])
{
    enum { BODY_LEN = 3 + HANDSHAKE_COOKIE_LEN, FRAGMENT_HEADER_LEN = 12 };
    struct writer w = writer_over(out, HELLO_VERIFY_REQUEST_LEN);

    writer_u8(&w, RECORD_HANDSHAKE);
    writer_u16(&w, RECORD_VERSION_DTLS12);
    writer_u16(&w, 0); /* epoch */
    writer_bytes(&w, hello->seq.bytes, SEQ48_LEN);
    writer_u16(&w, FRAGMENT_HEADER_LEN + BODY_LEN);
    writer_u8(&w, HELLO_VERIFY_REQUEST);
    write_u24(&w, BODY_LEN);
    writer_u16(&w, hello->message_seq);
    write_u24(&w, 0); /* offset */
    write_u24(&w, BODY_LEN);
    writer_u16(&w, RECORD_VERSION_DTLS12);
    writer_u8(&w, HANDSHAKE_COOKIE_LEN);
    writer_bytes(&w, cookie, HANDSHAKE_COOKIE_LEN);
}
