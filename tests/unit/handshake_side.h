/*
 * One handshake in memory: the engine's context on one side and a client of Mbed TLS on the other. Shared by
 * the tests of the DTLS engine.
 */
#ifndef SSM_TEST_HANDSHAKE_SIDE_H
#define SSM_TEST_HANDSHAKE_SIDE_H

#include "client_hello.h"
#include "flow/peer.h"
#include "handshake_mbedtls.h"
#include "record.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE_SENT_MAX = 48, SIDE_KEY = 0x5A, SIDE_TURNS = 6, SIDE_ALERT_NONE = -1, SIDE_PSK_LEN = 16 };

struct side {
    struct handshake_engine engine;
    struct handshake *handshake; /* NULL until a record is fed */
    uint8_t lane;
    const struct peer_library *library; /* the client's */
    struct peer *peer;
    struct endpoint endpoint;
    enum handshake_result result; /* of the last feed */
    unsigned cookies_asked;
    bool is_admitted;
    bool is_stopping; /* at HANDSHAKE_ADMITTED */

    bool is_unknown; /* the identity that the client names */
    uint8_t key;     /* every byte of its PSK */
    bool is_pinned;  /* its certificate is known itself */

    const struct handshake_session *offer; /* what the next hello may resume */
    bool is_resumed;
    struct handshake_session *room; /* where its session goes */

    struct handshake_keys keys; /* what the engine has told */
    unsigned keys_given;
    char name[300];
    unsigned names_given;
    struct handshake_certificate claim;
    char common_name[80];
    unsigned claims_given;

    struct peer_datagram sent[SIDE_SENT_MAX]; /* by the engine, to be delivered */
    unsigned sent_count;
    size_t record_max; /* the longest record body that it has sent */
    unsigned alerts;   /* fatal ones that it has sent */
    int alert;
    bool is_cipher_changed; /* it has sent a ChangeCipherSpec */

    bool is_holding;
    struct peer_datagram held[SIDE_SENT_MAX]; /* by the client */
    unsigned held_count;
    /* Sees, and may change, each record of the client before it is fed. */
    void (*on_record)(struct side *s, uint8_t *record, size_t len);
    void (*on_fed)(struct side *s); /* right after each */
};

/* ---- the owner ---- */

static inline void side_note_records(struct side *s, const uint8_t *records, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t body_len = bytes_u16(records + at + 11);

        s->record_max = body_len > s->record_max ? body_len : s->record_max;
        s->is_cipher_changed = s->is_cipher_changed || records[at] == RECORD_CHANGE_CIPHER_SPEC;
        if (records[at] == RECORD_ALERT && body_len == 2) {
            s->alerts++;
            s->alert = records[at + RECORD_HEADER_LEN + 1];
        }
        at += RECORD_HEADER_LEN + body_len;
    }
}

static inline void side_on_send(void *owner, const uint8_t *records, size_t len)
{
    struct side *s = owner;
    struct peer_datagram *d = &s->sent[s->sent_count++];

    assert_true(s->sent_count < SIDE_SENT_MAX && len <= sizeof d->bytes);
    memcpy(d->bytes, records, len);
    d->len = len;
    side_note_records(s, records, len);
}

static inline void side_on_name(void *owner, const char *name, size_t len)
{
    struct side *s = owner;

    assert_true(len < sizeof s->name);
    memcpy(s->name, name, len);
    s->name[len] = '\0';
    s->names_given++;
}

static inline bool side_on_psk(void *owner, const uint8_t *identity, size_t identity_len, uint8_t *psk,
                               size_t *psk_len)
{
    const struct side *s = owner;

    assert_int_equal(identity_len, 5);
    assert_memory_equal(identity, "alice", 5);
    memset(psk, s->key, SIDE_PSK_LEN);
    *psk_len = SIDE_PSK_LEN;
    return !s->is_unknown;
}

static inline bool side_on_certificate(void *owner, const struct handshake_certificate *certificate)
{
    struct side *s = owner;

    s->claim = *certificate;
    assert_true(certificate->common_name_len < sizeof s->common_name);
    memset(s->common_name, 0, sizeof s->common_name);
    if (certificate->common_name != NULL)
        memcpy(s->common_name, certificate->common_name, certificate->common_name_len);
    s->claims_given++;
    return s->is_pinned || certificate->is_trusted;
}

static inline void side_on_keys(void *owner, const struct handshake_keys *keys)
{
    struct side *s = owner;

    s->keys = *keys;
    s->keys_given++;
}

static inline struct handshake_session *side_on_session(void *owner)
{
    return ((struct side *)owner)->room;
}

static const struct handshake_callbacks SIDE_CALLBACKS = {.send = side_on_send,
                                                          .name = side_on_name,
                                                          .psk = side_on_psk,
                                                          .certificate = side_on_certificate,
                                                          .keys = side_on_keys,
                                                          .session = side_on_session};

/* ---- feeding ---- */

/* Does the record belong to a stranger? As the delegator does, asks for a cookie instead of feeding it. */
static inline bool side_ask_cookie(struct side *s, const uint8_t *bytes, size_t len)
{
    struct reader r = reader_over(bytes, len);
    struct handshake_record record;
    struct client_hello hello;
    uint8_t cookie[HANDSHAKE_COOKIE_LEN];
    uint8_t answer[HELLO_VERIFY_REQUEST_LEN];

    if (s->is_admitted || handshake_record_read(&r, &record) != SSM_OK ||
        !client_hello_read(&record, &hello) ||
        s->engine.check_cookie(s->engine.ctx, &s->endpoint, hello.cookie, hello.cookie_len))
        return false;
    assert_int_equal(s->engine.write_cookie(s->engine.ctx, &s->endpoint, cookie), SSM_OK);
    client_hello_ask_cookie(&hello, cookie, answer);
    s->cookies_asked++;
    side_on_send(s, answer, sizeof answer);
    return true;
}

static inline bool side_is_over(const struct side *s)
{
    return s->result == HANDSHAKE_DONE || s->result == HANDSHAKE_FAILED;
}

static inline void side_feed_record(struct side *s, uint8_t *record, size_t len, uint64_t now_ms)
{
    if (s->on_record != NULL)
        s->on_record(s, record, len);
    if (side_ask_cookie(s, record, len))
        return;
    if (s->handshake == NULL)
        s->handshake = s->engine.create(s->engine.ctx, s->lane, &SIDE_CALLBACKS, s);
    assert_non_null(s->handshake);
    s->result = s->engine.feed(s->handshake, record, len, now_ms);
    if (s->on_fed != NULL)
        s->on_fed(s);
    if (s->result != HANDSHAKE_ADMITTED)
        return;
    assert_false(s->is_admitted);
    s->is_admitted = true;
    if (s->offer != NULL)
        s->result = s->engine.resume(s->handshake, s->offer, now_ms);
    s->is_resumed = s->result == HANDSHAKE_RESUMED;
    if (!s->is_stopping)
        s->result = s->engine.feed(s->handshake, NULL, 0, now_ms);
}

static inline void side_feed_at(struct side *s, const uint8_t *datagram, size_t len, uint64_t now_ms)
{
    uint8_t copy[PEER_DATAGRAM_MAX];

    memcpy(copy, datagram, len);
    for (size_t at = 0; at < len && !side_is_over(s);) {
        size_t used = RECORD_HEADER_LEN + bytes_u16(copy + at + 11);
        side_feed_record(s, copy + at, used, now_ms);
        at += used;
    }
}

static inline void side_feed(struct side *s, const uint8_t *datagram, size_t len)
{
    side_feed_at(s, datagram, len, 0);
}

static inline void side_on_output(void *ctx, const uint8_t *datagram, size_t len)
{
    struct side *s = ctx;

    if (!s->is_holding) {
        side_feed(s, datagram, len);
        return;
    }
    struct peer_datagram *d = &s->held[s->held_count++];
    assert_true(s->held_count < SIDE_SENT_MAX && len <= sizeof d->bytes);
    memcpy(d->bytes, datagram, len);
    d->len = len;
}

/* Runs the client with what the engine has sent, `turns` times. */
static inline void side_talk(struct side *s, int turns)
{
    for (; turns > 0; turns--) {
        for (unsigned i = 0; i < s->sent_count; i++)
            peer_deliver(s->peer, s->sent[i].bytes, s->sent[i].len);
        s->sent_count = 0;
        s->library->run(s->peer, 0);
    }
}

/* ---- making one ---- */

/* A client with a PSK if `config` says nothing else; the rest is as it was. */
static inline void side_connect(struct side *s, const struct peer_config *config)
{
    uint8_t psk[SIDE_PSK_LEN];
    struct peer_config c = *config;

    memset(psk, s->key, sizeof psk);
    if (c.suites == 0 || (c.suites & PEER_PSK) != 0) {
        c.identity = "alice";
        c.psk = psk;
        c.psk_len = sizeof psk;
    }
    c.ctx = s;
    c.output = side_on_output;
    s->peer = s->library->create(&c);
}

static inline void side_open(struct side *s, struct handshake_mbedtls *library, uint8_t lane, uint16_t port,
                             const struct peer_library *client)
{
    *s = (struct side){.engine = handshake_mbedtls_engine(library),
                       .library = client,
                       .result = HANDSHAKE_CONTINUE,
                       .endpoint = {.addr = {[15] = 1}, .port = port},
                       .key = SIDE_KEY,
                       .alert = SIDE_ALERT_NONE,
                       .lane = lane};
}

/* The next hello begins another handshake. */
static inline void side_forget(struct side *s)
{
    s->engine.destroy(s->handshake);
    s->handshake = NULL;
    s->is_admitted = false;
    s->result = HANDSHAKE_CONTINUE;
}

/* What the client has sent is fed, and the engine's answer is left for side_talk(). */
static inline void side_feed_held(struct side *s)
{
    const unsigned count = s->held_count;

    s->is_holding = false;
    s->held_count = 0;
    for (unsigned i = 0; i < count; i++)
        side_feed(s, s->held[i].bytes, s->held[i].len);
}

static inline void side_close(struct side *s)
{
    if (s->handshake != NULL)
        s->engine.destroy(s->handshake);
    if (s->peer != NULL)
        s->library->destroy(s->peer);
}

/* Does the client hold the keys that the engine gave out? */
static inline void side_assert_same_keys(struct side *s)
{
    struct record r;
    size_t used;

    assert_int_equal(s->result, HANDSHAKE_DONE);
    assert_true(s->peer->is_up);
    assert_int_equal(s->keys_given, 1);
    s->is_holding = true;
    s->held_count = 0;
    s->library->write(s->peer, (const uint8_t *)"hello", 5);
    assert_int_equal(s->held_count, 1);
    assert_int_equal(record_peek(s->held[0].bytes, s->held[0].len, &r, &used), SSM_OK);
    assert_int_equal(record_open(&s->keys.client, &r), SSM_OK);
    assert_memory_equal(r.body, "hello", 5);
}

/* Exactly one fatal alert, and the client has understood it. */
static inline void side_assert_refused(struct side *s, int alert, enum handshake_fault fault)
{
    assert_int_equal(s->result, HANDSHAKE_FAILED);
    assert_int_equal(s->alert, alert);
    assert_int_equal(s->alerts, 1);
    assert_int_equal(s->peer->alert, alert);
    assert_int_equal(s->engine.fault(s->handshake), fault);
    assert_false(s->peer->is_up);
}

#endif
