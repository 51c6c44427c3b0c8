/*
 * What the DTLS library must not do and must not leave, whatever its defaults are: no other suite, no
 * resumption, one configuration for many handshakes at a time, and no key on the stack once it has been
 * handed out.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/random.h>
#include <sys/types.h>

/* What the client drew last in the length of the premaster secret of RSA without its version. */
enum { PREMASTER_RANDOM_LEN = 46, MASTER_LEN = 48 };
static unsigned char premaster_seen[PREMASTER_RANDOM_LEN];

static ssize_t random_watched(void *out, size_t len, unsigned flags)
{
    ssize_t got = getrandom(out, len, flags);

    if (len == PREMASTER_RANDOM_LEN)
        __builtin_memcpy(premaster_seen, out, sizeof premaster_seen);
    return got;
}

#define getrandom random_watched
#include "flow/peer_mbedtls.c"
#undef getrandom
#include "certificates.h"
#include "handshake_side.h"

#ifndef MBEDTLS_PRIVATE
#define MBEDTLS_PRIVATE(member) member
#endif

enum { SIDES = 3, STACK_LEN = 48 << 10, WINDOW = 8, SUITES_AT = 13 + 12 + 35 + 33 /* behind the cookie */ };

struct world {
    struct handshake_mbedtls *library;
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

static bool has_window_of(const uint8_t stack[STACK_LEN], const uint8_t *secret, size_t len)
{
    for (size_t at = 0; at <= len - WINDOW; at++)
        if (memmem(stack, STACK_LEN, secret + at, WINDOW) != NULL)
            return true;
    return false;
}

/* ---- handshakes ---- */

static const struct peer_config PSK = {.suites = PEER_PSK};

static void side_begin(struct world *w, struct side *s, uint16_t port)
{
    side_open(s, w->library, 0, port, &peer_mbedtls);
    s->key = (uint8_t)port; /* a key of its own, so that a mix-up fails */
    side_connect(s, &PSK);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    w->library = handshake_mbedtls_create(1);
    assert_non_null(w->library);
    for (uint16_t i = 0; i < SIDES; i++)
        side_begin(w, &w->sides[i], (uint16_t)(4000 + i));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < SIDES; i++)
        side_close(&w->sides[i]);
    handshake_mbedtls_destroy(w->library);
    free(w);
    return 0;
}

/* ---- tests ---- */

static void no_other_suite_of_the_library_is_agreed(void **state)
{
    struct side *s = &((struct world *)*state)->sides[0];
    unsigned tried = 0;

    side_talk(s, 1);
    s->is_holding = true;
    side_talk(s, 1);
    const struct peer_datagram offered = s->held[0];
    for (const int *suite = mbedtls_ssl_list_ciphersuites(); *suite != 0; suite++) {
        struct peer_datagram hello = offered;
        bool is_ours = *suite == MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8;

        for (size_t i = SUITES_AT; i + 1 < hello.len; i++)
            if (hello.bytes[i] == 0xC0 && hello.bytes[i + 1] == 0xA8) {
                hello.bytes[i] = (uint8_t)(*suite >> 8);
                hello.bytes[i + 1] = (uint8_t)*suite;
            }
        s->sent_count = 0;
        s->alert = SIDE_ALERT_NONE;
        side_feed(s, hello.bytes, hello.len);
        assert_int_equal(s->result, is_ours ? HANDSHAKE_CONTINUE : HANDSHAKE_FAILED);
        assert_int_equal(s->alert, is_ours ? SIDE_ALERT_NONE : 40);
        side_forget(s);
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
    side_talk(first, 4);
    assert_true(first->peer->is_up);
    assert_int_equal(mbedtls_ssl_get_session(&((struct peer_of_mbedtls *)first->peer)->ssl, &session), 0);

    side_close(again);
    side_begin(w, again, first->endpoint.port);
    assert_int_equal(mbedtls_ssl_set_session(&((struct peer_of_mbedtls *)again->peer)->ssl, &session), 0);
    mbedtls_ssl_session_free(&session);
    side_talk(again, 2); /* up to the ClientHello with the cookie, which names the session */
    assert_true(again->sent_count > 0);
    assert_false(again->is_cipher_changed);
    side_talk(again, 2);
    assert_true(again->peer->is_up);
    assert_int_equal(again->keys_given, 1);
    assert_memory_not_equal(&again->keys, &first->keys, sizeof first->keys);
}

static void handshakes_in_parallel_keep_their_keys_apart(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 4; i++)
        for (size_t j = 0; j < SIDES; j++)
            side_talk(&w->sides[j], 1);
    for (size_t i = 0; i < SIDES; i++)
        side_assert_same_keys(&w->sides[i]);
}

static void copy_stack_once(struct side *s)
{
    if (s->keys_given == 0)
        return;
    stack_copy(stack_seen);
    s->on_fed = NULL;
}

static bool is_zero(const unsigned char *bytes, size_t len)
{
    unsigned char all = 0;

    for (size_t i = 0; i < len; i++)
        all |= bytes[i];
    return all == 0;
}

static void read_master(const struct side *s, unsigned char out[MASTER_LEN])
{
    mbedtls_ssl_session session;

    mbedtls_ssl_session_init(&session);
    assert_int_equal(mbedtls_ssl_get_session(&((struct peer_of_mbedtls *)s->peer)->ssl, &session), 0);
    memcpy(out, session.MBEDTLS_PRIVATE(master), MASTER_LEN);
    mbedtls_ssl_session_free(&session);
}

/* Copies the stack as it is after the record that makes the keys. */
static void handshake_watched(struct side *s)
{
    side_talk(s, 2);
    s->is_holding = true;
    side_talk(s, 1);
    stack_clear(); /* the client has made the same keys */
    s->on_fed = copy_stack_once;
    side_feed_held(s);
    assert_null(s->on_fed);
    side_talk(s, 1);
    assert_int_equal(s->result, HANDSHAKE_DONE);
}

static void assert_stack_is_clean(const struct side *s)
{
    unsigned char master[MASTER_LEN];

    read_master(s, master);
    assert_false(has_window_of(stack_seen, s->keys.client.key, RECORD_KEY_LEN));
    assert_false(has_window_of(stack_seen, s->keys.server.key, RECORD_KEY_LEN));
    assert_false(has_window_of(stack_seen, master, sizeof master));
}

static void no_key_stays_on_the_stack(void **state)
{
    struct side *s = &((struct world *)*state)->sides[0];

#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    handshake_watched(s);
    assert_stack_is_clean(s);

    stack_leave(&s->keys); /* so that it is known to find what is left */
    stack_copy(stack_seen);
    assert_true(has_window_of(stack_seen, s->keys.client.key, RECORD_KEY_LEN));
    assert_true(has_window_of(stack_seen, s->keys.server.key, RECORD_KEY_LEN));
}

static void no_key_stays_on_the_stack_with_certificates(void **state)
{
#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    struct world *w = *state;
    struct test_certificate *server = test_certificate_make(
        &(struct test_plan){.subject = "CN=gateway", .is_for_servers = true, .rsa_bits = 2048});
    struct test_certificate *ec_server =
        test_certificate_make(&(struct test_plan){.subject = "CN=gateway", .is_for_servers = true});
    struct test_certificate *client = test_certificate_make(&(struct test_plan){.subject = "CN=alice"});
    const struct credentials credentials = {
        .rsa = {{server->pem, strlen(server->pem) + 1}, {server->key, strlen(server->key) + 1}},
        .ecdsa = {{ec_server->pem, strlen(ec_server->pem) + 1},
                  {ec_server->key, strlen(ec_server->key) + 1}}};

    assert_int_equal(handshake_mbedtls_set_credentials(w->library, &credentials), SSM_OK);
    for (size_t i = 0; i < 2; i++) {
        struct side *s = &w->sides[i];

        side_close(s);
        side_open(s, w->library, 0, 4000, &peer_mbedtls);
        s->is_pinned = true;
        side_connect(s, &(struct peer_config){.suites = i == 0 ? PEER_RSA : PEER_ECDSA,
                                              .certificate = client->pem,
                                              .key = client->key});
        handshake_watched(s);
        assert_stack_is_clean(s);
        if (i == 0) {
            assert_false(is_zero(premaster_seen, sizeof premaster_seen));
            assert_false(has_window_of(stack_seen, premaster_seen, sizeof premaster_seen));
        }
    }
    test_certificate_free(client);
    test_certificate_free(ec_server);
    test_certificate_free(server);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WORLD(no_other_suite_of_the_library_is_agreed),      WORLD(a_session_is_not_resumed),
        WORLD(handshakes_in_parallel_keep_their_keys_apart), WORLD(no_key_stays_on_the_stack),
        WORLD(no_key_stays_on_the_stack_with_certificates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
