/* From the first datagram of a handshake to the release of its last flight, and the flight's replays. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "relay_world.h"

enum { CONNECTION = 21, HANDLE = 300, PEER = 1 };

static void assert_counted(struct world *w, enum relay_counter counter, uint64_t expected)
{
    assert_int_equal(world_counter(w, counter), expected);
}

static void assert_is_flight(const struct output *o, uint16_t handle)
{
    uint8_t flight[FLIGHT_LEN];
    const struct endpoint peer = world_peer(PEER);

    world_flight(handle, flight);
    assert_int_equal(o->kind, TO_PEER);
    assert_true(endpoint_equal(&o->to, &peer));
    assert_int_equal(o->len, FLIGHT_LEN);
    assert_memory_equal(o->bytes, flight, FLIGHT_LEN);
}

static void assert_nothing_lives(struct world *w)
{
    static uint32_t probe;

    world_forget_outputs(w);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, ++probe, 20));
    world_from_peer(w, PEER, world_record(RECORD_HANDSHAKE, 1, probe, 32));
    assert_int_equal(w->output_count, 0);
    assert_int_equal(world_list(w, NULL, 0), 0);
}

/* ---- opening ---- */

static void what_keys_sends_reaches_the_peer(void **state)
{
    struct world *w = world_new();
    const struct endpoint peer = world_peer(PEER);
    const struct endpoint local = world_local();

    (void)state;
    for (uint32_t connection = 0; connection <= CONNECTION; connection += CONNECTION) {
        world_forget_outputs(w);
        world_open(w, connection, PEER);
        assert_int_equal(w->output_count, 1);
        assert_true(endpoint_equal(&world_output(w, 0)->to, &peer));
        assert_true(endpoint_equal(&world_output(w, 0)->local, &local));
        assert_int_equal(world_output(w, 0)->len, 3);
        /* Without a connection nothing is kept: the peer is the stranger that it was. */
        world_from_peer(w, PEER, world_handshake(KEY_EXCHANGE));
        assert_int_equal(w->output_count, connection == 0 ? 1 : 2);
    }
    world_free(w);
}

static void no_room_sends_nothing_and_tells_keys(void **state)
{
    struct world *w = world_new();

    (void)state;
    for (unsigned i = 0; i < w->config.max_handovers; i++)
        world_open(w, 1 + i, i);
    world_forget_outputs(w);
    world_open(w, CONNECTION, 20);
    assert_int_equal(w->output_count, 1);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->connection, CONNECTION);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->kind, CLOSE_NO_ROOM);
    assert_counted(w, RELAY_DROP_NO_ROOM, 1);
    world_free(w);
}

static void a_full_session_table_refuses_too(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->config.max_sessions = 2;
    world_begin(w);
    world_session(w, 1, NODE_A, 1);
    world_session(w, 2, NODE_A, 2);
    world_open(w, CONNECTION, 3);
    assert_int_equal(world_count(w, TO_PEER), 0);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->kind, CLOSE_NO_ROOM);
    world_close(w, NODE_A, 1, CLOSE_PEER);
    world_forget_outputs(w);
    world_open(w, CONNECTION, 3);
    assert_int_equal(world_count(w, TO_PEER), 1);
    world_free(w);
}

/* A cached flight is worth less than a new session: the one released first gives way. */
static void the_oldest_cached_flight_gives_way(void **state)
{
    struct world *w = world_new();

    (void)state;
    for (unsigned i = 0; i < w->config.max_handovers; i++) {
        world_session(w, i, NODE_A, (uint16_t)(HANDLE + i));
        world_wait(w, 1000);
    }
    world_wait(w, 1000);
    world_open(w, CONNECTION, 20);
    assert_null(world_told(w, MSG_SESSION_ABORT));
    world_forget_outputs(w);
    world_from_peer(w, 0, world_record(RECORD_HANDSHAKE, 1, 0, 32));
    assert_int_equal(w->output_count, 0);
    world_from_peer(w, 1, world_record(RECORD_HANDSHAKE, 1, 0, 32));
    assert_int_equal(w->output_count, 1);
    assert_int_equal(world_list(w, NULL, 0), w->config.max_handovers);
    world_free(w);
}

static void a_second_handshake_supersedes_one_in_flight(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_open(w, CONNECTION, PEER);
    world_open(w, CONNECTION + 1, PEER);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->connection, CONNECTION);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->kind, CLOSE_REPLACED);
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_handshake(KEY_EXCHANGE));
    assert_int_equal(world_output(w, 0)->m.connection, CONNECTION + 1);
    world_free(w);
}

/* ---- the key block ---- */

static void the_key_block_is_repeated_byte_for_byte(void **state)
{
    struct world *w = world_new();
    static const uint64_t AFTER_MS[] = {500, 1000, 2000, 4000, 4000, 4000};
    const struct endpoint at = world_node_at(NODE_A);
    struct output first;

    (void)state;
    world_open(w, CONNECTION, PEER);
    world_forget_outputs(w);
    world_prepare(w, CONNECTION, NODE_A, HANDLE);
    assert_int_equal(w->output_count, 1);
    first = *world_output(w, 0);
    assert_int_equal(first.kind, TO_NODE);
    assert_true(endpoint_equal(&first.to, &at));
    assert_int_equal(first.len, KEYBLOCK_FRAME_LEN);
    for (size_t i = 0; i < sizeof AFTER_MS / sizeof AFTER_MS[0]; i++) {
        world_forget_outputs(w);
        world_wait(w, AFTER_MS[i] - 1);
        assert_int_equal(w->output_count, 0);
        world_wait(w, 1);
        assert_int_equal(w->output_count, 1);
        assert_int_equal(world_output(w, 0)->len, first.len);
        assert_memory_equal(world_output(w, 0)->bytes, first.bytes, first.len);
    }
    world_free(w);
}

static void the_repetition_ends_with_the_hand_over(void **state)
{
    struct message ends[] = {
        {.type = MSG_SESSION_COMMIT, .connection = CONNECTION, .node = NODE_A, .handle = HANDLE},
        {.type = MSG_SESSION_ABORT, .connection = CONNECTION, .kind = CLOSE_NODE_SILENT},
        {.type = MSG_NODE_CTRL_DONE, .node = NODE_A},
    };

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct world *w = world_new();

        world_open(w, CONNECTION, PEER);
        world_prepare(w, CONNECTION, NODE_A, HANDLE);
        world_message(w, &ends[i]);
        world_forget_outputs(w);
        world_wait(w, 20000);
        assert_int_equal(world_count(w, TO_NODE), 0);
        world_free(w);
    }
}

static void the_end_of_one_hand_over_does_not_stop_another_control_message(void **state)
{
    struct world *w = world_new();
    static const uint8_t LIVE[] = {LINK_CONTROL << 5, 1, 2, 3};
    const struct message live = {
        .type = MSG_NODE_CTRL_OUT, .node = NODE_A, .kind = REPEAT_UNTIL_DONE, .data = {{LIVE, sizeof LIVE}}};
    const struct message abort = {
        .type = MSG_SESSION_ABORT, .connection = CONNECTION, .kind = CLOSE_HANDSHAKE};

    (void)state;
    for (int is_aborted = 0; is_aborted < 2; is_aborted++) {
        world_open(w, CONNECTION, PEER);
        world_prepare(w, CONNECTION, NODE_A, (uint16_t)(HANDLE + is_aborted));
        world_message(w, &live);
        if (is_aborted)
            world_message(w, &abort);
        else
            world_commit(w, CONNECTION, NODE_A, HANDLE);
        world_flush(w);
        world_forget_outputs(w);
        world_wait(w, 500);
        assert_int_equal(world_count(w, TO_NODE), 1);
        assert_memory_equal(world_first(w, TO_NODE)->bytes, LIVE, sizeof LIVE);
    }
    world_free(w);
}

static void a_key_block_that_cannot_be_shipped_ends_its_hand_over(void **state)
{
    struct world *w = world_new();
    static const struct {
        uint32_t connection;
        uint32_t node;
        uint16_t handle;
        enum close_reason reason;
    } CASES[] = {
        {CONNECTION + 1, NODE_A, HANDLE, CLOSE_RESTART}, /* not opened */
        {CONNECTION, 77, HANDLE, CLOSE_NODE_SILENT},     /* never associated */
        {CONNECTION, NODE_A, 0, CLOSE_HANDSHAKE},
        {CONNECTION, NODE_A, 5, CLOSE_HANDSHAKE}, /* that number lives */
    };

    (void)state;
    world_session(w, 9, NODE_A, 5);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        world_open(w, CONNECTION, PEER);
        world_forget_outputs(w);
        world_prepare(w, CASES[i].connection, CASES[i].node, CASES[i].handle);
        assert_int_equal(w->output_count, 1);
        assert_int_equal(world_told(w, MSG_SESSION_ABORT)->connection, CASES[i].connection);
        assert_int_equal(world_told(w, MSG_SESSION_ABORT)->kind, CASES[i].reason);
    }
    world_close(w, NODE_A, 5, CLOSE_PEER);
    assert_nothing_lives(w);
    world_free(w);
}

static void a_hand_over_says_nothing_but_its_flight(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_open(w, CONNECTION, PEER);
    world_prepare(w, CONNECTION, NODE_A, HANDLE);
    world_forget_outputs(w);
    world_open(w, CONNECTION, PEER); /* a datagram of the same connection */
    assert_int_equal(w->output_count, 0);
    world_prepare(w, CONNECTION, NODE_A, HANDLE + 1);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->kind, CLOSE_HANDSHAKE);
    assert_nothing_lives(w);
    world_free(w);
}

/* ---- release ---- */

static void the_row_is_durable_before_the_flight_leaves(void **state)
{
    struct world *w = world_new();
    const struct endpoint peer = world_peer(PEER);
    const struct relay_session_row *row = NULL;
    uint8_t tombstone[TOMBSTONE_LEN];

    (void)state;
    world_open(w, CONNECTION, PEER);
    world_prepare(w, CONNECTION, NODE_A, HANDLE);
    world_forget_outputs(w);
    world_commit(w, CONNECTION, NODE_A, HANDLE);
    assert_int_equal(w->output_count, 0);
    world_flush(w);
    assert_int_equal(w->output_count, 3);
    assert_int_equal(world_output(w, 0)->kind, FLUSHED);
    assert_is_flight(world_output(w, 1), HANDLE);
    assert_int_equal(world_output(w, 2)->m.type, MSG_SESSION_DURABLE);
    assert_int_equal(world_output(w, 2)->m.connection, CONNECTION);
    assert_int_equal(world_output(w, 2)->m.node, NODE_A);
    assert_int_equal(world_output(w, 2)->m.handle, HANDLE);
    for (size_t i = 0; i < WORLD_ROWS; i++)
        if (w->durable.sessions[i].node != 0)
            row = &w->durable.sessions[i];
    assert_non_null(row);
    world_tombstone(HANDLE, tombstone);
    assert_int_equal(row->handle, HANDLE);
    assert_int_equal(row->slot, 2);
    assert_int_equal(row->subscriber, SUBSCRIBER);
    assert_true(endpoint_equal(&row->peer, &peer));
    assert_memory_equal(row->tombstone, tombstone, sizeof tombstone);
    assert_true(row->opened_s == WALL_S + w->now_ms / 1000);
    world_free(w);
}

static void early_records_follow_the_flight_four_in_order(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_open(w, CONNECTION, PEER);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 2, BODY_MAX));
    world_prepare(w, CONNECTION, NODE_A, HANDLE);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 3, BODY_MAX + 1)); /* takes no place */
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 4, 20));
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 5, 20));
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 6, 20));
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 7, 20));
    assert_counted(w, RELAY_DROP_EARLY, 2);
    assert_counted(w, RELAY_DROP_PEER_TOO_LONG, 1);
    assert_int_equal(world_count(w, TO_NODE), 1); /* the key block */
    world_forget_outputs(w);
    world_commit(w, CONNECTION, NODE_A, HANDLE);
    world_flush(w);
    assert_int_equal(w->output_count, 7);
    assert_is_flight(world_output(w, 1), HANDLE);
    for (size_t i = 0; i < 4; i++) {
        static const uint32_t NUMBERS[] = {1, 2, 4, 5};
        struct output o = *world_output(w, 2 + i);
        struct bytes *sent = world_record(RECORD_APPLICATION_DATA, 1, NUMBERS[i], i == 1 ? BODY_MAX : 20);
        struct record r;
        uint16_t handle;

        assert_int_equal(o.kind, TO_NODE);
        assert_int_equal(linkframe_decode(o.bytes, o.len, &handle, &r), SSM_OK);
        assert_int_equal(handle, HANDLE);
        assert_int_equal(bytes_u32(r.seq.bytes + 2), NUMBERS[i]);
        assert_memory_equal(r.body, sent->at + RECORD_SEALED_HEADER_LEN, r.body_len);
    }
    assert_int_equal(world_output(w, 6)->m.type, MSG_SESSION_DURABLE);
    assert_counted(w, RELAY_TO_NODE, 4);
    world_free(w);
}

/* The longest record that may wait and the longest that a frame holds are the same. */
static void an_early_record_of_the_longest_size_fits(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_open(w, CONNECTION, PEER);
    for (uint32_t i = 0; i < 4; i++)
        world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, i, BODY_MAX));
    world_prepare(w, CONNECTION, NODE_A, HANDLE);
    world_commit(w, CONNECTION, NODE_A, HANDLE);
    world_flush(w);
    assert_counted(w, RELAY_TO_NODE, 4);
    world_free(w);
}

/* `keys` alerts the peer when it is told: it alone knows the next epoch-0 number. */
static void a_store_that_fails_ends_the_hand_over(void **state)
{
    (void)state;
    for (int at_flush = 0; at_flush < 2; at_flush++) {
        struct world *w = world_new();

        world_open(w, CONNECTION, PEER);
        world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
        world_prepare(w, CONNECTION, NODE_A, HANDLE);
        world_forget_outputs(w);
        w->is_put_failing = !at_flush;
        w->is_store_failing = at_flush;
        world_commit(w, CONNECTION, NODE_A, HANDLE);
        world_flush(w);
        assert_int_equal(w->output_count, 1);
        assert_int_equal(world_told(w, MSG_SESSION_ABORT)->connection, CONNECTION);
        assert_int_equal(world_told(w, MSG_SESSION_ABORT)->kind, CLOSE_STORE);
        assert_counted(w, RELAY_DROP_EARLY, 1);
        assert_nothing_lives(w);
        world_free(w);
    }
}

static void a_store_that_fails_keeps_the_session_to_be_replaced(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_open(w, CONNECTION, PEER);
    world_prepare(w, CONNECTION, NODE_A, HANDLE + 1);
    w->is_store_failing = true;
    world_commit(w, CONNECTION, NODE_A, HANDLE + 1);
    world_flush(w);
    assert_null(world_told(w, MSG_SESSION_CLOSED));
    assert_true(world_has_row(w, NODE_A, HANDLE));
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    assert_int_equal(world_count(w, TO_NODE), 1);
    world_free(w);
}

/* Not every turn, on a disk that fails anyway; but a hand-over that waits does not wait for that. */
static void a_store_that_failed_is_tried_again(void **state)
{
    struct world *w = world_new();
    const struct message close = {
        .type = MSG_SESSION_CLOSE, .node = NODE_A, .handle = HANDLE, .kind = CLOSE_ADMIN};

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    w->is_store_failing = true;
    world_message(w, &close);
    world_flush(w);
    w->is_store_failing = false;
    world_forget_outputs(w);
    world_flush(w);
    assert_int_equal(world_count(w, FLUSHED), 0);
    world_wait(w, 10000);
    assert_int_equal(world_count(w, FLUSHED), 1);

    w->is_store_failing = true;
    world_open(w, CONNECTION, PEER);
    world_prepare(w, CONNECTION, NODE_A, HANDLE + 1);
    world_commit(w, CONNECTION, NODE_A, HANDLE + 1);
    world_flush(w);
    w->is_store_failing = false;
    world_open(w, CONNECTION + 1, PEER);
    world_prepare(w, CONNECTION + 1, NODE_A, HANDLE + 2);
    world_commit(w, CONNECTION + 1, NODE_A, HANDLE + 2);
    world_flush(w);
    assert_true(world_has_row(w, NODE_A, HANDLE + 2));
    world_free(w);
}

static void a_commit_of_an_unknown_hand_over_is_refused(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_commit(w, CONNECTION, NODE_A, HANDLE);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->kind, CLOSE_RESTART);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->handle, HANDLE);
    world_open(w, CONNECTION, PEER);
    world_forget_outputs(w);
    world_commit(w, CONNECTION, NODE_A, HANDLE); /* not prepared */
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->kind, CLOSE_HANDSHAKE);
    world_flush(w);
    assert_false(world_has_row(w, NODE_A, HANDLE));
    assert_nothing_lives(w);
    world_free(w);
}

static void an_abort_leaves_nothing(void **state)
{
    const struct message abort = {
        .type = MSG_SESSION_ABORT, .connection = CONNECTION, .kind = CLOSE_HANDSHAKE};

    (void)state;
    for (int depth = 0; depth < 3; depth++) {
        struct world *w = world_new();

        world_open(w, CONNECTION, PEER);
        if (depth > 0)
            world_prepare(w, CONNECTION, NODE_A, HANDLE);
        if (depth > 1)
            world_commit(w, CONNECTION, NODE_A, HANDLE);
        world_message(w, &abort);
        world_forget_outputs(w);
        world_flush(w);
        assert_null(world_first(w, TO_PEER));
        assert_null(world_first(w, TO_KEYS));
        assert_false(world_has_row(w, NODE_A, HANDLE));
        assert_nothing_lives(w);
        world_free(w);
    }
}

/* ---- replays of the cached flight ---- */

static void a_lost_flight_is_replayed_byte_for_byte(void **state)
{
    struct bytes triggers[3] = {*world_handshake(KEY_EXCHANGE), {.len = 0}, {.len = 0}};

    (void)state;
    (void)world_add_record(&triggers[1], RECORD_CHANGE_CIPHER_SPEC, 0, 2, 1);
    (void)world_add_record(&triggers[2], RECORD_HANDSHAKE, 1, 0, 32);
    for (size_t i = 0; i < 3; i++) {
        struct world *w = world_new();

        world_session(w, PEER, NODE_A, HANDLE);
        world_wait(w, 1000);
        world_from_peer(w, PEER, &triggers[i]);
        assert_int_equal(w->output_count, 1);
        assert_is_flight(world_output(w, 0), HANDLE);
        assert_counted(w, RELAY_FLIGHTS_REPLAYED, 1);
        world_free(w);
    }
}

static void at_most_one_replay_a_second_and_eight_a_session(void **state)
{
    struct world *w = world_new();
    const struct bytes *trigger = world_handshake(KEY_EXCHANGE);

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_wait(w, 499);
    world_from_peer(w, PEER, trigger); /* crossed with the release */
    assert_int_equal(w->output_count, 0);
    for (unsigned i = 1; i <= 20; i++) {
        world_wait(w, i == 1 ? 1 : 500);
        world_from_peer(w, PEER, trigger);
        world_from_peer(w, PEER, trigger);
        assert_int_equal(w->output_count, i <= 16 ? (i + 1) / 2 : 8);
    }
    assert_counted(w, RELAY_FLIGHTS_REPLAYED, 8);
    assert_counted(w, RELAY_DROP_PEER_HELD, 1 + 40);
    world_free(w);
}

static void no_replay_after_the_nodes_first_tagged_record(void **state)
{
    struct world *w = world_new();
    struct bytes *forged;

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_wait(w, 1000);
    forged = world_frame(NODE_A, 1, HANDLE, 64, 20);
    forged->at[forged->len - 1] ^= 1;
    world_from_node(w, NODE_A, forged);
    world_from_peer(w, PEER, world_handshake(KEY_EXCHANGE));
    assert_int_equal(w->output_count, 1);
    world_wait(w, 1000);
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, 64, 20));
    world_from_peer(w, PEER, world_handshake(KEY_EXCHANGE));
    assert_int_equal(w->output_count, 2); /* the node's record alone */
    world_free(w);
}

static void no_replay_after_four_minutes(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->config.unused_timeout_s = 3600;
    world_begin(w);
    world_session(w, PEER, NODE_A, HANDLE);
    w->now_ms += 4 * 60 * 1000 - 1001; /* and no sweep */
    world_from_peer(w, PEER, world_handshake(KEY_EXCHANGE));
    assert_int_equal(w->output_count, 1);
    w->now_ms += 1001;
    world_from_peer(w, PEER, world_handshake(KEY_EXCHANGE));
    assert_int_equal(w->output_count, 1);
    world_wait(w, 1000); /* nor after one */
    world_from_peer(w, PEER, world_handshake(KEY_EXCHANGE));
    assert_int_equal(w->output_count, 1);
    world_free(w);
}

static void no_replay_after_the_end(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_wait(w, 1000);
    world_close(w, NODE_A, HANDLE, CLOSE_PEER);
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_handshake(KEY_EXCHANGE));
    assert_int_equal(w->output_count, 0);
    world_free(w);
}

/* ---- `keys` is gone ---- */

static void a_restart_of_keys_alerts_the_peers_of_its_handshakes(void **state)
{
    struct world *w = world_new();
    static const uint8_t ALERT[] = {21, 0xFE, 0xFD, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 2, 80};

    (void)state;
    world_session(w, 5, NODE_A, 5);
    world_open(w, 1, 1);
    world_open(w, 2, 2);
    world_prepare(w, 2, NODE_A, HANDLE);
    world_open(w, 3, 3);
    world_prepare(w, 3, NODE_B, HANDLE);
    world_commit(w, 3, NODE_B, HANDLE);
    world_forget_outputs(w);
    relay_on_keys_restart(w->relay);
    assert_int_equal(w->output_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(world_output(w, i)->kind, TO_PEER);
        assert_int_equal(world_output(w, i)->len, sizeof ALERT);
        assert_memory_equal(world_output(w, i)->bytes, ALERT, sizeof ALERT);
    }
    world_flush(w);
    assert_false(world_has_row(w, NODE_B, HANDLE));
    assert_true(world_has_row(w, NODE_A, 5));
    world_forget_outputs(w);
    world_wait(w, 20000); /* no key block is repeated */
    assert_int_equal(w->output_count, 0);
    world_from_peer(w, 5, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    assert_int_equal(world_count(w, TO_NODE), 1); /* what lives goes on */
    world_open(w, 1, 4);                          /* the new one counts its connections from the start */
    assert_null(world_told(w, MSG_SESSION_ABORT));
    world_free(w);
}

/* A connection is forgotten with the release, so that a restarted `keys` may give its number again. */
static void a_live_session_has_no_connection(void **state)
{
    struct world *w = world_new();
    const struct message abort = {.type = MSG_SESSION_ABORT, .connection = HANDLE};

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_message(w, &abort);
    world_open(w, HANDLE, PEER + 1);
    assert_int_equal(world_count(w, TO_PEER), 1);
    assert_int_equal(world_list(w, NULL, 0), 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_keys_sends_reaches_the_peer),
        cmocka_unit_test(no_room_sends_nothing_and_tells_keys),
        cmocka_unit_test(a_full_session_table_refuses_too),
        cmocka_unit_test(the_oldest_cached_flight_gives_way),
        cmocka_unit_test(a_second_handshake_supersedes_one_in_flight),
        cmocka_unit_test(the_key_block_is_repeated_byte_for_byte),
        cmocka_unit_test(the_repetition_ends_with_the_hand_over),
        cmocka_unit_test(the_end_of_one_hand_over_does_not_stop_another_control_message),
        cmocka_unit_test(a_key_block_that_cannot_be_shipped_ends_its_hand_over),
        cmocka_unit_test(a_hand_over_says_nothing_but_its_flight),
        cmocka_unit_test(the_row_is_durable_before_the_flight_leaves),
        cmocka_unit_test(early_records_follow_the_flight_four_in_order),
        cmocka_unit_test(an_early_record_of_the_longest_size_fits),
        cmocka_unit_test(a_store_that_fails_ends_the_hand_over),
        cmocka_unit_test(a_store_that_fails_keeps_the_session_to_be_replaced),
        cmocka_unit_test(a_store_that_failed_is_tried_again),
        cmocka_unit_test(a_commit_of_an_unknown_hand_over_is_refused),
        cmocka_unit_test(an_abort_leaves_nothing),
        cmocka_unit_test(a_lost_flight_is_replayed_byte_for_byte),
        cmocka_unit_test(at_most_one_replay_a_second_and_eight_a_session),
        cmocka_unit_test(no_replay_after_the_nodes_first_tagged_record),
        cmocka_unit_test(no_replay_after_four_minutes),
        cmocka_unit_test(no_replay_after_the_end),
        cmocka_unit_test(a_restart_of_keys_alerts_the_peers_of_its_handshakes),
        cmocka_unit_test(a_live_session_has_no_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
