/* The DTLS engine alone, against the same library's client: one record a call, time as an argument. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "flow/peer_mbedtls.c"
#include "handshake_mbedtls.h"
#include "record.h"

enum { SENT_MAX = 32, KEY = 0x5A };

struct side {
    struct handshake_mbedtls *library;
    struct handshake_engine engine;
    struct handshake *handshake;
    struct peer *peer;
    struct endpoint endpoint;
    enum handshake_result result; /* of the last feed */
    bool is_known;                /* the identity that the client names */
    struct handshake_keys keys;
    unsigned keys_given;
    struct peer_datagram sent[SENT_MAX]; /* by the engine */
    unsigned sent_count;
    bool is_holding;
    struct peer_datagram held[SENT_MAX]; /* by the client */
    unsigned held_count;
};

static void on_send(void *owner, const uint8_t *records, size_t len)
{
    struct side *s = owner;
    struct peer_datagram *d = &s->sent[s->sent_count++];

    assert_true(s->sent_count < SENT_MAX && len <= sizeof d->bytes);
    memcpy(d->bytes, records, len);
    d->len = len;
}

static bool on_psk(void *owner, const uint8_t *identity, size_t identity_len, uint8_t *psk, size_t *psk_len)
{
    struct side *s = owner;

    assert_int_equal(identity_len, 5);
    assert_memory_equal(identity, "alice", 5);
    memset(psk, KEY, 16);
    *psk_len = 16;
    return s->is_known;
}

static void on_keys(void *owner, const struct handshake_keys *keys)
{
    struct side *s = owner;

    s->keys = *keys;
    s->keys_given++;
}

static const struct handshake_callbacks CALLBACKS = {.send = on_send, .psk = on_psk, .keys = on_keys};

static void feed_datagram(struct side *s, const uint8_t *at, size_t len)
{
    while (len > 0 && (s->result == HANDSHAKE_CONTINUE || s->result == HANDSHAKE_COOKIE_ASKED)) {
        size_t used = RECORD_HEADER_LEN + (size_t)(at[11] << 8 | at[12]);
        s->result = s->engine.feed(s->handshake, &s->endpoint, at, used, 0);
        at += used;
        len -= used;
    }
}

static void on_peer_output(void *ctx, const uint8_t *datagram, size_t len)
{
    struct side *s = ctx;

    if (s->is_holding) {
        struct peer_datagram *d = &s->held[s->held_count++];
        memcpy(d->bytes, datagram, len);
        d->len = len;
    } else {
        feed_datagram(s, datagram, len);
    }
}

static struct peer *client_create(struct side *s, uint8_t key)
{
    uint8_t psk[16];
    struct peer_config config = {.identity = "alice", .psk = psk, .psk_len = sizeof psk, .ctx = s};

    memset(psk, key, sizeof psk);
    config.output = on_peer_output;
    return peer_mbedtls.create(&config);
}

/* Runs the client with what the engine has sent, `turns` times. */
static void talk(struct side *s, int turns)
{
    for (; turns > 0; turns--) {
        for (unsigned i = 0; i < s->sent_count; i++)
            peer_deliver(s->peer, s->sent[i].bytes, s->sent[i].len);
        s->sent_count = 0;
        peer_mbedtls.run(s->peer, 0);
    }
}

static int setup(void **state)
{
    struct side *s = calloc(1, sizeof *s);

    s->library = handshake_mbedtls_create();
    s->engine = handshake_mbedtls_engine(s->library);
    s->handshake = s->engine.create(s->engine.ctx, &CALLBACKS, s);
    assert_non_null(s->handshake);
    s->endpoint = (struct endpoint){.addr = {[15] = 1}, .port = 4000};
    s->is_known = true;
    s->peer = client_create(s, KEY);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct side *s = *state;

    s->engine.destroy(s->handshake);
    peer_mbedtls.destroy(s->peer);
    handshake_mbedtls_destroy(s->library);
    free(s);
    return 0;
}

static void a_handshake_ends_with_keys_and_one_flight(void **state)
{
    struct side *s = *state;
    struct record r;
    size_t used;

    talk(s, 3);
    assert_int_equal(s->result, HANDSHAKE_DONE);
    assert_int_equal(s->keys_given, 1);
    assert_int_equal(s->sent_count, 1); /* ChangeCipherSpec and Finished in one datagram */
    assert_int_equal(s->sent[0].len, 67);
    uint8_t *finished = s->sent[0].bytes + 14;
    assert_int_equal(record_peek(finished, s->sent[0].len - 14, &r, &used), SSM_OK);
    assert_int_equal(record_epoch(&r), 1);
    assert_int_equal(bytes_u16(r.seq.bytes), 0);
    assert_int_equal(bytes_u32(r.seq.bytes + 2), 0);
    talk(s, 1);
    assert_true(s->peer->is_up);

    s->is_holding = true;
    peer_mbedtls.write(s->peer, (const uint8_t *)"hello", 5);
    assert_int_equal(record_peek(s->held[0].bytes, s->held[0].len, &r, &used), SSM_OK);
    assert_int_equal(record_open(&s->keys.client, &r), SSM_OK);
    assert_memory_equal(r.body, "hello", 5);
}

static void keys_are_given_before_finished_is_verified(void **state)
{
    struct side *s = *state;

    talk(s, 2);
    s->is_holding = true;
    talk(s, 1);
    const struct peer_datagram *last = &s->held[s->held_count - 1];
    for (unsigned i = 0; i + 1 < s->held_count; i++)
        feed_datagram(s, s->held[i].bytes, s->held[i].len);
    feed_datagram(s, last->bytes, last->len - 53); /* all but Finished */
    assert_int_equal(s->keys_given, 1);
    assert_int_equal(s->result, HANDSHAKE_CONTINUE);
    assert_int_equal(s->sent_count, 0);
}

static void a_cookie_belongs_to_one_address(void **state)
{
    struct side *s = *state;

    talk(s, 1);
    assert_int_equal(s->result, HANDSHAKE_COOKIE_ASKED);
    assert_int_equal(s->sent_count, 1);
    assert_int_equal(s->sent[0].bytes[RECORD_HEADER_LEN], 3); /* HelloVerifyRequest */
    s->endpoint.port++;
    talk(s, 1);
    assert_int_equal(s->result, HANDSHAKE_COOKIE_ASKED);
    assert_int_equal(s->sent[0].bytes[RECORD_HEADER_LEN], 3);
}

static void a_context_that_asked_for_a_cookie_serves_the_next_stranger(void **state)
{
    struct side *s = *state;
    struct peer *first = s->peer;

    talk(s, 1);
    s->sent_count = 0;
    s->peer = client_create(s, KEY);
    s->endpoint.port++;
    talk(s, 4);
    assert_int_equal(s->result, HANDSHAKE_DONE);
    assert_true(s->peer->is_up);
    peer_mbedtls.destroy(first);
}

static void an_unknown_identity_gets_its_alert(void **state)
{
    struct side *s = *state;

    s->is_known = false;
    talk(s, 4);
    assert_int_equal(s->result, HANDSHAKE_FAILED);
    assert_int_equal(s->peer->alert, 115);
    assert_int_equal(s->keys_given, 0);
}

static void a_finished_under_another_key_gets_bad_record_mac(void **state)
{
    struct side *s = *state;

    peer_mbedtls.destroy(s->peer);
    s->peer = client_create(s, KEY + 1);
    talk(s, 4);
    assert_int_equal(s->result, HANDSHAKE_FAILED);
    assert_int_equal(s->peer->alert, 20);
}

static void another_suite_or_version_is_refused_without_state(void **state)
{
    struct side *s = *state;

    s->is_holding = true;
    talk(s, 1);
    s->is_holding = false;
    struct peer_datagram suite = s->held[0];
    struct peer_datagram version = s->held[0];
    for (size_t i = 0; i + 1 < suite.len; i++)
        if (suite.bytes[i] == 0xC0 && suite.bytes[i + 1] == 0xA8)
            suite.bytes[i] = suite.bytes[i + 1] = 0;
    feed_datagram(s, suite.bytes, suite.len);
    assert_int_equal(s->result, HANDSHAKE_COOKIE_ASKED);
    assert_int_equal(s->sent[0].bytes[0], RECORD_ALERT);
    assert_int_equal(s->sent[0].bytes[14], 40);
    s->sent_count = 0;
    version.bytes[RECORD_HEADER_LEN + 12 + 1] = 0xFF; /* client_version FEFF: DTLS 1.0 */
    feed_datagram(s, version.bytes, version.len);
    assert_int_equal(s->result, HANDSHAKE_COOKIE_ASKED);
    assert_int_equal(s->sent[0].bytes[0], RECORD_ALERT);
    assert_int_equal(s->sent[0].bytes[14], 70);
}

static void a_lost_flight_is_sent_again_when_its_timer_is_due(void **state)
{
    struct side *s = *state;

    assert_int_equal(s->engine.deadline(s->handshake), UINT64_MAX);
    talk(s, 2);
    unsigned flight = s->sent_count;
    assert_true(flight > 0);
    s->sent_count = 0;
    uint64_t due = s->engine.deadline(s->handshake);
    assert_int_not_equal(due, UINT64_MAX);
    assert_int_equal(s->engine.on_timer(s->handshake, due - 1), HANDSHAKE_CONTINUE);
    assert_int_equal(s->sent_count, 0);
    assert_int_equal(s->engine.on_timer(s->handshake, due), HANDSHAKE_CONTINUE);
    assert_int_equal(s->sent_count, flight);
    assert_true(s->engine.deadline(s->handshake) > due);
}

static void a_record_that_comes_when_a_timer_is_due_is_still_read(void **state)
{
    struct side *s = *state;

    talk(s, 2);
    s->is_holding = true;
    talk(s, 1);
    assert_int_equal(s->result, HANDSHAKE_CONTINUE);
    for (unsigned i = 0; i < s->held_count; i++) {
        const uint8_t *at = s->held[i].bytes;
        for (size_t len = s->held[i].len; len > 0;) {
            size_t used = RECORD_HEADER_LEN + (size_t)(at[11] << 8 | at[12]);
            s->result = s->engine.feed(s->handshake, &s->endpoint, at, used, 100000);
            at += used;
            len -= used;
        }
    }
    assert_int_equal(s->result, HANDSHAKE_DONE);
}

int main(void)
{
#define SIDE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        SIDE(a_handshake_ends_with_keys_and_one_flight),
        SIDE(keys_are_given_before_finished_is_verified),
        SIDE(a_cookie_belongs_to_one_address),
        SIDE(a_context_that_asked_for_a_cookie_serves_the_next_stranger),
        SIDE(an_unknown_identity_gets_its_alert),
        SIDE(a_finished_under_another_key_gets_bad_record_mac),
        SIDE(another_suite_or_version_is_refused_without_state),
        SIDE(a_lost_flight_is_sent_again_when_its_timer_is_due),
        SIDE(a_record_that_comes_when_a_timer_is_due_is_still_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
