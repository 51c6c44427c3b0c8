/* Records that do not authenticate: reported now and then, and the end of a session only after very many. */
#include "node_world.h"

enum { SESSION = 5, OTHER = 6 };

/* Records in the peer's name by somebody without its key; none is answered. */
static void forge(struct world *w, const struct peer *p, unsigned count)
{
    struct peer forger = *p;

    forger.block.client.key[0] ^= 1;
    for (unsigned i = 0; i < count; i++) {
        world_expect_silence(w);
        world_feed(w, peer_seal(&forger, RECORD_APPLICATION_DATA, seq48_make(0, 1 + i), NULL, NULL, 0));
    }
}

static void ping(struct world *w, struct peer *p)
{
    struct datagram d;

    peer_send(w, p, RECORD_APPLICATION_DATA, "\x40\x00\x00\x01", 4);
    assert_int_equal(peer_take(w, p, &d).type, RECORD_APPLICATION_DATA);
}

static void test_each_flood_is_reported_once(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, SESSION, 0);
    for (unsigned flood = 0; flood < 3; flood++) {
        forge(&w, &p, CONTROL_FLOOD - 1);
        world_expect_silence(&w);
        ping(&w, &p);
        forge(&w, &p, 1);
        assert_int_equal(gateway_take_report(&w, SESSION, false), CONTROL_FLOODED);
        world_pass(&w, 120000);
        world_expect_silence(&w); /* whether or not the gateway has heard it */
        ping(&w, &p);
    }
    assert_int_equal(w.node.counters.closed, 0);
}

static void test_only_forgeries_count(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, SESSION, 0);
    struct peer other = world_peer(&w, OTHER, 1);
    struct datagram d = peer_seal(&p, RECORD_APPLICATION_DATA, seq48_make(0, 7), NULL, NULL, 0);
    for (unsigned i = 0; i < CONTROL_FLOOD; i++) {
        world_feed(&w, d); /* replayed */
        world_feed(&w, peer_seal(&p, RECORD_APPLICATION_DATA, seq48_make(0, 100 + i), NULL, NULL, 0));
    }
    world_expect_silence(&w);
    forge(&w, &p, CONTROL_FLOOD / 2);
    forge(&w, &other, CONTROL_FLOOD / 2);
    world_expect_silence(&w);
}

static void test_the_last_flood_ends_the_session(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, SESSION, 0);
    struct peer other = world_peer(&w, OTHER, 1);
    ping(&w, &p);
    w.node.sessions[0].floods = CONTROL_FLOODS_MAX - 2;
    forge(&w, &p, CONTROL_FLOOD);
    assert_int_equal(gateway_take_report(&w, SESSION, false), CONTROL_FLOODED);
    ping(&w, &p);
    forge(&w, &p, CONTROL_FLOOD);
    peer_expect_close_notify(&w, &p);
    assert_int_equal(gateway_take_report(&w, SESSION, true), CONTROL_CLOSED_FORGED);
    assert_int_equal(w.node.counters.closed, 1);
    peer_send(&w, &p, RECORD_APPLICATION_DATA, "\x40\x00\x00\x01", 4);
    world_expect_silence(&w);
    ping(&w, &other);
}

static void test_a_session_in_its_place_starts_anew(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, SESSION, 0);
    forge(&w, &p, CONTROL_FLOOD - 1);
    struct peer next = peer_make(OTHER, 0);
    next.block.replaces = true;
    assert_int_equal(peer_install(&w, &next), COAP_CREATED);
    forge(&w, &next, CONTROL_FLOOD - 1);
    world_expect_silence(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_flood_is_reported_once),
        cmocka_unit_test(test_only_forgeries_count),
        cmocka_unit_test(test_the_last_flood_ends_the_session),
        cmocka_unit_test(test_a_session_in_its_place_starts_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
