#include "raw_client.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <mbedtls/md.h>
#include <mbedtls/ssl.h>
#include <string.h>

enum {
    KEY_BLOCK_LEN = 2 * (RECORD_KEY_LEN + RECORD_IV_LEN),
    HASH_LEN = 32,
    RECORD_MAX = RECORD_SEALED_HEADER_LEN + RAW_BODY_MAX + RECORD_TAG_LEN,
    SERVER_NAME_HOST = 0,
};

/* ---- ClientHello ---- */

struct raw_hello raw_hello_psk(void)
{
    return (struct raw_hello){.record_version = RAW_VERSION_DTLS12,
                              .version = RAW_VERSION_DTLS12,
                              .suites = {RAW_SUITE_PSK_CCM_8},
                              .suite_count = 1,
                              .compression_count = 1};
}

void raw_hello_add_suite(struct raw_hello *hello, uint16_t suite)
{
    assert_true(hello->suite_count < sizeof hello->suites / sizeof hello->suites[0]);
    hello->suites[hello->suite_count++] = suite;
}

void raw_hello_add_extension(struct raw_hello *hello, uint16_t type, const void *data, size_t len)
{
    struct writer w = writer_over(hello->extensions + hello->extensions_len,
                                  sizeof hello->extensions - hello->extensions_len);

    writer_u16(&w, type);
    writer_u16(&w, (uint16_t)len);
    writer_bytes(&w, data, len);
    hello->extensions_len += w.len;
}

void raw_hello_add_server_name(struct raw_hello *hello, const char *name)
{
    uint8_t list[256];
    struct writer w = writer_over(list, sizeof list);
    size_t len = strlen(name);

    writer_u16(&w, (uint16_t)(len + 3));
    writer_u8(&w, SERVER_NAME_HOST);
    writer_u16(&w, (uint16_t)len);
    writer_bytes(&w, (const uint8_t *)name, len);
    raw_hello_add_extension(hello, RAW_EXTENSION_SERVER_NAME, list, w.len);
}

static size_t hello_encode(const struct raw_client *c, const struct raw_hello *hello, uint8_t *out)
{
    struct writer w = writer_over(out, RAW_HELLO_MAX);

    writer_u16(&w, hello->version);
    writer_bytes(&w, hello->random, sizeof hello->random);
    writer_u8(&w, hello->session_id_len);
    writer_bytes(&w, hello->session_id, hello->session_id_len);
    writer_u8(&w, c->cookie_len);
    writer_bytes(&w, c->cookie, c->cookie_len);
    writer_u16(&w, (uint16_t)(2 * hello->suite_count));
    for (size_t i = 0; i < hello->suite_count; i++)
        writer_u16(&w, hello->suites[i]);
    writer_u8(&w, (uint8_t)hello->compression_count);
    writer_bytes(&w, hello->compressions, hello->compression_count);
    if (hello->extensions_len > 0) {
        writer_u16(&w, (uint16_t)hello->extensions_len);
        writer_bytes(&w, hello->extensions, hello->extensions_len);
    }
    writer_bytes(&w, hello->trailer, hello->trailer_len);
    return w.len;
}

/* ---- records that leave ---- */

static void record_send(struct raw_client *c, uint8_t type, uint16_t epoch, uint16_t version,
                        const void *fragment, size_t len)
{
    uint8_t buf[RECORD_MAX];
    struct record r = {.type = type, .seq = c->seq[epoch], .body_len = (uint16_t)len};

    assert_true(len <= RAW_BODY_MAX);
    bytes_put_u16(r.version, version);
    bytes_put_u16(r.epoch, epoch);
    r.body = buf + RECORD_SEALED_HEADER_LEN;
    bytes_copy(r.body, fragment, len);
    seq48_increment(&c->seq[epoch]);
    if (epoch > 0) {
        record_set_explicit_nonce(&r);
        record_seal(&c->client_key, &r);
    }
    uint8_t *at = record_put_header(&r);
    c->output(c->ctx, at, (size_t)(r.body - at) + r.body_len);
}

void raw_send_record(struct raw_client *c, uint8_t type, uint16_t epoch, const void *fragment, size_t len)
{
    record_send(c, type, epoch, RAW_VERSION_DTLS12, fragment, len);
}

static size_t header_put(uint8_t *out, uint8_t type, size_t total, uint16_t message_seq, size_t offset,
                         size_t len)
{
    struct writer w = writer_over(out, RAW_HANDSHAKE_HEADER_LEN);

    writer_u8(&w, type);
    writer_u8(&w, (uint8_t)(total >> 16));
    writer_u16(&w, (uint16_t)total);
    writer_u16(&w, message_seq);
    writer_u8(&w, (uint8_t)(offset >> 16));
    writer_u16(&w, (uint16_t)offset);
    writer_u8(&w, (uint8_t)(len >> 16));
    writer_u16(&w, (uint16_t)len);
    return w.len;
}

/* The transcript has each message as if it were one fragment (RFC 6347 4.2.6). */
static void transcript_add(struct raw_client *c, uint8_t type, uint16_t message_seq, const uint8_t *body,
                           size_t len)
{
    assert_true(c->transcript_len + RAW_HANDSHAKE_HEADER_LEN + len <= sizeof c->transcript);
    c->transcript_len += header_put(c->transcript + c->transcript_len, type, len, message_seq, 0, len);
    bytes_copy(c->transcript + c->transcript_len, body, len);
    c->transcript_len += len;
}

void raw_send_fragment(struct raw_client *c, uint8_t type, uint16_t message_seq, const uint8_t *body,
                       size_t total, size_t offset, size_t len)
{
    uint8_t buf[RAW_HANDSHAKE_HEADER_LEN + RAW_HELLO_MAX];

    assert_true(len <= RAW_HELLO_MAX);
    size_t at = header_put(buf, type, total, message_seq, offset, len);
    bytes_copy(buf + at, body + offset, len);
    raw_send_record(c, RECORD_HANDSHAKE, 0, buf, at + len);
}

uint16_t raw_note_message(struct raw_client *c, uint8_t type, const void *body, size_t len)
{
    transcript_add(c, type, c->message_seq, body, len);
    return c->message_seq++;
}

void raw_send_message(struct raw_client *c, uint8_t type, const void *body, size_t len)
{
    raw_send_fragment(c, type, raw_note_message(c, type, body, len), body, len, 0, len);
}

/* Writes the body; the transcript starts with it. */
static size_t hello_begin(struct raw_client *c, const struct raw_hello *hello, uint8_t *out,
                          uint16_t *message_seq)
{
    size_t len = hello_encode(c, hello, out);

    bytes_copy(c->client_random, hello->random, sizeof c->client_random);
    c->transcript_len = 0;
    *message_seq = raw_note_message(c, RAW_CLIENT_HELLO, out, len);
    return len;
}

void raw_send_hello(struct raw_client *c, const struct raw_hello *hello)
{
    uint8_t message[RAW_HANDSHAKE_HEADER_LEN + RAW_HELLO_MAX];
    uint16_t seq;
    size_t len = hello_begin(c, hello, message + RAW_HANDSHAKE_HEADER_LEN, &seq);

    (void)header_put(message, RAW_CLIENT_HELLO, len, seq, 0, len);
    record_send(c, RECORD_HANDSHAKE, 0, hello->record_version, message, RAW_HANDSHAKE_HEADER_LEN + len);
}

void raw_send_hello_in_two(struct raw_client *c, const struct raw_hello *hello)
{
    uint8_t body[RAW_HELLO_MAX];
    uint16_t seq;
    size_t len = hello_begin(c, hello, body, &seq);

    raw_send_fragment(c, RAW_CLIENT_HELLO, seq, body, len, 0, len / 2);
    raw_send_fragment(c, RAW_CLIENT_HELLO, seq, body, len, len / 2, len - len / 2);
}

void raw_send_alert(struct raw_client *c, uint8_t level, uint8_t description)
{
    const uint8_t body[2] = {level, description};

    raw_send_record(c, RECORD_ALERT, 0, body, sizeof body);
}

void raw_send_change_cipher_spec(struct raw_client *c)
{
    const uint8_t body[1] = {1};

    raw_send_record(c, RECORD_CHANGE_CIPHER_SPEC, 0, body, sizeof body);
}

/* ---- keys ---- */

size_t raw_psk_key_exchange(const void *identity, size_t identity_len, uint8_t *out)
{
    bytes_put_u16(out, (uint16_t)identity_len);
    bytes_copy(out + 2, identity, identity_len);
    return 2 + identity_len;
}

static void hash(const uint8_t *data, size_t len, uint8_t out[HASH_LEN])
{
    assert_int_equal(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data, len, out), 0);
}

static void prf(const uint8_t *secret, size_t secret_len, const char *label, const uint8_t *seed,
                size_t seed_len, uint8_t *out, size_t len)
{
    assert_int_equal(
        mbedtls_ssl_tls_prf(MBEDTLS_SSL_TLS_PRF_SHA256, secret, secret_len, label, seed, seed_len, out, len),
        0);
}

static void keys_derive(struct raw_client *c)
{
    uint8_t seed[2 * RAW_RANDOM_LEN];
    uint8_t block[KEY_BLOCK_LEN];

    bytes_copy(seed, c->server_random, RAW_RANDOM_LEN);
    bytes_copy(seed + RAW_RANDOM_LEN, c->client_random, RAW_RANDOM_LEN);
    prf(c->master, sizeof c->master, "key expansion", seed, sizeof seed, block, sizeof block);
    struct reader r = reader_over(block, sizeof block);
    reader_copy(&r, c->client_key.key, RECORD_KEY_LEN);
    reader_copy(&r, c->server_key.key, RECORD_KEY_LEN);
    reader_copy(&r, c->client_key.iv, RECORD_IV_LEN);
    reader_copy(&r, c->server_key.iv, RECORD_IV_LEN);
}

void raw_derive(struct raw_client *c, const uint8_t *premaster, size_t len)
{
    uint8_t seed[2 * RAW_RANDOM_LEN];
    size_t unused;

    if (raw_server_extension(c, RAW_EXTENSION_EXTENDED_MASTER_SECRET, &unused) != NULL) {
        hash(c->transcript, c->transcript_len, seed);
        prf(premaster, len, "extended master secret", seed, HASH_LEN, c->master, sizeof c->master);
    } else {
        bytes_copy(seed, c->client_random, RAW_RANDOM_LEN);
        bytes_copy(seed + RAW_RANDOM_LEN, c->server_random, RAW_RANDOM_LEN);
        prf(premaster, len, "master secret", seed, sizeof seed, c->master, sizeof c->master);
    }
    keys_derive(c);
}

/* RFC 4279 2: as many zeros as the PSK is long, then the PSK, each behind its length. */
void raw_derive_psk(struct raw_client *c, const uint8_t *psk, size_t psk_len)
{
    uint8_t premaster[2 * (2 + 64)] = {0};
    struct writer w = writer_over(premaster, sizeof premaster);
    const uint8_t zeros[64] = {0};

    writer_u16(&w, (uint16_t)psk_len);
    writer_bytes(&w, zeros, psk_len);
    writer_u16(&w, (uint16_t)psk_len);
    writer_bytes(&w, psk, psk_len);
    raw_derive(c, premaster, w.len);
}

void raw_verify_data(const struct raw_client *c, const char *label, uint8_t out[RAW_VERIFY_LEN])
{
    uint8_t digest[HASH_LEN];

    hash(c->transcript, c->transcript_len, digest);
    prf(c->master, sizeof c->master, label, digest, sizeof digest, out, RAW_VERIFY_LEN);
}

void raw_send_finished(struct raw_client *c)
{
    uint8_t message[RAW_HANDSHAKE_HEADER_LEN + RAW_VERIFY_LEN];
    uint8_t *body = message + RAW_HANDSHAKE_HEADER_LEN;

    raw_verify_data(c, "client finished", body);
    (void)header_put(message, RAW_FINISHED, RAW_VERIFY_LEN, c->message_seq, 0, RAW_VERIFY_LEN);
    (void)raw_note_message(c, RAW_FINISHED, body, RAW_VERIFY_LEN);
    raw_send_record(c, RECORD_HANDSHAKE, 1, message, sizeof message);
}

/* ---- what arrives ---- */

static void on_message(struct raw_client *c, const struct raw_message *m)
{
    uint8_t expected[RAW_VERIFY_LEN];

    if (m->type == RAW_HELLO_VERIFY_REQUEST) {
        assert_true(m->len >= 3 && m->body[2] == m->len - 3);
        c->cookie_len = m->body[2];
        bytes_copy(c->cookie, m->body + 3, c->cookie_len);
        return;
    }
    if (m->type == RAW_SERVER_HELLO)
        bytes_copy(c->server_random, m->body + 2, RAW_RANDOM_LEN);
    if (m->type == RAW_FINISHED) {
        raw_verify_data(c, "server finished", expected);
        c->is_server_verified = m->len == RAW_VERIFY_LEN && bytes_equal(m->body, expected, m->len);
    }
    transcript_add(c, m->type, m->seq, m->body, m->len);
}

/* The message that a fragment belongs to. A hello may come after a HelloVerifyRequest of the same number. */
static struct raw_message *message_of(struct raw_client *c, uint8_t type, uint16_t seq, size_t total)
{
    for (size_t i = 0; i < c->message_count; i++)
        if (c->messages[i].type == type && c->messages[i].seq == seq && type != RAW_HELLO_VERIFY_REQUEST)
            return &c->messages[i];
    assert_true(c->message_count < RAW_MESSAGES_MAX && total <= RAW_BODY_MAX);
    struct raw_message *m = &c->messages[c->message_count++];
    *m = (struct raw_message){.type = type, .seq = seq, .len = total};
    return m;
}

static void on_fragment(struct raw_client *c, const struct record *record, struct reader *r)
{
    uint8_t type = reader_u8(r);
    size_t total = (size_t)reader_u8(r) << 16;
    total |= reader_u16(r);
    uint16_t seq = reader_u16(r);
    size_t offset = (size_t)reader_u8(r) << 16;
    offset |= reader_u16(r);
    size_t len = (size_t)reader_u8(r) << 16;
    len |= reader_u16(r);
    const uint8_t *body = reader_take(r, len);

    assert_int_equal(r->status, SSM_OK);
    struct raw_message *m = message_of(c, type, seq, total);
    if (m->is_complete)
        return; /* a repetition */
    assert_true(m->len == total && offset == m->received && offset + len <= total);
    bytes_copy(m->body + offset, body, len);
    if (offset == 0) {
        m->record_seq = record->seq;
        m->record_version = record_version(record);
    }
    m->received += len;
    m->is_complete = m->received == m->len;
    if (m->is_complete)
        on_message(c, m);
}

/* RFC 6347 4.1: "any given sequence/epoch pair is unique". */
static void number_note(struct raw_client *c, const struct seq48 *seq)
{
    for (size_t i = 0; i < c->record_count; i++)
        assert_memory_not_equal(&c->numbers[i], seq, sizeof *seq);
    assert_true(c->record_count < RAW_RECORDS_MAX);
    c->numbers[c->record_count++] = *seq;
}

/* RFC 5246 6.2.1: "Implementations MUST NOT send zero-length fragments of Handshake, Alert, or
 * ChangeCipherSpec content types." */
static void on_record(struct raw_client *c, struct record *record)
{
    struct reader r;

    if (record_epoch(record) > 0)
        assert_int_equal(record_open(&c->server_key, record), SSM_OK);
    else
        number_note(c, &record->seq);
    assert_true(record->body_len > 0);
    if (record->body_len > c->fragment_max)
        c->fragment_max = record->body_len;
    r = reader_over(record->body, record->body_len);
    if (record->type == RECORD_CHANGE_CIPHER_SPEC) {
        c->is_cipher_changed = true;
    } else if (record->type == RECORD_ALERT) {
        assert_true(record->body_len == 2 && c->alert_count < RAW_ALERTS_MAX);
        c->alerts[c->alert_count++] = (struct raw_alert){record->body[0], record->body[1]};
        c->alerts_sealed += record_epoch(record) > 0;
    } else {
        assert_int_equal(record->type, RECORD_HANDSHAKE);
        while (r.left > 0)
            on_fragment(c, record, &r);
    }
}

void raw_receive(struct raw_client *c, const uint8_t *datagram, size_t len)
{
    uint8_t copy[RECORD_MAX];
    struct record record;
    size_t used;

    assert_true(len <= sizeof copy);
    bytes_copy(copy, datagram, len);
    if (len > c->datagram_max)
        c->datagram_max = len;
    for (size_t at = 0; at < len; at += used) {
        assert_int_equal(record_peek(copy + at, len - at, &record, &used), SSM_OK);
        on_record(c, &record);
    }
}

const struct raw_message *raw_find(const struct raw_client *c, uint8_t type)
{
    for (size_t i = c->message_count; i-- > 0;)
        if (c->messages[i].type == type && c->messages[i].is_complete)
            return &c->messages[i];
    return NULL;
}

/* ---- ServerHello ---- */

struct server_hello {
    uint16_t version;
    uint16_t suite;
    uint8_t compression;
    struct reader extensions;
};

static struct server_hello server_hello_read(const struct raw_client *c)
{
    const struct raw_message *m = raw_find(c, RAW_SERVER_HELLO);
    struct server_hello hello = {0};

    assert_non_null(m);
    struct reader r = reader_over(m->body, m->len);
    hello.version = reader_u16(&r);
    (void)reader_take(&r, RAW_RANDOM_LEN);
    (void)reader_take(&r, reader_u8(&r));
    hello.suite = reader_u16(&r);
    hello.compression = reader_u8(&r);
    if (r.left > 0) {
        size_t len = reader_u16(&r);
        assert_int_equal(len, r.left);
        hello.extensions = reader_over(reader_take(&r, len), len);
    }
    assert_int_equal(r.status, SSM_OK);
    assert_int_equal(r.left, 0);
    return hello;
}

uint16_t raw_server_version(const struct raw_client *c)
{
    return server_hello_read(c).version;
}

uint16_t raw_server_suite(const struct raw_client *c)
{
    return server_hello_read(c).suite;
}

uint8_t raw_server_compression(const struct raw_client *c)
{
    return server_hello_read(c).compression;
}

const uint8_t *raw_server_extension(const struct raw_client *c, uint16_t type, size_t *len)
{
    struct reader r = server_hello_read(c).extensions;

    while (r.left > 0) {
        uint16_t found = reader_u16(&r);
        *len = reader_u16(&r);
        const uint8_t *data = reader_take(&r, *len);
        assert_int_equal(r.status, SSM_OK);
        if (found == type)
            return data;
    }
    return NULL;
}

size_t raw_server_extension_count(const struct raw_client *c)
{
    struct reader r = server_hello_read(c).extensions;
    size_t count = 0;

    for (; r.left > 0; count++) {
        (void)reader_u16(&r);
        (void)reader_take(&r, reader_u16(&r));
        assert_int_equal(r.status, SSM_OK);
    }
    return count;
}
