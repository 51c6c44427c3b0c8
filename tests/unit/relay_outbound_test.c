/* Sessions in which the node is the client: no last flight is held, and nothing that a server says starts a
 * handshake. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "flight.h"
#include "relay_world.h"

enum { CONNECTION = 21, HANDLE = 300, PEER = 1 };

static void session(struct world *w)
{
    world_open_as(w, DIRECTION_OUT, CONNECTION, PEER);
    world_prepare_with(w, CONNECTION, NODE_A, HANDLE, 0);
    world_commit(w, CONNECTION, NODE_A, HANDLE);
    world_flush(w);
    assert_non_null(world_told(w, MSG_SESSION_DURABLE));
}

static void assert_tombstone(const struct output *o)
{
    uint8_t tombstone[TOMBSTONE_LEN];

    world_tombstone(HANDLE, tombstone);
    assert_int_equal(o->len, TOMBSTONE_LEN);
    assert_memory_equal(o->bytes, tombstone, TOMBSTONE_LEN);
}

static void nothing_is_sent_to_the_server_at_the_end_of_the_hand_over(void **state)
{
    struct world *w = world_new();
    struct session_row row;

    (void)state;
    session(w);
    assert_int_equal(world_count(w, TO_PEER), 1); /* the ClientHello */
    assert_int_equal(world_list(w, &row, 1), 1);
    assert_true(row.is_outbound);
    assert_int_equal(row.subscriber, SUBSCRIBER);
    world_free(w);
}

static void the_direction_survives_a_restart(void **state)
{
    struct world *w = world_new();
    struct session_row row;

    (void)state;
    session(w);
    world_load(w);
    assert_int_equal(world_list(w, &row, 1), 1);
    assert_true(row.is_outbound);
    world_free(w);
}

static void assert_record_to_node(const struct output *o, uint8_t type, uint32_t number)
{
    struct output copy = *o;
    struct record r;
    uint16_t handle;

    assert_int_equal(copy.kind, TO_NODE);
    assert_int_equal(linkframe_decode(copy.bytes, copy.len, &handle, &r), SSM_OK);
    assert_int_equal(handle, HANDLE);
    assert_int_equal(r.type, type);
    assert_int_equal(bytes_u32(r.seq.bytes + 2), number);
}

/* The server's last flight, and data numbered from 1 on in the same datagram. */
static const struct bytes *last_flight(uint32_t data_count)
{
    static struct bytes datagram;

    datagram.len = 0;
    (void)world_add_record(&datagram, RECORD_CHANGE_CIPHER_SPEC, 0, 3, 1);
    (void)world_add_record(&datagram, RECORD_HANDSHAKE, 1, 0, 32);
    for (uint32_t i = 1; i <= data_count; i++)
        (void)world_add_record(&datagram, RECORD_APPLICATION_DATA, 1, i, 20);
    return &datagram;
}

static size_t frames_to_node(struct world *w, struct output *frames, size_t cap)
{
    size_t count = 0;

    for (size_t i = 0; i < w->output_count; i++)
        if (world_output(w, i)->kind == TO_NODE && count++ < cap)
            frames[count - 1] = *world_output(w, i);
    return count;
}

/* Data, and even the end of the session, may share a datagram with the server's Finished. More data come
 * before the node has its keys; what the queue has no room for is counted. */
static void what_comes_with_finished_reaches_the_node_in_order(void **state)
{
    static struct output frames[FLIGHT_EARLY_RECORDS];
    struct world *w = world_new();

    (void)state;
    world_open_as(w, DIRECTION_OUT, CONNECTION, PEER);
    world_forget_outputs(w);
    world_from_peer(w, PEER, last_flight(2));
    assert_int_equal(w->output_count, 2);
    assert_int_equal(world_count(w, TO_KEYS), 2);
    assert_int_equal(world_told(w, MSG_DGRAM_IN)->connection, CONNECTION);
    world_prepare_with(w, CONNECTION, NODE_A, HANDLE, 0);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 3, 20));
    world_from_peer(w, PEER, world_record(RECORD_ALERT, 1, 4, 10));
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 5, 20));
    world_commit(w, CONNECTION, NODE_A, HANDLE);
    assert_int_equal(world_count(w, TO_NODE), 1); /* the key block */
    world_forget_outputs(w);
    world_flush(w);
    assert_int_equal(frames_to_node(w, frames, FLIGHT_EARLY_RECORDS), FLIGHT_EARLY_RECORDS);
    for (uint32_t i = 0; i < FLIGHT_EARLY_RECORDS; i++)
        assert_record_to_node(&frames[i], i < 3 ? RECORD_APPLICATION_DATA : RECORD_ALERT, i + 1);
    assert_int_equal(world_counter(w, RELAY_DROP_EARLY), 1);
    world_free(w);
}

/* `keys` has verified it, and the node could make nothing of it. */
static void a_late_finished_is_dropped_and_not_what_comes_with_it(void **state)
{
    static struct output frame;
    struct world *w = world_new();

    (void)state;
    world_open_as(w, DIRECTION_OUT, CONNECTION, PEER);
    world_prepare_with(w, CONNECTION, NODE_A, HANDLE, 0);
    world_forget_outputs(w);
    world_from_peer(w, PEER, last_flight(0));
    assert_int_equal(w->output_count, 0);
    assert_int_equal(world_counter(w, RELAY_DROP_PEER_HELD), 2);
    world_commit(w, CONNECTION, NODE_A, HANDLE);
    world_flush(w);
    world_forget_outputs(w);
    world_from_peer(w, PEER, last_flight(1));
    assert_int_equal(w->output_count, 1);
    assert_int_equal(frames_to_node(w, &frame, 1), 1);
    assert_record_to_node(&frame, RECORD_APPLICATION_DATA, 1);
    world_free(w);
}

static void a_live_session_hears_no_handshake(void **state)
{
    struct world *w = world_new();

    (void)state;
    session(w);
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_handshake(0));  /* HelloRequest */
    world_from_peer(w, PEER, world_handshake(1));  /* ClientHello */
    world_from_peer(w, PEER, world_handshake(14)); /* ServerHelloDone */
    assert_int_equal(w->output_count, 0);
    world_free(w);
}

/* It learns no address from a record: what another address sends is a stranger's. */
static void answers_from_another_address_are_nobodys(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_open_as(w, DIRECTION_OUT, CONNECTION, PEER);
    world_forget_outputs(w);
    world_from_peer(w, PEER + 1, world_handshake(2)); /* ServerHello */
    assert_int_equal(w->output_count, 0);
    assert_int_equal(world_counter(w, RELAY_DROP_PEER_UNKNOWN), 1);
    world_free(w);
}

/* A client speaks as soon as it has its keys; its acknowledgement, though it left first, is still with
 * `keys`. */
static void the_nodes_first_record_waits_for_the_row(void **state)
{
    struct world *w = world_new();
    const struct bytes *sent;

    (void)state;
    world_open_as(w, DIRECTION_OUT, CONNECTION, PEER);
    world_prepare_with(w, CONNECTION, NODE_A, HANDLE, 0);
    world_forget_outputs(w);
    world_from_node(w, NODE_A,
                    world_frame(NODE_A, 0, HANDLE, 64, 20)); /* under a key that it does not have */
    assert_int_equal(world_counter(w, RELAY_DROP_NODE_FORGED), 1);
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, 64, 20));
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, 64, 20));
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, 65, 20));
    assert_int_equal(world_counter(w, RELAY_DROP_NODE_REPLAYED), 1);
    assert_int_equal(world_counter(w, RELAY_DROP_NODE_UNKNOWN), 1); /* the second, which it will repeat */
    world_commit(w, CONNECTION, NODE_A, HANDLE);
    assert_int_equal(world_count(w, TO_PEER), 0);
    world_flush(w);
    sent = world_record(RECORD_APPLICATION_DATA, 1, 64, 20);
    assert_int_equal(world_count(w, TO_PEER), 1);
    assert_int_equal(world_first(w, TO_PEER)->len, sent->len);
    assert_memory_equal(world_first(w, TO_PEER)->bytes, sent->at, sent->len);
    world_forget_outputs(w);
    world_wait(w, 2 * FLIGHT_REPLAY_GAP_MS);
    world_from_peer(w, PEER, last_flight(0));
    assert_int_equal(world_count(w, TO_PEER), 0); /* it is no flight that is replayed */
    world_free(w);
}

static void a_hand_over_that_fails_sends_the_tombstone(void **state)
{
    const struct message abort = {
        .type = MSG_SESSION_ABORT, .connection = CONNECTION, .kind = CLOSE_NODE_SILENT};
    struct world *w = world_new();

    (void)state;
    world_open_as(w, DIRECTION_OUT, CONNECTION, PEER);
    world_message(w, &abort); /* the server has proved nothing yet, and `keys` has sent its alert */
    assert_int_equal(world_count(w, TO_PEER), 1);
    world_open_as(w, DIRECTION_OUT, CONNECTION, PEER);
    world_prepare_with(w, CONNECTION, NODE_A, HANDLE, 0);
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, 64, 20));
    world_forget_outputs(w);
    world_message(w, &abort);
    assert_int_equal(world_count(w, TO_PEER), 1);
    assert_tombstone(world_first(w, TO_PEER));
    world_free(w);
}

static void a_flight_belongs_to_a_server_alone(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_open_as(w, DIRECTION_OUT, CONNECTION, PEER);
    world_prepare_with(w, CONNECTION, NODE_A, HANDLE, FLIGHT_LEN);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->kind, CLOSE_HANDSHAKE);
    world_free(w);
}

static void a_close_by_subscriber_means_no_destination(void **state)
{
    struct message close = {
        .type = MSG_SESSION_CLOSE, .node = NODE_A, .subscriber = SUBSCRIBER, .kind = CLOSE_REVOKED};
    struct world *w = world_new();

    (void)state;
    session(w);
    world_message(w, &close);
    assert_int_equal(world_list(w, NULL, 0), 1);
    close.slot = DIRECTION_OUT;
    world_forget_outputs(w);
    world_message(w, &close);
    assert_int_equal(world_list(w, NULL, 0), 0);
    assert_tombstone(world_first(w, TO_PEER));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_sent_to_the_server_at_the_end_of_the_hand_over),
        cmocka_unit_test(the_direction_survives_a_restart),
        cmocka_unit_test(what_comes_with_finished_reaches_the_node_in_order),
        cmocka_unit_test(a_late_finished_is_dropped_and_not_what_comes_with_it),
        cmocka_unit_test(a_live_session_hears_no_handshake),
        cmocka_unit_test(answers_from_another_address_are_nobodys),
        cmocka_unit_test(the_nodes_first_record_waits_for_the_row),
        cmocka_unit_test(a_hand_over_that_fails_sends_the_tombstone),
        cmocka_unit_test(a_flight_belongs_to_a_server_alone),
        cmocka_unit_test(a_close_by_subscriber_means_no_destination),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
