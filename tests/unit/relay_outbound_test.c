/* Sessions in which the node is the client: no last flight is held, and nothing that a server says starts a
 * handshake. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "relay_world.h"

enum { CONNECTION = 21, HANDLE = 300, PEER = 1, DESTINATION = 5 };

static void open_outbound(struct world *w)
{
    static const uint8_t CLIENT_HELLO_START[] = {RECORD_HANDSHAKE, 0xFE, 0xFD};
    const struct message m = {.type = MSG_DGRAM_OUT,
                              .kind = DIRECTION_OUT,
                              .connection = CONNECTION,
                              .node = NODE_A,
                              .peer = world_peer(PEER),
                              .local = world_local(),
                              .data = {{CLIENT_HELLO_START, sizeof CLIENT_HELLO_START}}};

    world_message(w, &m);
}

static void prepare(struct world *w, size_t flight_len)
{
    uint8_t block[KEYBLOCK_FRAME_LEN] = {LINK_CONTROL << 5};
    uint8_t tombstone[TOMBSTONE_LEN];
    uint8_t flight[FLIGHT_LEN] = {0};
    const struct message m = {
        .type = MSG_SESSION_PREPARE,
        .connection = CONNECTION,
        .node = NODE_A,
        .handle = HANDLE,
        .subscriber = DESTINATION,
        .data = {{block, sizeof block}, {tombstone, sizeof tombstone}, {flight, flight_len}}};

    world_tombstone(HANDLE, tombstone);
    world_message(w, &m);
}

static void session(struct world *w)
{
    open_outbound(w);
    prepare(w, 0);
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
    assert_int_equal(row.subscriber, DESTINATION);
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

/* Data, and even the end of the session, may share a datagram with the server's Finished. */
static void what_comes_with_finished_reaches_the_node_in_order(void **state)
{
    struct world *w = world_new();
    static struct bytes datagram;

    (void)state;
    open_outbound(w);
    world_forget_outputs(w);
    datagram.len = 0;
    (void)world_add_record(&datagram, RECORD_HANDSHAKE, 1, 0, 32);
    (void)world_add_record(&datagram, RECORD_APPLICATION_DATA, 1, 1, 20);
    (void)world_add_record(&datagram, RECORD_ALERT, 1, 2, 10);
    world_from_peer(w, PEER, &datagram);
    assert_int_equal(w->output_count, 1);
    assert_int_equal(world_told(w, MSG_DGRAM_IN)->connection, CONNECTION);
    prepare(w, 0);
    world_commit(w, CONNECTION, NODE_A, HANDLE);
    world_forget_outputs(w);
    world_flush(w);
    assert_int_equal(world_count(w, TO_NODE), 2);
    world_free(w);
}

static void a_live_session_hears_no_handshake(void **state)
{
    struct world *w = world_new();

    (void)state;
    session(w);
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_record(RECORD_HANDSHAKE, 1, 0, 32)); /* a late Finished */
    world_from_peer(w, PEER, world_handshake(0));                       /* HelloRequest */
    world_from_peer(w, PEER, world_handshake(1));                       /* ClientHello */
    world_from_peer(w, PEER, world_handshake(14));                      /* ServerHelloDone */
    assert_int_equal(w->output_count, 0);
    world_free(w);
}

/* It learns no address from a record: what another address sends is a stranger's. */
static void answers_from_another_address_are_nobodys(void **state)
{
    struct world *w = world_new();

    (void)state;
    open_outbound(w);
    world_forget_outputs(w);
    world_from_peer(w, PEER + 1, world_handshake(2)); /* ServerHello */
    assert_int_equal(w->output_count, 0);
    assert_int_equal(world_counter(w, RELAY_DROP_PEER_UNKNOWN), 1);
    world_free(w);
}

static void a_hand_over_that_fails_sends_the_tombstone(void **state)
{
    const struct message abort = {
        .type = MSG_SESSION_ABORT, .connection = CONNECTION, .kind = CLOSE_NODE_SILENT};
    struct world *w = world_new();

    (void)state;
    open_outbound(w);
    world_message(w, &abort); /* the server has proved nothing yet, and `keys` has sent its alert */
    assert_int_equal(world_count(w, TO_PEER), 1);
    open_outbound(w);
    prepare(w, 0);
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
    open_outbound(w);
    prepare(w, FLIGHT_LEN);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->kind, CLOSE_HANDSHAKE);
    world_free(w);
}

static void a_close_by_subscriber_means_no_destination(void **state)
{
    struct message close = {
        .type = MSG_SESSION_CLOSE, .node = NODE_A, .subscriber = DESTINATION, .kind = CLOSE_REVOKED};
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
        cmocka_unit_test(a_live_session_hears_no_handshake),
        cmocka_unit_test(answers_from_another_address_are_nobodys),
        cmocka_unit_test(a_hand_over_that_fails_sends_the_tombstone),
        cmocka_unit_test(a_flight_belongs_to_a_server_alone),
        cmocka_unit_test(a_close_by_subscriber_means_no_destination),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
