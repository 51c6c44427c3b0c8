/* Is the node there? Asked when it leaves records unanswered, and given up when it answers nothing at all. */
#include "delegation_world.h"

enum { SILENT_MS = 60000, MANY = MEMORY_NODES_MAX };

static void tell(struct world *w, uint8_t type, uint32_t node)
{
    const struct message m = {.type = type, .node = node};

    delegator_on_message(w->delegator, &m, w->now_ms);
    (void)delegator_on_tick(w->delegator, w->now_ms);
}

static struct node_view view(const struct world *w, const char *name)
{
    struct node_view v;

    assert_int_equal(delegator_find_node(w->delegator, name, strlen(name), &v), SSM_OK);
    return v;
}

/* A session of alice with the first node; its number. */
static uint16_t open_session(struct world *w)
{
    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    uint16_t handle = world_accept(w, &w->nodes[0]).session;
    world_talk(w);
    world_forget_messages(w);
    return handle;
}

static void assert_is_rejoin(const struct message *m, uint32_t node)
{
    assert_int_equal(m->node, node);
    assert_int_equal(assoc_number_of(m->data[0].at, m->data[0].len), ASSOC_REJOIN);
}

static void a_quiet_node_is_asked_for_its_sessions(void **state)
{
    struct world *w = *state;
    const uint16_t live[] = {open_session(w), 0};

    tell(w, MSG_NODE_QUIET, NODE_1);
    world_expect_live(w, &w->nodes[0], live);
    world_advance(w, 10 * SILENT_MS);
    world_expect_none(w, MSG_SESSION_CLOSE);
    assert_false(view(w, "thermo").silent);
}

static void a_node_that_answers_nothing_loses_its_sessions(void **state)
{
    struct world *w = *state;
    struct message closed = {.type = MSG_SESSION_CLOSED, .node = NODE_1, .kind = CLOSE_NODE_SILENT};

    closed.handle = open_session(w);
    tell(w, MSG_NODE_QUIET, NODE_1);
    assert_int_equal(world_expect(w, MSG_NODE_CTRL_OUT)->kind, REPEAT_UNTIL_DONE);
    tell(w, MSG_NODE_QUIET, NODE_1); /* one question is enough */
    world_expect_none(w, MSG_NODE_CTRL_OUT);
    world_advance(w, SILENT_MS - 1);
    world_expect_none(w, MSG_SESSION_CLOSE);
    assert_false(view(w, "thermo").silent);
    world_advance(w, 1);
    const struct message *close = world_expect(w, MSG_SESSION_CLOSE);
    assert_int_equal(close->node, NODE_1);
    assert_int_equal(close->handle, 0);
    assert_int_equal(close->kind, CLOSE_NODE_SILENT);
    world_expect(w, MSG_NODE_CTRL_DONE);
    assert_true(view(w, "thermo").silent);
    assert_non_null(strstr(w->log, "thermo/: the node answers nothing"));
    delegator_on_message(w->delegator, &closed, w->now_ms);
    world_advance(w, 10 * SILENT_MS);
    world_expect_none(w, MSG_NODE_CTRL_OUT); /* nor is it called any more */

    /* Whatever it says, it is back, and drops what is over. */
    tell(w, MSG_NODE_HEARD, NODE_1);
    assert_false(view(w, "thermo").silent);
    world_expect_no_sessions(w, &w->nodes[0]);
}

static void records_of_the_node_are_answer_enough(void **state)
{
    struct world *w = *state;

    (void)open_session(w);
    tell(w, MSG_NODE_QUIET, NODE_1);
    for (int i = 0; i < 20; i++) {
        world_advance(w, SILENT_MS / 2);
        tell(w, MSG_NODE_HEARD, NODE_1);
        assert_int_equal(view(w, "thermo").heard_ms, w->now_ms);
    }
    world_expect_none(w, MSG_SESSION_CLOSE);
    world_advance(w, SILENT_MS);
    world_expect(w, MSG_SESSION_CLOSE);
}

static void a_key_block_calls_a_silent_node(void **state)
{
    struct world *w = *state;

    (void)open_session(w);
    tell(w, MSG_NODE_QUIET, NODE_1);
    world_advance(w, SILENT_MS);
    assert_true(view(w, "thermo").silent);
    world_drop_clients(w);
    world_forget_messages(w);
    world_connect(w, "alice", ALICE_KEY, 4001, NODE_1);
    (void)world_accept(w, &w->nodes[0]);
    assert_false(view(w, "thermo").silent);
}

static void a_quiet_node_without_association_is_asked_to_join(void **state)
{
    struct world *w = *state;
    struct session_row row = {.node = NODE_1, .handle = 3, .state = SESSION_ACTIVE};

    delegator_destroy(w->delegator);
    world_forget_messages(w);
    world_start(w);
    world_list_sessions(w, &row, 1, 0);
    world_advance(w, 100);
    assert_is_rejoin(world_expect(w, MSG_NODE_CTRL_OUT), NODE_1);
    world_advance(w, SILENT_MS * 10); /* nobody wants anything of it */
    world_expect(w, MSG_NODE_CTRL_OUT);
    world_expect_none(w, MSG_SESSION_CLOSE);
    world_advance(w, 1000);
    world_forget_messages(w);
    tell(w, MSG_NODE_QUIET, NODE_1);
    assert_is_rejoin(world_expect(w, MSG_NODE_CTRL_OUT), NODE_1);
    world_advance(w, SILENT_MS);
    assert_int_equal(world_expect(w, MSG_SESSION_CLOSE)->kind, CLOSE_NODE_SILENT);
    assert_true(view(w, "thermo").silent);
}

/* ---- joining again after a restart ---- */

static void nodes_are_asked_to_join_ten_a_second(void **state)
{
    struct world *w = *state;
    unsigned asked[MANY + 1] = {0};
    const struct message *m;

    for (uint32_t i = 0; i < MANY - 2; i++)
        memory_add_node(&w->store, (const char *[]){"attic", "barn"}[i], (uint8_t)(0x70 + i));
    for (uint32_t id = 1; id <= MANY; id++)
        w->store.nodes[id - 1].assoc_counter = 1;
    delegator_destroy(w->delegator);
    world_forget_messages(w);
    world_start(w);
    for (unsigned round = 0; round < MANY; round++) {
        world_advance(w, 100);
        m = world_expect(w, MSG_NODE_CTRL_OUT);
        assert_in_range(m->node, 1, MANY);
        assert_is_rejoin(m, m->node);
        assert_int_equal(asked[m->node]++, 0);
        world_advance(w, 0);
        world_expect_none(w, MSG_NODE_CTRL_OUT);
    }
}

static void a_node_that_a_peer_waits_for_is_asked_next(void **state)
{
    struct world *w = *state;

    w->store.nodes[NODE_2 - 1].assoc_counter = 1;
    memory_add_node(&w->store, "attic", 0x70)->assoc_counter = 1;
    delegator_destroy(w->delegator);
    world_forget_messages(w);
    world_start(w);
    world_list_sessions(w, NULL, 0, 0);
    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1); /* thermo is the last by name */
    world_advance(w, 0);
    assert_is_rejoin(world_expect(w, MSG_NODE_CTRL_OUT), NODE_1);
}

/* ---- handshakes in flight ---- */

static void no_handshake_is_left_in_the_count(void **state)
{
    struct world *w = *state;
    struct world_client *half;

    half = world_add_client(w, "alice", ALICE_KEY, 4000, NODE_1);
    for (int i = 0; i < 3; i++) { /* to the ServerHello */
        peer_mbedtls.run(half->peer, w->now_ms);
        (void)world_deliver_to_clients(w);
    }
    world_connect(w, "alice", ALICE_KEY + 1, 4001, NODE_1); /* a wrong key */
    world_connect(w, "nobody", ALICE_KEY, 4002, NODE_1);
    world_connect(w, "alice", ALICE_KEY, 4003, NODE_2); /* not granted */
    world_connect(w, "alice", ALICE_KEY, 4004, NODE_1); /* the node stays silent */
    assert_true(delegator_counter(w->delegator, DELEGATOR_HANDSHAKES) > 0);
    world_advance(w, 20000);
    world_advance(w, 60000);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_HANDSHAKES), 0);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_HANDSHAKES_DONE), 0);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WORLD(a_quiet_node_is_asked_for_its_sessions),
        WORLD(a_node_that_answers_nothing_loses_its_sessions),
        WORLD(records_of_the_node_are_answer_enough),
        WORLD(a_key_block_calls_a_silent_node),
        WORLD(a_quiet_node_without_association_is_asked_to_join),
        WORLD(nodes_are_asked_to_join_ten_a_second),
        WORLD(a_node_that_a_peer_waits_for_is_asked_next),
        WORLD(no_handshake_is_left_in_the_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
