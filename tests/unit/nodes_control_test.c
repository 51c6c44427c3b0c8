/*
 * The gateway's end of the control channel: no counter is used beyond its end, no answer counts twice, no
 * nonce is given twice.
 */
#include "delegation_world.h"

#include "nodes_association.h"
#include "nodes_control.h"

struct table {
    struct keys_memory store;
    struct delegation_env env;
    struct nodes nodes;
    struct node pool[MEMORY_NODES_MAX];
    struct node *by_name[MEMORY_NODES_MAX];
    struct node *lamp;
    unsigned rejoins; /* datagrams to the node that are a REJOIN */
    unsigned sent;
    struct message told; /* to relay, of a session; type 0: nothing */
};

static void on_message(void *ctx, const struct message *m)
{
    struct table *t = ctx;

    t->sent++;
    if (m->type == MSG_SESSION_THROTTLE || m->type == MSG_SESSION_CLOSE)
        t->told = *m;
    if (m->type == MSG_NODE_CTRL_OUT && assoc_number_of(m->data[0].at, m->data[0].len) == ASSOC_REJOIN)
        t->rejoins++;
}

/* One node, associated. */
static int setup(void **state)
{
    struct table *t = calloc(1, sizeof *t);

    assert_non_null(t);
    t->env.config =
        (struct delegator_config){.max_nodes = MEMORY_NODES_MAX, .node_silent_s = 60, .node_slots = 4};
    t->env.io = (struct delegator_io){.ctx = t, .to_relay = on_message};
    t->env.store = memory_table(&t->store);
    t->nodes = (struct nodes){.env = &t->env, .pool = t->pool, .by_name = t->by_name};
    const struct node_row *row = memory_add_node(&t->store, "lamp", 1);
    assert_int_equal(nodes_add(&t->nodes, row), SSM_OK);
    t->lamp = nodes_find(&t->nodes, row->id);
    t->lamp->row.assoc_counter = 1;
    t->lamp->rejoin_ms = UINT64_MAX;
    assoc_derive(t->lamp->row.psk, &t->lamp->transcript, &t->lamp->assoc);
    t->lamp->is_associated = true;
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void a_used_up_counter_ends_the_association(void **state)
{
    struct table *t = *state;
    const uint8_t payload[KEYBLOCK_LEN] = {1};
    uint8_t frame[NODE_CONTROL_FRAME_MAX];
    size_t len;

    t->lamp->assoc.sent = seq48_make(0, CONTROL_COUNTER_MAX - 1);
    assert_int_equal(nodes_control_seal(t->lamp, CONTROL_KEYBLOCK, payload, sizeof payload, frame, &len),
                     SSM_OK);
    assert_int_equal(nodes_control_seal(t->lamp, CONTROL_KEYBLOCK, payload, sizeof payload, frame, &len),
                     SSM_EXHAUSTED);
    assert_false(t->lamp->is_associated);
    static const struct assoc WIPED;
    assert_memory_equal(&t->lamp->assoc, &WIPED, sizeof WIPED);
    (void)nodes_association_tick(&t->nodes, 1000);
    assert_int_equal(t->rejoins, 1);
}

/* The node obeys rising message IDs alone. */
static void a_used_up_message_id_ends_the_association(void **state)
{
    struct table *t = *state;
    uint8_t frame[NODE_CONTROL_FRAME_MAX];
    size_t len;

    t->lamp->message_id = UINT16_MAX - 1;
    assert_int_equal(nodes_control_seal(t->lamp, CONTROL_LIVE, NULL, 0, frame, &len), SSM_OK);
    assert_int_equal(nodes_control_seal(t->lamp, CONTROL_LIVE, NULL, 0, frame, &len), SSM_EXHAUSTED);
    assert_false(t->lamp->is_associated);
}

/* What the node sends first in its association. */
static size_t acknowledge(struct table *t, uint16_t message_id, uint8_t *frame)
{
    size_t body_len = control_encode_ack(message_id, COAP_CREATED, frame + CONTROL_HEADER_LEN);
    struct assoc node;

    assoc_derive(t->lamp->row.psk, &t->lamp->transcript, &node);
    assert_int_equal(assoc_seal(&node, ASSOC_UP, frame, body_len), SSM_OK);
    return body_len + CONTROL_OVERHEAD;
}

static void a_replayed_acknowledgement_acknowledges_nothing(void **state)
{
    struct table *t = *state;
    uint8_t frame[NODE_CONTROL_FRAME_MAX];
    struct node_saying said;
    struct span ack = {.at = frame, .len = acknowledge(t, 7, frame)};

    t->lamp->message_id = 7;
    nodes_exchange_begin(t->lamp, NODE_EXCHANGE_KEYBLOCK, 1, 1);
    nodes_control_input(&t->nodes, t->lamp, ack, 1000, &said);
    assert_int_equal(said.kind, NODE_ANSWERS_KEYBLOCK);
    assert_int_equal(said.code, COAP_CREATED);
    nodes_exchange_end(&t->nodes, t->lamp, true);

    /* 65536 messages later another key block has the same message ID. */
    nodes_exchange_begin(t->lamp, NODE_EXCHANGE_KEYBLOCK, 2, 1);
    nodes_control_input(&t->nodes, t->lamp, ack, 2000, &said);
    assert_int_equal(said.kind, NODE_SAYS_NOTHING);
    assert_int_equal(t->env.counters[DELEGATOR_DROP_CONTROL], 1);
    assert_int_equal(t->sent, 0);
}

/* What the node reports of session 300. */
static size_t report(struct table *t, uint8_t reason, uint32_t counter, uint8_t *frame)
{
    const uint8_t payload[] = {300 >> 8, 300 & 0xFF, reason};
    size_t body_len =
        control_encode_request(CONTROL_CLOSED, 300, payload, sizeof payload, frame + CONTROL_HEADER_LEN);
    struct assoc node;

    assoc_derive(t->lamp->row.psk, &t->lamp->transcript, &node);
    node.sent = seq48_make(0, counter);
    assert_int_equal(assoc_seal(&node, ASSOC_UP, frame, body_len), SSM_OK);
    return body_len + CONTROL_OVERHEAD;
}

/* What the gateway does about it: the message to relay (0: none), its reason, and whether it acknowledges. */
static void assert_report(struct table *t, uint8_t reason, uint8_t type, uint8_t kind, unsigned sent)
{
    static uint32_t counter;
    uint8_t frame[NODE_CONTROL_FRAME_MAX];
    struct span datagram = {.at = frame, .len = report(t, reason, ++counter, frame)};
    struct node_saying said;

    t->sent = 0;
    t->told = (struct message){.type = 0};
    nodes_control_input(&t->nodes, t->lamp, datagram, 1000, &said);
    assert_int_equal(said.kind, NODE_SAYS_NOTHING);
    assert_int_equal(t->told.type, type);
    assert_int_equal(t->told.kind, kind);
    assert_int_equal(t->told.handle, type != 0 ? 300 : 0);
    assert_int_equal(t->sent, sent);
}

static void reports_of_sessions_reach_relay(void **state)
{
    struct table *t = *state;

    t->lamp->slots[2].handle = 300;
    assert_report(t, CONTROL_FLOODED, MSG_SESSION_THROTTLE, CLOSE_NONE, 1); /* not acknowledged */
    assert_int_equal(t->lamp->slots[2].handle, 300);
    assert_report(t, CONTROL_CLOSED_FORGED, MSG_SESSION_CLOSE, CLOSE_FORGED, 2);
    assert_int_equal(t->lamp->slots[2].handle, 0);
    assert_report(t, CONTROL_CLOSED_BY_PEER, MSG_SESSION_CLOSE, CLOSE_PEER, 2);
    assert_report(t, CONTROL_CLOSED_UNUSED, MSG_SESSION_CLOSE, CLOSE_UNUSED, 2);
    assert_report(t, CONTROL_CLOSED_EXPIRED, MSG_SESSION_CLOSE, CLOSE_EXPIRED, 2);
    assert_report(t, CONTROL_CLOSED_SILENT, MSG_SESSION_CLOSE, CLOSE_UNUSED, 2);
    assert_int_equal(t->env.counters[DELEGATOR_DROP_CONTROL], 0);
    assert_report(t, CONTROL_CLOSED_SILENT + 1, 0, 0, 0);
    assert_int_equal(t->env.counters[DELEGATOR_DROP_CONTROL], 1);
}

/* A node whose storage was restored may repeat its nonce; the gateway's keeps the keys from coming again. */
static void each_association_has_a_fresh_gateway_nonce(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint8_t confirm[ASSOC_MESSAGE_MAX];
    uint8_t before[ASSOC_NONCE_LEN];

    memcpy(before, n->transcript.gateway_nonce, sizeof before);
    world_send_request(w, n, 2);
    (void)world_confirm(w, n, confirm);
    assert_memory_not_equal(n->transcript.gateway_nonce, before, sizeof before);
    memcpy(before, n->transcript.gateway_nonce, sizeof before);
    world_send_request(w, n, 3);
    (void)world_confirm(w, n, confirm);
    assert_memory_not_equal(n->transcript.gateway_nonce, before, sizeof before);
}

int main(void)
{
#define TABLE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TABLE(a_used_up_counter_ends_the_association),
        TABLE(a_used_up_message_id_ends_the_association),
        TABLE(a_replayed_acknowledgement_acknowledges_nothing),
        TABLE(reports_of_sessions_reach_relay),
        cmocka_unit_test_setup_teardown(each_association_has_a_fresh_gateway_nonce, world_setup,
                                        world_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
