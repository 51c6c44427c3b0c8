/* How sessions end: tombstones, rows, reports, time-outs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "relay_world.h"

enum { HANDLE = 300, PEER = 1 };

static void assert_is_tombstone(const struct output *o, unsigned to, uint16_t handle)
{
    uint8_t tombstone[TOMBSTONE_LEN];
    const struct endpoint peer = world_peer(to);

    world_tombstone(handle, tombstone);
    assert_non_null(o);
    assert_int_equal(o->kind, TO_PEER);
    assert_true(endpoint_equal(&o->to, &peer));
    assert_int_equal(o->len, sizeof tombstone);
    assert_memory_equal(o->bytes, tombstone, sizeof tombstone);
}

static void a_closed_session_leaves_a_tombstone(void **state)
{
    (void)state;
    for (unsigned reason = CLOSE_NONE; reason < CLOSE_REASON_END; reason++) {
        struct world *w = world_new();

        world_session(w, PEER, NODE_A, HANDLE);
        world_close(w, NODE_A, HANDLE, reason);
        assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->node, NODE_A);
        assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->handle, HANDLE);
        assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->kind, reason);
        assert_false(world_has_row(w, NODE_A, HANDLE));
        assert_int_equal(world_count(w, TO_PEER), reason == CLOSE_PEER ? 0 : 1);
        if (reason != CLOSE_PEER)
            assert_is_tombstone(world_first(w, TO_PEER), PEER, HANDLE);
        world_forget_outputs(w);
        world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
        world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, 64, 20));
        assert_int_equal(w->output_count, 0);
        assert_int_equal(world_counter(w, RELAY_SESSIONS), 0);
        assert_int_equal(world_counter(w, RELAY_SESSIONS_OPENED), 1);
        assert_int_equal(world_counter(w, RELAY_SESSIONS_CLOSED), 1);
        world_free(w);
    }
}

/* Whatever arrives from the 5-tuple, but never more often than once a second, and not after 60 s. */
static void the_tombstone_answers_for_a_minute_at_most_once_a_second(void **state)
{
    struct world *w = world_new();
    uint64_t last_ms;
    unsigned sent = 0;

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    world_wait(w, 100000); /* the minute begins with the end, not with the session */
    world_close(w, NODE_A, HANDLE, CLOSE_ADMIN);
    last_ms = w->now_ms;
    for (uint32_t i = 0; i < 700; i++) {
        world_wait(w, 90);
        world_forget_outputs(w);
        world_from_peer(w, PEER, world_record(i % 2 ? RECORD_APPLICATION_DATA : RECORD_ALERT, 1, i, 20));
        assert_true(w->output_count <= 1);
        if (w->output_count == 0)
            continue;
        assert_is_tombstone(world_output(w, 0), PEER, HANDLE);
        assert_true(w->now_ms - last_ms >= 1000);
        assert_true(i < 60000 / 90);
        last_ms = w->now_ms;
        sent++;
    }
    assert_in_range(sent, 25, 59);
    assert_int_equal(world_counter(w, RELAY_TOMBSTONES_SENT), sent + 1);
    assert_int_equal(world_counter(w, RELAY_DROP_PEER_UNKNOWN), 700);
    world_free(w);
}

/* The peer has understood: its new handshake is a stranger's, beside the tombstone until it is done. */
static void a_client_hello_is_heard_over_the_tombstone(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_close(w, NODE_A, HANDLE, CLOSE_NODE_REBOOT);
    world_wait(w, 5000);
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_handshake(HELLO));
    assert_int_equal(w->output_count, 1);
    assert_int_equal(world_told(w, MSG_DGRAM_IN)->connection, 0);
    world_session(w, PEER, NODE_A, HANDLE + 1);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    assert_int_equal(w->output_count, 1);
    assert_int_equal(world_output(w, 0)->kind, TO_NODE);
    world_free(w);
}

static void a_successor_in_negotiation_outlives_the_old_session(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_open(w, 21, PEER);
    world_close(w, NODE_A, HANDLE, CLOSE_IDLE);
    world_wait(w, 5000);
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_handshake(KEY_EXCHANGE));
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20)); /* queued: no tombstone */
    assert_int_equal(w->output_count, 1);
    assert_int_equal(world_output(w, 0)->m.connection, 21);
    world_free(w);
}

static void a_close_names_one_session_or_many(void **state)
{
    static const struct {
        uint32_t node;
        uint16_t handle;
        uint32_t subscriber;
        size_t left;
    } CASES[] = {
        {NODE_A, 1, 0, 3},          {NODE_A, 0, 0, 2},
        {NODE_A, 0, SUBSCRIBER, 2}, {NODE_A, 0, SUBSCRIBER + 1, 4},
        {NODE_B, 1, SUBSCRIBER, 3}, {NODE_B, 9, 0, 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct world *w = world_new();
        const struct message close = {.type = MSG_SESSION_CLOSE,
                                      .node = CASES[i].node,
                                      .handle = CASES[i].handle,
                                      .subscriber = CASES[i].subscriber,
                                      .kind = CLOSE_REVOKED};

        for (uint16_t handle = 1; handle <= 2; handle++) {
            world_session(w, handle, NODE_A, handle);
            world_session(w, 10u + handle, NODE_B, handle);
        }
        world_message(w, &close);
        assert_int_equal(world_count(w, TO_PEER), 4 - CASES[i].left);
        assert_int_equal(world_list(w, NULL, 0), CASES[i].left);
        world_free(w);
    }
}

/* `keys` waits for the report of a number that it asks for, known here or not. */
static void a_close_of_an_unknown_number_is_reported(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_close(w, NODE_A, HANDLE, CLOSE_ADMIN);
    assert_int_equal(w->output_count, 1);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->handle, HANDLE);
    world_free(w);
}

static void a_close_ends_a_hand_over_that_waits_for_its_row(void **state)
{
    struct world *w = world_new();
    const struct message close = {
        .type = MSG_SESSION_CLOSE, .node = NODE_A, .subscriber = SUBSCRIBER, .kind = CLOSE_REVOKED};

    (void)state;
    world_open(w, 21, PEER);
    world_prepare(w, 21, NODE_A, HANDLE);
    world_commit(w, 21, NODE_A, HANDLE);
    world_forget_outputs(w);
    world_message(w, &close);
    world_flush(w);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->connection, 21);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->kind, CLOSE_REVOKED);
    assert_int_equal(world_count(w, TO_PEER), 0);
    assert_false(world_has_row(w, NODE_A, HANDLE));
    world_free(w);
}

static void a_node_that_is_gone_takes_its_sessions_along(void **state)
{
    struct world *w = world_new();
    const struct message gone = {.type = MSG_NODE_GONE, .node = NODE_A};

    (void)state;
    world_session(w, 1, NODE_A, 1);
    world_session(w, 2, NODE_B, 2);
    world_open(w, 21, 3);
    world_prepare(w, 21, NODE_A, 3);
    world_forget_outputs(w);
    world_message(w, &gone);
    world_flush(w);
    assert_is_tombstone(world_first(w, TO_PEER), 1, 1);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->kind, CLOSE_REVOKED);
    assert_int_equal(world_told(w, MSG_SESSION_ABORT)->connection, 21);
    assert_int_equal(w->durable.nodes[NODE_A].node, 0);
    assert_int_equal(world_list(w, NULL, 0), 1);
    world_forget_outputs(w);
    world_wait(w, 10000);
    assert_int_equal(w->output_count, 0); /* no key block is repeated */
    {
        static const uint8_t CONTROL[] = {LINK_CONTROL << 5, 0, 0, 1};

        world_from_node_at(w, world_node_at(NODE_A), CONTROL, sizeof CONTROL);
        assert_int_equal(world_count(w, TO_KEYS), 0);
    }
    world_from_peer(w, 1, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    assert_is_tombstone(world_first(w, TO_PEER), 1, 1); /* still answers */
    world_free(w);
}

/* Its keys are no more in the file, although no session of it had to be closed. */
static void a_node_that_is_gone_without_sessions_stays_away(void **state)
{
    struct world *w = world_new();
    const struct message gone = {.type = MSG_NODE_GONE, .node = NODE_A};

    (void)state;
    world_flush(w);
    assert_int_equal(w->durable.nodes[NODE_A].node, NODE_A);
    world_message(w, &gone);
    world_flush(w);
    assert_int_equal(w->durable.nodes[NODE_A].node, 0);
    world_free(w);
}

/* ---- time-outs ---- */

static void an_idle_session_ends(void **state)
{
    struct world *w = world_new();
    const uint64_t idle_ms = (uint64_t)w->config.idle_timeout_s * 1000;

    (void)state;
    world_session(w, 1, NODE_A, 1);
    world_session(w, 2, NODE_A, 2);
    world_from_peer(w, 1, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    world_from_peer(w, 2, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    world_wait(w, idle_ms - 5000);
    world_from_peer(w, 2, world_record(RECORD_APPLICATION_DATA, 1, 2, 20));
    world_forget_outputs(w);
    world_wait(w, 10000);
    assert_is_tombstone(world_first(w, TO_PEER), 1, 1);
    assert_int_equal(world_count(w, TO_PEER), 1);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->handle, 1);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->kind, CLOSE_IDLE);
    assert_false(world_has_row(w, NODE_A, 1));
    assert_true(world_has_row(w, NODE_A, 2));
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, 2, 64, 20));
    world_forget_outputs(w);
    world_wait(w, idle_ms - 5000); /* a record of the node counts as well */
    assert_int_equal(world_count(w, TO_PEER), 0);
    world_wait(w, 10000);
    assert_is_tombstone(world_first(w, TO_PEER), 2, 2);
    world_free(w);
}

static void an_unused_session_ends(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, 1, NODE_A, 1);
    world_session(w, 2, NODE_A, 2);
    world_session(w, 3, NODE_A, 3);
    world_from_peer(w, 2, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, 3, 64, 20));
    world_forget_outputs(w);
    world_wait(w, 34000);
    assert_int_equal(w->output_count, 0);
    world_wait(w, 3000);
    assert_is_tombstone(world_first(w, TO_PEER), 1, 1);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->kind, CLOSE_UNUSED);
    assert_int_equal(world_list(w, NULL, 0), 2);
    world_free(w);
}

/* A table larger than one step of the sweep is swept all the same. */
static void the_sweep_reaches_every_session(void **state)
{
    enum { SESSIONS = 3000 };
    struct world *w = world_new();
    uint64_t begun_ms = w->now_ms;

    (void)state;
    w->config.max_sessions = SESSIONS;
    world_begin(w);
    for (uint32_t i = 0; i < SESSIONS; i++) {
        struct message m = {
            .type = MSG_DGRAM_OUT, .connection = 1, .local = world_local(), .data = {{(uint8_t[]){1}, 1}}};

        m.peer = world_endpoint(9, (uint16_t)(i + 1));
        world_message(w, &m);
        world_prepare(w, 1, NODE_A, (uint16_t)(i + 1));
        world_commit(w, 1, NODE_A, (uint16_t)(i + 1));
        world_flush(w);
        memset(&w->gathered, 0, sizeof w->gathered); /* rows are not what this is about */
        memset(&w->durable, 0, sizeof w->durable);
    }
    assert_int_equal(world_counter(w, RELAY_SESSIONS), SESSIONS);
    world_wait(w, 30000);
    assert_int_equal(world_counter(w, RELAY_SESSIONS), SESSIONS);
    while (world_counter(w, RELAY_SESSIONS) > 0)
        world_wait(w, 1000);
    assert_true(w->now_ms - begun_ms <= 40000);
    world_free(w);
}

/* ---- eviction ---- */

static void the_longest_idle_session_is_evicted(void **state)
{
    struct world *w = world_new();
    const struct message evict = {.type = MSG_SESSION_EVICT, .node = NODE_A};

    (void)state;
    world_session(w, 4, NODE_B, 4);
    world_from_peer(w, 4, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    world_wait(w, 5000);
    for (uint16_t handle = 1; handle <= 3; handle++)
        world_session(w, handle, NODE_A, handle);
    for (unsigned peer = 1; peer <= 3; peer++) {
        static const unsigned ORDER[] = {2, 3, 1};

        world_wait(w, 2000);
        world_from_peer(w, ORDER[peer - 1], world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    }
    world_forget_outputs(w);
    world_message(w, &evict);
    assert_int_equal(w->output_count, 1);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->node, NODE_A);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->handle, 0); /* none is idle for long enough */
    world_wait(w, 70000);
    world_forget_outputs(w);
    world_message(w, &evict);
    assert_is_tombstone(world_first(w, TO_PEER), 2, 2);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->handle, 2);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->kind, CLOSE_EVICTED);
    world_free(w);
}

/* `keys` has time-outs of its own; this is for one that does not answer any more. */
static void a_handshake_without_outcome_ends(void **state)
{
    static const uint8_t INTERNAL_ERROR[] = {21, 0xFE, 0xFD, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 2, 80};

    (void)state;
    for (int is_keying = 0; is_keying < 2; is_keying++) {
        struct world *w = world_new();

        world_open(w, HANDLE, PEER);
        if (is_keying)
            world_prepare(w, HANDLE, NODE_A, HANDLE);
        assert_int_equal(world_counter(w, RELAY_OPENING), 1);
        world_wait(w, (w->config.opening_timeout_s - 1) * (uint64_t)1000);
        assert_null(world_told(w, MSG_SESSION_ABORT));
        world_forget_outputs(w);
        world_wait(w, 2000);
        assert_int_equal(world_told(w, MSG_SESSION_ABORT)->connection, HANDLE);
        assert_int_equal(world_first(w, TO_PEER)->len, sizeof INTERNAL_ERROR);
        assert_memory_equal(world_first(w, TO_PEER)->bytes, INTERNAL_ERROR, sizeof INTERNAL_ERROR);
        assert_int_equal(world_counter(w, RELAY_OPENING), 0);
        world_forget_outputs(w);
        world_wait(w, 10000);
        assert_int_equal(w->output_count, 0); /* the key block is not repeated any more */
        world_from_peer(w, PEER, world_record(RECORD_HANDSHAKE, 0, 3, 20));
        assert_int_equal(world_counter(w, RELAY_DROP_PEER_UNKNOWN), 1);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_without_outcome_ends),
        cmocka_unit_test(a_closed_session_leaves_a_tombstone),
        cmocka_unit_test(the_tombstone_answers_for_a_minute_at_most_once_a_second),
        cmocka_unit_test(a_client_hello_is_heard_over_the_tombstone),
        cmocka_unit_test(a_successor_in_negotiation_outlives_the_old_session),
        cmocka_unit_test(a_close_names_one_session_or_many),
        cmocka_unit_test(a_close_of_an_unknown_number_is_reported),
        cmocka_unit_test(a_close_ends_a_hand_over_that_waits_for_its_row),
        cmocka_unit_test(a_node_that_is_gone_takes_its_sessions_along),
        cmocka_unit_test(a_node_that_is_gone_without_sessions_stays_away),
        cmocka_unit_test(an_idle_session_ends),
        cmocka_unit_test(an_unused_session_ends),
        cmocka_unit_test(the_sweep_reaches_every_session),
        cmocka_unit_test(the_longest_idle_session_is_evicted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
