/* Peers that resume their session: they believe in it before the node has the keys, so nothing is withheld
 * from them and nothing that they send is for the session before. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "relay_world.h"

enum { CONNECTION = 21, HANDLE = 300, PEER = 1 };

static void finish(struct world *w)
{
    world_commit(w, CONNECTION, NODE_A, HANDLE);
    world_forget_outputs(w);
    world_flush(w);
}

static struct world *resuming(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_open_as(w, DIRECTION_IN_RESUMED, CONNECTION, PEER);
    world_forget_outputs(w);
    return w;
}

/* How many frames of this session's handle went to the node. */
static unsigned to_node(const struct world *w, uint16_t handle)
{
    unsigned count = 0;

    for (size_t i = 0; i < w->output_count; i++)
        count += w->outputs[i].kind == TO_NODE &&
                 link_kind_of(w->outputs[i].bytes, w->outputs[i].len) == LINK_RECORD &&
                 bytes_u16(w->outputs[i].bytes + 1) == handle;
    return count;
}

static void nothing_is_sent_to_the_peer_at_the_end(void **state)
{
    struct world *w = resuming(state);

    world_prepare_with(w, CONNECTION, NODE_A, HANDLE, 0);
    finish(w);
    assert_int_equal(world_count(w, TO_PEER), 0);
    assert_non_null(world_told(w, MSG_SESSION_DURABLE));
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_record(RECORD_HANDSHAKE, 1, 0, 32)); /* its Finished once more */
    assert_int_equal(w->output_count, 0);
    assert_int_equal(world_counter(w, RELAY_FLIGHTS_REPLAYED), 0);
    world_free(w);
}

/* Data, and even the end of the session, may share a datagram with the peer's Finished. */
static void what_comes_with_finished_reaches_the_node(void **state)
{
    struct world *w = resuming(state);
    static struct bytes datagram;

    datagram.len = 0;
    (void)world_add_record(&datagram, RECORD_CHANGE_CIPHER_SPEC, 0, 2, 1);
    (void)world_add_record(&datagram, RECORD_HANDSHAKE, 1, 0, 32);
    (void)world_add_record(&datagram, RECORD_APPLICATION_DATA, 1, 1, 20);
    (void)world_add_record(&datagram, RECORD_ALERT, 1, 2, 10);
    world_from_peer(w, PEER, &datagram);
    assert_int_equal(world_count(w, TO_KEYS), 2);
    assert_int_equal(world_count(w, TO_NODE), 0);
    world_prepare_with(w, CONNECTION, NODE_A, HANDLE, 0);
    finish(w);
    assert_int_equal(to_node(w, HANDLE), 2);
    world_free(w);
}

/* On the same 5-tuple the session before lives until its successor is acknowledged, but the peer has its new
 * keys already. */
static void expect_early_data_of(enum message_direction kind)
{
    struct world *w = world_new();

    world_session(w, PEER, NODE_A, 7);
    world_open_as(w, kind, CONNECTION, PEER);
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_record(RECORD_HANDSHAKE, 1, 0, 32));
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    assert_int_equal(to_node(w, 7), 0);
    world_prepare_with(w, CONNECTION, NODE_A, HANDLE, 0);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 2, 20));
    finish(w);
    assert_int_equal(to_node(w, 7), 0);
    assert_int_equal(to_node(w, HANDLE), 2);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->handle, 7);
    world_free(w);
}

/* Nor is that of a server, whose Finished is the last, too. */
static void early_data_is_not_for_the_session_before(void **state)
{
    (void)state;
    expect_early_data_of(DIRECTION_IN_RESUMED);
    expect_early_data_of(DIRECTION_OUT);
}

/* A full handshake there changes nothing: while its flight is withheld, data is the old session's. */
static void beside_a_full_handshake_data_is_for_the_session_before(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, PEER, NODE_A, 7);
    world_open_as(w, DIRECTION_IN, CONNECTION, PEER);
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    assert_int_equal(to_node(w, 7), 1);
    world_free(w);
}

static void a_hand_over_that_fails_sends_the_tombstone(void **state)
{
    const struct message abort = {
        .type = MSG_SESSION_ABORT, .connection = CONNECTION, .kind = CLOSE_NODE_SILENT};
    struct world *w = resuming(state);
    uint8_t tombstone[TOMBSTONE_LEN];

    world_prepare_with(w, CONNECTION, NODE_A, HANDLE, 0);
    world_forget_outputs(w);
    world_message(w, &abort);
    world_tombstone(HANDLE, tombstone);
    assert_int_equal(world_count(w, TO_PEER), 1);
    assert_int_equal(world_first(w, TO_PEER)->len, TOMBSTONE_LEN);
    assert_memory_equal(world_first(w, TO_PEER)->bytes, tombstone, TOMBSTONE_LEN);
    world_free(w);
}

static void a_flight_is_of_a_full_handshake_alone(void **state)
{
    struct world *w = resuming(state);

    world_prepare_with(w, CONNECTION, NODE_A, HANDLE, FLIGHT_LEN);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->kind, CLOSE_HANDSHAKE);
    world_open_as(w, DIRECTION_IN, CONNECTION, PEER);
    world_forget_outputs(w);
    world_prepare_with(w, CONNECTION, NODE_A, HANDLE, 0);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->kind, CLOSE_HANDSHAKE);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_sent_to_the_peer_at_the_end),
        cmocka_unit_test(what_comes_with_finished_reaches_the_node),
        cmocka_unit_test(early_data_is_not_for_the_session_before),
        cmocka_unit_test(beside_a_full_handshake_data_is_for_the_session_before),
        cmocka_unit_test(a_hand_over_that_fails_sends_the_tombstone),
        cmocka_unit_test(a_flight_is_of_a_full_handshake_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
