/*
 * What the DTLS library must not do and must not leave, whatever its defaults are: no other suite, no
 * resumption, one configuration for many handshakes at a time, and no key on the stack once it has been
 * handed out.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "flow/peer_mbedtls.c"
#include "handshake_mbedtls.h"
#include "record.h"

enum { SENT_MAX = 32, SIDES = 3, STACK_LEN = 48 << 10, WINDOW = 8, HELLO_VERIFY_REQUEST = 3 };

/* One handshake: the engine's context and its client. */
struct side {
    struct handshake_engine *engine;
    struct handshake *handshake;
    struct peer *peer;
    struct endpoint endpoint;
    enum handshake_result result;
    struct handshake_keys keys;
    unsigned keys_given;
    bool is_cipher_changed; /* the engine has sent a ChangeCipherSpec */
    struct peer_datagram sent[SENT_MAX];
    unsigned sent_count;
    bool is_watched; /* the stack is to be copied right after the record that makes the keys */
    bool is_holding;
    struct peer_datagram held[SENT_MAX];
    unsigned held_count;
};

struct world {
    struct handshake_mbedtls *library;
    struct handshake_engine engine;
    struct side sides[SIDES];
};

/* ---- the stack ---- */

static uint8_t stack_seen[STACK_LEN];

/* What lies below the caller's frame: loops alone, because a call would overwrite it. */
__attribute__((noinline)) static void stack_copy(uint8_t out[STACK_LEN])
{
    const volatile uint8_t *top = __builtin_frame_address(0);

    for (size_t i = 0; i < STACK_LEN; i++)
        out[i] = top[(ptrdiff_t)i - STACK_LEN];
}

__attribute__((noinline)) static void stack_clear(void)
{
    volatile uint8_t room[STACK_LEN];

    for (size_t i = 0; i < sizeof room; i++)
        room[i] = 0;
}

/* What a careless function does. */
__attribute__((noinline)) static void stack_leave(const struct handshake_keys *keys)
{
    volatile struct handshake_keys copy = *keys;

    (void)copy;
}

static bool has_window_of(const uint8_t stack[STACK_LEN], const uint8_t key[RECORD_KEY_LEN])
{
    for (size_t at = 0; at <= RECORD_KEY_LEN - WINDOW; at++)
        if (memmem(stack, STACK_LEN, key + at, WINDOW) != NULL)
            return true;
    return false;
}

/* ---- a handshake ---- */

static void on_send(void *owner, const uint8_t *records, size_t len)
{
    struct side *s = owner;
    struct peer_datagram *d = &s->sent[s->sent_count++];

    assert_true(s->sent_count < SENT_MAX && len <= sizeof d->bytes);
    memcpy(d->bytes, records, len);
    d->len = len;
    for (size_t at = 0; at < len;
         at += RECORD_HEADER_LEN + (size_t)(records[at + 11] << 8 | records[at + 12]))
        s->is_cipher_changed = s->is_cipher_changed || records[at] == RECORD_CHANGE_CIPHER_SPEC;
}

/* Each side has a key of its own, so that a mix-up fails. */
static bool on_psk(void *owner, const uint8_t *identity, size_t identity_len, uint8_t *psk, size_t *psk_len)
{
    const struct side *s = owner;

    (void)identity;
    (void)identity_len;
    memset(psk, s->endpoint.port & 0xFF, 16);
    *psk_len = 16;
    return true;
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
    while (len > 0 && s->result != HANDSHAKE_DONE && s->result != HANDSHAKE_FAILED) {
        size_t used = RECORD_HEADER_LEN + (size_t)(at[11] << 8 | at[12]);
        s->result = s->engine->feed(s->handshake, &s->endpoint, at, used, 0);
        at += used;
        len -= used;
        if (s->is_watched && s->keys_given > 0) {
            stack_copy(stack_seen);
            s->is_watched = false;
        }
    }
}

static void on_peer_output(void *ctx, const uint8_t *datagram, size_t len)
{
    struct side *s = ctx;
    struct peer_datagram *d = &s->held[s->held_count];

    if (!s->is_holding) {
        feed_datagram(s, datagram, len);
        return;
    }
    assert_true(s->held_count < SENT_MAX);
    memcpy(d->bytes, datagram, len);
    d->len = len;
    s->held_count++;
}

static void side_begin(struct world *w, struct side *s, uint16_t port)
{
    uint8_t psk[16];
    struct peer_config config = {.identity = "alice", .psk = psk, .psk_len = sizeof psk, .ctx = s};

    memset(s, 0, sizeof *s);
    memset(psk, port & 0xFF, sizeof psk);
    config.output = on_peer_output;
    s->engine = &w->engine;
    s->result = HANDSHAKE_CONTINUE;
    s->endpoint = (struct endpoint){.addr = {[15] = 1}, .port = port};
    s->handshake = w->engine.create(w->engine.ctx, &CALLBACKS, s);
    s->peer = peer_mbedtls.create(&config);
    assert_non_null(s->handshake);
}

static void side_end(struct side *s)
{
    s->engine->destroy(s->handshake);
    peer_mbedtls.destroy(s->peer);
}

/* Gives the client what the engine has sent, and lets it run. */
static void turn(struct side *s)
{
    for (unsigned i = 0; i < s->sent_count; i++)
        peer_deliver(s->peer, s->sent[i].bytes, s->sent[i].len);
    s->sent_count = 0;
    peer_mbedtls.run(s->peer, 0);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    w->library = handshake_mbedtls_create();
    assert_non_null(w->library);
    w->engine = handshake_mbedtls_engine(w->library);
    for (uint16_t i = 0; i < SIDES; i++)
        side_begin(w, &w->sides[i], (uint16_t)(4000 + i));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < SIDES; i++)
        side_end(&w->sides[i]);
    handshake_mbedtls_destroy(w->library);
    free(w);
    return 0;
}

/* ---- tests ---- */

static void no_other_suite_of_the_library_is_agreed(void **state)
{
    struct side *s = &((struct world *)*state)->sides[0];
    unsigned tried = 0;

    s->is_holding = true;
    turn(s);
    const struct peer_datagram offered = s->held[0];
    for (const int *suite = mbedtls_ssl_list_ciphersuites(); *suite != 0; suite++) {
        struct peer_datagram hello = offered;
        bool is_ours = *suite == MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8;

        for (size_t i = 0; i + 1 < hello.len; i++)
            if (hello.bytes[i] == 0xC0 && hello.bytes[i + 1] == 0xA8) {
                hello.bytes[i] = (uint8_t)(*suite >> 8);
                hello.bytes[i + 1] = (uint8_t)*suite;
            }
        s->sent_count = 0;
        feed_datagram(s, hello.bytes, hello.len);
        assert_int_equal(s->result, HANDSHAKE_COOKIE_ASKED);
        assert_int_equal(s->sent[0].bytes[0], is_ours ? RECORD_HANDSHAKE : RECORD_ALERT);
        assert_int_equal(s->sent[0].bytes[RECORD_HEADER_LEN + !is_ours], is_ours ? HELLO_VERIFY_REQUEST : 40);
        tried++;
    }
    assert_true(tried > 20);
}

static void a_session_is_not_resumed(void **state)
{
    struct world *w = *state;
    struct side *first = &w->sides[0];
    struct side *again = &w->sides[1];
    mbedtls_ssl_session session;

    mbedtls_ssl_session_init(&session);
    for (int i = 0; i < 4; i++)
        turn(first);
    assert_true(first->peer->is_up);
    assert_int_equal(mbedtls_ssl_get_session(&((struct peer_of_mbedtls *)first->peer)->ssl, &session), 0);

    side_end(again);
    side_begin(w, again, first->endpoint.port);
    assert_int_equal(mbedtls_ssl_set_session(&((struct peer_of_mbedtls *)again->peer)->ssl, &session), 0);
    mbedtls_ssl_session_free(&session);
    turn(again);
    turn(again); /* the ClientHello with the cookie, which names the session */
    assert_true(again->sent_count > 0);
    assert_false(again->is_cipher_changed);
    turn(again);
    turn(again);
    assert_true(again->peer->is_up);
    assert_int_equal(again->keys_given, 1);
    assert_memory_not_equal(&again->keys, &first->keys, sizeof first->keys);
}

static void handshakes_in_parallel_keep_their_keys_apart(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 4; i++)
        for (size_t j = 0; j < SIDES; j++)
            turn(&w->sides[j]);
    for (size_t i = 0; i < SIDES; i++) {
        struct side *s = &w->sides[i];
        struct record r;
        size_t used;

        assert_true(s->peer->is_up);
        assert_int_equal(s->keys_given, 1);
        s->is_holding = true;
        peer_mbedtls.write(s->peer, (const uint8_t *)"hello", 5);
        assert_int_equal(record_peek(s->held[0].bytes, s->held[0].len, &r, &used), SSM_OK);
        assert_int_equal(record_open(&s->keys.client, &r), SSM_OK);
    }
}

static void no_key_stays_on_the_stack(void **state)
{
    struct side *s = &((struct world *)*state)->sides[0];

#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    turn(s);
    turn(s);
    s->is_holding = true;
    turn(s);
    stack_clear(); /* the client has made the same keys */
    s->is_watched = true;
    for (unsigned i = 0; i < s->held_count; i++)
        feed_datagram(s, s->held[i].bytes, s->held[i].len);
    assert_int_equal(s->result, HANDSHAKE_DONE);
    assert_false(has_window_of(stack_seen, s->keys.client.key));
    assert_false(has_window_of(stack_seen, s->keys.server.key));

    stack_leave(&s->keys); /* so that it is known to find what is left */
    stack_copy(stack_seen);
    assert_true(has_window_of(stack_seen, s->keys.client.key));
    assert_true(has_window_of(stack_seen, s->keys.server.key));
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WORLD(no_other_suite_of_the_library_is_agreed),
        WORLD(a_session_is_not_resumed),
        WORLD(handshakes_in_parallel_keep_their_keys_apart),
        WORLD(no_key_stays_on_the_stack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
