/* The DTLS engine and a client of the same library that comes again: with a PSK, with a certificate, with
 * what does not suit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <time.h>

#include "flow/peer_mbedtls.c"
#include "handshake_world.h"

static struct handshake_session kept;
static mbedtls_ssl_session of_client;

static int begin(void **state)
{
    memset(&kept, 0, sizeof kept);
    mbedtls_ssl_session_init(&of_client);
    return setup(state);
}

static int end(void **state)
{
    mbedtls_ssl_session_free(&of_client);
    return teardown(state);
}

static mbedtls_ssl_context *context_of(struct side *s)
{
    return &((struct peer_of_mbedtls *)s->peer)->ssl;
}

static void connect_psk(struct side *s)
{
    side_connect(s, &(struct peer_config){.suites = PEER_PSK});
}

/* With each of its suites. */
static void connect_all(struct side *s)
{
    side_connect(s, &(struct peer_config){.suites = PEER_PSK | PEER_ECDSA,
                                          .ca = made.gateway->pem,
                                          .server_name = "gateway",
                                          .certificate = made.alice->pem,
                                          .key = made.alice->key});
}

static void connect_alice(struct side *s)
{
    side_connect(s, &(struct peer_config){.suites = PEER_ECDSA,
                                          .ca = made.gateway->pem,
                                          .server_name = "gateway",
                                          .certificate = made.alice->pem,
                                          .key = made.alice->key});
}

/* A full handshake, of which both sides keep what they need to come again. */
static void first(struct side *s, void (*connect)(struct side *s))
{
    s->room = &kept;
    connect(s);
    side_talk(s, SIDE_TURNS);
    side_assert_same_keys(s);
    assert_true(kept.len > 0);
    assert_int_equal(mbedtls_ssl_get_session(context_of(s), &of_client), 0);
}

/* What the engine keeps begins with the time at which the peer's certificate expires. */
static uint64_t kept_until_s(void)
{
    uint64_t not_after_s;

    memcpy(&not_after_s, kept.bytes, sizeof not_after_s);
    return not_after_s;
}

/* The client asks for its session, and is offered it, if `offer` says so. */
static struct side *come_again(struct world *w, void (*connect)(struct side *s),
                               const struct handshake_session *offer)
{
    struct side *s = again(w);

    s->offer = offer;
    connect(s);
    assert_int_equal(mbedtls_ssl_set_session(context_of(s), &of_client), 0);
    return s;
}

static void assert_resumed(struct side *s)
{
    assert_true(s->is_resumed);
    side_assert_same_keys(s);
    assert_int_equal(s->claims_given, 0); /* who it is, the owner knows */
}

static void a_peer_with_a_psk_comes_again(void **state)
{
    struct side *s = side_of(state);
    struct handshake_keys before;

    first(s, connect_psk);
    before = s->keys;
    s = come_again(*state, connect_psk, &kept);
    s->is_unknown = true; /* no PSK is asked for */
    side_talk(s, SIDE_TURNS);
    assert_resumed(s);
    assert_memory_not_equal(&s->keys, &before, sizeof before);
    assert_int_equal(kept_until_s(), UINT64_MAX);
}

static void a_peer_with_a_certificate_comes_again(void **state)
{
    struct side *s = side_of(state);

    first(s, connect_alice);
    s = come_again(*state, connect_alice, &kept);
    side_talk(s, SIDE_TURNS);
    assert_resumed(s);
    assert_true(kept_until_s() > (uint64_t)time(NULL) && kept_until_s() < UINT64_MAX);
}

/* ServerHello, ChangeCipherSpec and Finished leave at once, the last as number 0 of epoch 1; the session is
 * done only when the client's Finished has been verified. */
static void the_servers_flight_comes_first(void **state)
{
    struct side *s = side_of(state);

    first(s, connect_psk);
    s = come_again(*state, connect_psk, &kept);
    side_talk(s, 2); /* the cookie */
    s->is_holding = true;
    assert_int_equal(s->result, HANDSHAKE_CONTINUE);
    assert_int_equal(s->keys_given, 1);
    assert_true(s->is_cipher_changed);
    side_talk(s, 1);
    assert_true(s->peer->is_up);
    side_feed_held(s);
    assert_int_equal(s->result, HANDSHAKE_DONE);
    assert_int_equal(s->sent_count, 0);
}

/* A lost flight is sent again, under numbers of its own. */
static void each_repetition_has_a_number_of_its_own(void **state)
{
    enum { TIMES = 3 };
    struct side *s = side_of(state);
    uint64_t numbers = 0;

    first(s, connect_psk);
    s = come_again(*state, connect_psk, &kept);
    side_talk(s, 2);
    s->is_holding = true;
    for (int i = 0; i < TIMES; i++) {
        for (unsigned d = 0; d < s->sent_count; d++) {
            struct reader r = reader_over(s->sent[d].bytes, s->sent[d].len);
            struct handshake_record record;

            while (r.left > 0 && handshake_record_read(&r, &record) == SSM_OK)
                if (record.epoch == 1)
                    numbers |= 1u << record.seq.bytes[5];
        }
        s->sent_count = 0;
        assert_int_equal(s->engine.on_timer(s->handshake, s->engine.deadline(s->handshake)),
                         HANDSHAKE_CONTINUE);
    }
    assert_int_equal(numbers, (1 << TIMES) - 1);
}

static void nothing_is_kept_where_there_is_no_room(void **state)
{
    struct side *s = side_of(state);

    connect_psk(s);
    side_talk(s, SIDE_TURNS);
    assert_int_equal(s->result, HANDSHAKE_DONE);
    assert_int_equal(kept.len, 0);
}

static void a_session_that_is_not_offered_is_not_resumed(void **state)
{
    struct side *s = side_of(state);

    first(s, connect_psk);
    s = come_again(*state, connect_psk, NULL);
    side_talk(s, SIDE_TURNS);
    assert_false(s->is_resumed);
    side_assert_same_keys(s);
}

/* The suite is chosen before, and stays. */
static void another_suite_makes_a_full_handshake(void **state)
{
    struct side *s = side_of(state);

    first(s, connect_alice);
    s = come_again(*state, connect_all, &kept); /* PSK comes first */
    side_talk(s, SIDE_TURNS);
    assert_false(s->is_resumed);
    side_assert_same_keys(s);
    assert_string_equal(peer_suite(s->peer), "TLS-PSK-WITH-AES-128-CCM-8");
}

static void an_expired_certificate_makes_a_full_handshake(void **state)
{
    struct side *s = side_of(state);
    const uint64_t past_s = 1500000000;

    first(s, connect_alice);
    memcpy(kept.bytes, &past_s, sizeof past_s);
    s = come_again(*state, connect_alice, &kept);
    side_talk(s, SIDE_TURNS);
    assert_false(s->is_resumed);
    side_assert_same_keys(s);
    assert_int_equal(s->claims_given, 1);
}

static void what_is_no_session_makes_a_full_handshake(void **state)
{
    struct side *s = side_of(state);

    first(s, connect_psk);
    kept.len /= 2;
    s = come_again(*state, connect_psk, &kept);
    side_talk(s, SIDE_TURNS);
    assert_false(s->is_resumed);
    side_assert_same_keys(s);
}

/* Whoever knows the ID alone. */
static void another_secret_is_refused(void **state)
{
    struct side *s = side_of(state);
    struct handshake_session of_bob = {.len = 0};

    first(s, connect_psk);
    s = again(*state);
    s->room = &of_bob;
    connect_psk(s);
    side_talk(s, SIDE_TURNS);
    memcpy(of_bob.id, kept.id, sizeof kept.id);
    s = come_again(*state, connect_psk, &of_bob);
    side_talk(s, SIDE_TURNS);
    assert_true(s->is_resumed);
    assert_false(s->peer->is_up);
    assert_int_not_equal(s->result, HANDSHAKE_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_peer_with_a_psk_comes_again, begin, end),
        cmocka_unit_test_setup_teardown(a_peer_with_a_certificate_comes_again, begin, end),
        cmocka_unit_test_setup_teardown(the_servers_flight_comes_first, begin, end),
        cmocka_unit_test_setup_teardown(each_repetition_has_a_number_of_its_own, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_kept_where_there_is_no_room, begin, end),
        cmocka_unit_test_setup_teardown(a_session_that_is_not_offered_is_not_resumed, begin, end),
        cmocka_unit_test_setup_teardown(another_suite_makes_a_full_handshake, begin, end),
        cmocka_unit_test_setup_teardown(an_expired_certificate_makes_a_full_handshake, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_session_makes_a_full_handshake, begin, end),
        cmocka_unit_test_setup_teardown(another_secret_is_refused, begin, end),
    };

    return cmocka_run_group_tests(tests, make_all, free_all);
}
