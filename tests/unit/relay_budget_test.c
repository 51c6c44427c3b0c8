/* What whoever forges a peer's address can send to a node, and what it leaves to others. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "relay_world.h"

enum {
    FORGED = 1, /* peers, whose sessions have their numbers */
    HONEST = 2,
    ELSEWHERE = 3,
    PER_S = 40,
    NODE_BURST = 64 + PER_S / 8,
    REQUEST_LEN = 30,
};

static struct world *world_with_budget(void)
{
    struct world *w = world_new();

    w->config.node_records_per_s = PER_S;
    world_begin(w);
    world_session(w, FORGED, NODE_A, FORGED);
    world_session(w, HONEST, NODE_A, HONEST);
    world_session(w, ELSEWHERE, NODE_B, ELSEWHERE);
    return w;
}

/* Sends `count` records of a peer; returns how many reach a node. */
static unsigned send_records(struct world *w, unsigned peer, unsigned count)
{
    static uint32_t seq;
    unsigned passed = 0;

    for (unsigned i = 0; i < count; i++) {
        world_forget_outputs(w);
        world_from_peer(w, peer, world_record(RECORD_APPLICATION_DATA, 1, ++seq, REQUEST_LEN));
        passed += (unsigned)world_count(w, TO_NODE);
    }
    return passed;
}

static void throttle(struct world *w, uint32_t node, uint16_t handle)
{
    const struct message m = {.type = MSG_SESSION_THROTTLE, .node = node, .handle = handle};

    world_message(w, &m);
}

static void forged_records_reach_the_node_within_the_sessions_budget(void **state)
{
    struct world *w = world_with_budget();
    unsigned forged = 0;
    unsigned honest = 0;
    unsigned elsewhere = 0;
    unsigned sent = 0;

    (void)state;
    for (unsigned tenth = 0; tenth < 600; tenth++) { /* a minute */
        forged += send_records(w, FORGED, 100);
        honest += send_records(w, HONEST, 1);
        elsewhere += send_records(w, ELSEWHERE, 1);
        sent += 102;
        world_wait(w, 100);
    }
    assert_in_range(forged, 60 * PER_S / 2 - 1, NODE_BURST / 2 + 60 * PER_S / 2);
    assert_int_equal(honest, 600);
    assert_int_equal(elsewhere, 600);
    assert_int_equal(world_counter(w, RELAY_TO_NODE), forged + honest + elsewhere);
    assert_int_equal(world_counter(w, RELAY_DROP_PEER_BUDGET), sent - forged - honest - elsewhere);
    world_free(w);
}

static void all_sessions_of_a_node_share_its_budget(void **state)
{
    struct world *w = world_with_budget();
    unsigned passed = 0;

    (void)state;
    for (uint16_t handle = 4; handle < 6; handle++)
        world_session(w, handle, NODE_A, handle);
    for (unsigned tenth = 0; tenth < 600; tenth++) {
        passed += send_records(w, FORGED, 10) + send_records(w, HONEST, 10) + send_records(w, 4, 10) +
                  send_records(w, 5, 10);
        (void)send_records(w, ELSEWHERE, 1);
        world_wait(w, 100);
    }
    assert_in_range(passed, 60 * PER_S - 1, NODE_BURST + 60 * PER_S);
    assert_int_equal(send_records(w, ELSEWHERE, 12), 12);
    world_free(w);
}

static void honest_use_is_not_throttled(void **state)
{
    struct world *w = world_with_budget();

    (void)state;
    /* A dozen requests at once, by two peers of one node, and a third later. */
    assert_int_equal(send_records(w, FORGED, 12) + send_records(w, HONEST, 12), 24);
    assert_int_equal(send_records(w, FORGED, 12) + send_records(w, HONEST, 12), 24);
    /* Block by block, 50 ms a block, which is what a sensor's radio and processor take. */
    for (unsigned i = 0; i < 2000; i++) {
        world_wait(w, 50);
        assert_int_equal(send_records(w, ELSEWHERE, 1), 1);
    }
    /* Acknowledgements of notifications, for an hour. */
    for (unsigned i = 0; i < 3600; i++) {
        world_wait(w, 1000);
        assert_int_equal(send_records(w, ELSEWHERE, 1), 1);
    }
    world_free(w);
}

static void a_reported_session_gets_one_record_a_second(void **state)
{
    struct world *w = world_with_budget();
    unsigned passed = 0;

    (void)state;
    throttle(w, NODE_A, FORGED);
    throttle(w, NODE_A, FORGED);
    throttle(w, NODE_B, FORGED); /* nobody's */
    for (unsigned tenth = 0; tenth < 600; tenth++) {
        passed += send_records(w, FORGED, 10);
        assert_int_equal(send_records(w, HONEST, 1), 1);
        world_wait(w, 100);
    }
    assert_int_equal(passed, 60);
    assert_int_equal(world_counter(w, RELAY_SESSIONS_THROTTLED), 1);
    world_free(w);
}

static void a_session_that_is_opened_anew_is_not_throttled(void **state)
{
    struct world *w = world_with_budget();

    (void)state;
    throttle(w, NODE_A, FORGED);
    world_session(w, FORGED, NODE_A, 9);
    assert_int_equal(send_records(w, FORGED, 12), 12);
    world_free(w);
}

static void dropped_records_do_not_keep_a_session_alive(void **state)
{
    struct world *w = world_with_budget();
    struct session_row rows[3];

    (void)state;
    throttle(w, NODE_A, FORGED);
    assert_int_equal(send_records(w, FORGED, 50), 1);
    assert_int_equal(world_list(w, rows, 3), 3);
    assert_int_equal(rows[0].handle, FORGED);
    assert_int_equal(rows[0].to_node, 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forged_records_reach_the_node_within_the_sessions_budget),
        cmocka_unit_test(all_sessions_of_a_node_share_its_budget),
        cmocka_unit_test(honest_use_is_not_throttled),
        cmocka_unit_test(a_reported_session_gets_one_record_a_second),
        cmocka_unit_test(a_session_that_is_opened_anew_is_not_throttled),
        cmocka_unit_test(dropped_records_do_not_keep_a_session_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
