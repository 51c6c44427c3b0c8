/* What the delegator does with a node: association, numbers, slots, one exchange at a time, reports, live
 * lists. */
#include "delegation_world.h"

/* ---- association ---- */

static void a_repeated_request_gets_the_identical_answer(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint8_t first[ASSOC_MESSAGE_MAX];

    world_send_request(w, n, 2);
    const struct message *answer = world_expect(w, MSG_NODE_CTRL_OUT);
    size_t len = answer->data[0].len;
    memcpy(first, answer->data[0].at, len);
    world_send_request(w, n, 2);
    answer = world_expect(w, MSG_NODE_CTRL_OUT);
    assert_int_equal(answer->data[0].len, len);
    assert_memory_equal(answer->data[0].at, first, len);
}

static void a_request_changes_nothing_of_the_present_association(void **state)
{
    struct world *w = *state;

    world_send_request(w, &w->nodes[0], 2);
    world_expect_none(w, MSG_NODE_KEYS);
    assert_int_equal(w->store.nodes[0].assoc_counter, 1);
    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    (void)world_accept(w, &w->nodes[0]);
}

static void old_and_forged_requests_are_refused(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint8_t buf[ASSOC_MESSAGE_MAX];

    world_send_request(w, n, 1);
    world_send_request(w, n, 0);
    size_t len = world_request(n, 5, buf);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
        world_from_node(w, n, buf, len);
        buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    world_expect_none(w, MSG_NODE_CTRL_OUT);
    assert_non_null(strstr(w->log, "association refused"));
    /* Flips in the first byte's kind make it another kind of datagram, which counts elsewhere. */
    assert_true(delegator_counter(w->delegator, DELEGATOR_DROP_ASSOCIATION) >= 2 + 8 * (len - 1));
}

static void an_older_request_does_not_displace_a_newer_one(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint8_t old[ASSOC_MESSAGE_MAX];
    uint8_t confirm[ASSOC_MESSAGE_MAX];

    size_t old_len = world_request(n, 2, old);
    assoc_set_boot_id(&n->transcript, 1);
    world_send_request(w, n, 3);
    size_t confirm_len = world_confirm(w, n, confirm);
    world_from_node(w, n, old, old_len);
    world_expect_none(w, MSG_NODE_CTRL_OUT);
    world_from_node(w, n, confirm, confirm_len);
    world_expect(w, MSG_NODE_KEYS);
}

static void a_forged_confirmation_changes_nothing(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint8_t buf[ASSOC_MESSAGE_MAX];

    assoc_set_boot_id(&n->transcript, 2);
    world_send_request(w, n, 2);
    size_t len = world_confirm(w, n, buf);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
        world_from_node(w, n, buf, len);
        buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    world_expect_none(w, MSG_NODE_KEYS);
    world_expect_none(w, MSG_SESSION_CLOSE);
    assert_int_equal(w->store.nodes[0].assoc_counter, 1);
}

static void a_repeated_confirmation_changes_nothing(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint8_t buf[ASSOC_MESSAGE_MAX];

    assoc_set_boot_id(&n->transcript, 1);
    world_send_request(w, n, 2);
    size_t len = world_confirm(w, n, buf);
    world_from_node(w, n, buf, len);
    world_expect(w, MSG_NODE_KEYS);
    world_expect_no_sessions(w, n);
    world_from_node(w, n, buf, len);
    world_expect_none(w, MSG_NODE_KEYS);
    world_expect_none(w, MSG_NODE_CTRL_OUT);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_ASSOCIATIONS), 2);
}

static void no_association_takes_effect_before_its_counter_is_durable(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint8_t buf[ASSOC_MESSAGE_MAX];

    assoc_set_boot_id(&n->transcript, 1);
    world_send_request(w, n, 2);
    size_t len = world_confirm(w, n, buf);
    w->store.is_broken = true;
    world_from_node(w, n, buf, len);
    world_expect_none(w, MSG_NODE_KEYS);
    w->store.is_broken = false;
    world_from_node(w, n, buf, len);
    world_expect(w, MSG_NODE_KEYS);
    assert_int_equal(w->store.nodes[0].assoc_counter, 2);
}

static void an_accepted_counter_is_refused_after_a_restart(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint8_t recorded[ASSOC_MESSAGE_MAX];

    world_associate(w, n, 2, 1);
    size_t len = world_request(n, 2, recorded);
    delegator_destroy(w->delegator);
    world_forget_messages(w);
    world_start(w);
    world_from_node(w, n, recorded, len);
    world_expect_none(w, MSG_NODE_CTRL_OUT);
    world_send_request(w, n, 3);
    world_expect(w, MSG_NODE_CTRL_OUT);
}

static void only_a_changed_boot_id_ends_the_nodes_sessions(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint16_t live[2] = {0};

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    live[0] = world_accept(w, n).session;
    world_associate(w, n, 2, 1);
    world_expect_live(w, n, live);
    world_associate(w, n, 3, 3);
    world_expect_no_sessions(w, n);
}

static void a_key_block_of_the_association_before_is_given_up(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    struct assoc before;
    struct keyblock k;
    uint8_t frame[FRAME_MAX];

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    uint16_t message_id = world_open_keyblock(n, world_expect(w, MSG_SESSION_PREPARE), &k);
    before = n->assoc;
    world_associate(w, n, 2, 1);
    assert_int_equal(world_expect(w, MSG_SESSION_ABORT)->kind, CLOSE_NODE_REBOOT);
    world_expect_no_sessions(w, n);
    size_t len = control_encode_ack(message_id, COAP_CREATED, frame + CONTROL_HEADER_LEN);
    assert_int_equal(assoc_seal(&before, ASSOC_UP, frame, len), SSM_OK);
    world_from_node(w, n, frame, len + CONTROL_OVERHEAD);
    world_expect_none(w, MSG_SESSION_COMMIT);
    world_expect_none(w, MSG_SESSION_PREPARE);
}

static void a_node_without_association_is_asked_to_join_once_in_five_seconds(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    static const uint8_t UNREADABLE[20] = {LINK_CONTROL << 5};

    delegator_destroy(w->delegator);
    world_forget_messages(w);
    world_start(w);
    world_from_node(w, n, UNREADABLE, sizeof UNREADABLE);
    const struct message *rejoin = world_expect(w, MSG_NODE_CTRL_OUT);
    assert_int_equal(assoc_number_of(rejoin->data[0].at, rejoin->data[0].len), ASSOC_REJOIN);
    assert_true(endpoint_equal(&rejoin->peer, &n->endpoint));
    for (int i = 0; i < 10; i++)
        world_from_node(w, n, UNREADABLE, sizeof UNREADABLE);
    world_expect_none(w, MSG_NODE_CTRL_OUT);
    w->now_ms += 5000;
    world_from_node(w, n, UNREADABLE, sizeof UNREADABLE);
    world_expect(w, MSG_NODE_CTRL_OUT);
}

static void known_nodes_are_asked_to_join_at_a_start_and_now_and_then(void **state)
{
    struct world *w = *state;

    delegator_destroy(w->delegator);
    world_forget_messages(w);
    world_start(w);
    world_advance(w, 100);
    const struct message *rejoin = world_expect(w, MSG_NODE_CTRL_OUT);
    assert_int_equal(rejoin->node, NODE_1);
    assert_int_equal(rejoin->peer.port, 0);
    world_expect_none(w, MSG_NODE_CTRL_OUT);                           /* the other was never here */
    for (uint64_t pause_ms = 2000; pause_ms <= 64000; pause_ms *= 2) { /* 2, 4, 8, 16, 32, 32 s */
        uint64_t capped_ms = pause_ms < 32000 ? pause_ms : 32000;
        world_advance(w, capped_ms - 1);
        world_expect_none(w, MSG_NODE_CTRL_OUT);
        world_advance(w, 1);
        world_expect(w, MSG_NODE_CTRL_OUT);
    }
    world_list_sessions(w, NULL, 0, 0);
    world_associate(w, &w->nodes[0], 2, 1);
    world_expect_no_sessions(w, &w->nodes[0]);
    world_advance(w, 60000);
    world_expect_none(w, MSG_NODE_CTRL_OUT);
}

/* ---- session numbers ---- */

static void session_numbers_are_durable_first_and_never_come_again(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint16_t last = 0;

    for (uint32_t run = 0; run < 5; run++) {
        for (uint16_t i = 0; i < 3; i++) {
            world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
            struct keyblock k = world_accept(w, n);
            assert_true(k.session > last);
            assert_true(k.session <= w->limit_at_prepare);
            last = k.session;
            world_drop_clients(w);
        }
        delegator_destroy(w->delegator);
        world_forget_messages(w);
        world_start(w);
        world_list_sessions(w, NULL, 0, 0);
        world_associate(w, n, 2 + run, 1);
        world_expect_no_sessions(w, n);
    }
}

static void without_a_durable_number_nothing_is_sealed(void **state)
{
    struct world *w = *state;
    struct world_client *alice;

    w->store.is_broken = true;
    alice = world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    world_expect_none(w, MSG_SESSION_PREPARE);
    assert_int_equal(alice->peer->alert, 80);
    assert_int_equal(world_expect(w, MSG_SESSION_ABORT)->kind, CLOSE_STORE);
}

/* ---- slots ---- */

static void fill_all_slots(struct world *w)
{
    for (uint16_t i = 0; i < 4; i++) {
        world_connect(w, "alice", ALICE_KEY, (uint16_t)(4000 + i), NODE_1);
        struct keyblock k = world_accept(w, &w->nodes[0]);
        assert_int_equal(k.slot, i);
        assert_false(k.replaces);
    }
}

static void close_by_relay(struct world *w, uint16_t handle, uint8_t reason)
{
    struct message m = {.type = MSG_SESSION_CLOSED, .node = NODE_1, .handle = handle, .kind = reason};

    delegator_on_message(w->delegator, &m, w->now_ms);
}

static void a_full_node_takes_the_slot_that_relay_has_evicted(void **state)
{
    struct world *w = *state;

    fill_all_slots(w);
    world_connect(w, "alice", ALICE_KEY, 4004, NODE_1);
    assert_int_equal(world_expect(w, MSG_SESSION_EVICT)->node, NODE_1);
    world_expect_none(w, MSG_SESSION_PREPARE);
    close_by_relay(w, 3, CLOSE_EVICTED);
    struct keyblock k = world_accept(w, &w->nodes[0]);
    assert_int_equal(k.slot, 2);
    assert_true(k.replaces);
    world_expect_none(w, MSG_NODE_CTRL_OUT); /* the key block has told the node */
}

static void a_full_node_refuses_when_nothing_can_be_evicted(void **state)
{
    struct world *w = *state;

    fill_all_slots(w);
    struct world_client *late = world_connect(w, "alice", ALICE_KEY, 4004, NODE_1);
    world_expect(w, MSG_SESSION_EVICT);
    close_by_relay(w, 0, CLOSE_NO_ROOM);
    world_talk(w);
    assert_int_equal(late->peer->alert, 80);
    assert_int_equal(world_expect(w, MSG_SESSION_ABORT)->kind, CLOSE_NO_ROOM);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_FAILED_BUSY), 1);
    world_expect_none(w, MSG_SESSION_PREPARE);
}

static void a_new_handshake_on_a_five_tuple_replaces_its_slot(void **state)
{
    struct world *w = *state;

    fill_all_slots(w);
    world_connect(w, "alice", ALICE_KEY, 4001, NODE_1);
    world_expect_none(w, MSG_SESSION_EVICT);
    struct keyblock k = world_accept(w, &w->nodes[0]);
    assert_int_equal(k.slot, 1);
    assert_true(k.replaces);
    close_by_relay(w, 2, CLOSE_REPLACED); /* of the number before: the slot stays taken */
    world_connect(w, "alice", ALICE_KEY, 4009, NODE_1);
    world_expect(w, MSG_SESSION_EVICT);
}

static void one_key_block_is_out_at_a_time(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    struct keyblock k;

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    uint16_t message_id = world_open_keyblock(n, world_expect(w, MSG_SESSION_PREPARE), &k);
    world_connect(w, "alice", ALICE_KEY, 4001, NODE_1);
    world_expect_none(w, MSG_SESSION_PREPARE);
    world_ack(w, n, message_id, COAP_CREATED);
    world_expect(w, MSG_SESSION_COMMIT);
    (void)world_accept(w, n);
}

static void a_newer_handshake_supersedes_one_that_waits(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    world_connect(w, "alice", ALICE_KEY, 4001, NODE_1);
    uint32_t waiting = w->clients[1].connection;
    world_expect_none(w, MSG_SESSION_ABORT);
    world_connect(w, "alice", ALICE_KEY, 4002, NODE_1);
    const struct message *aborted = world_expect(w, MSG_SESSION_ABORT);
    assert_int_equal(aborted->connection, waiting);
    assert_int_equal(aborted->kind, CLOSE_REPLACED);
    (void)world_accept(w, n);
    assert_int_equal(world_expect(w, MSG_SESSION_PREPARE)->connection, w->clients[2].connection);
}

static void a_handshake_waits_for_its_node_to_join(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[1];

    memory_grant(&w->store.subscribers[0], NODE_2);
    world_connect(w, "alice", ALICE_KEY, 4000, NODE_2);
    world_expect_none(w, MSG_SESSION_PREPARE);
    world_advance(w, 15000);
    world_associate(w, n, 1, 1);
    world_expect_none(w, MSG_SESSION_PREPARE); /* the live list goes first */
    world_expect_no_sessions(w, n);
    (void)world_accept(w, n);
}

static void a_node_that_does_not_join_is_given_up(void **state)
{
    struct world *w = *state;

    memory_grant(&w->store.subscribers[0], NODE_2);
    struct world_client *alice = world_connect(w, "alice", ALICE_KEY, 4000, NODE_2);
    world_advance(w, 20000);
    world_talk(w);
    assert_int_equal(alice->peer->alert, 80);
    assert_int_equal(world_expect(w, MSG_SESSION_ABORT)->kind, CLOSE_NODE_SILENT);
}

/* ---- sessions that end ---- */

static void a_report_is_acknowledged_each_time_and_closes_the_session(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint8_t frame[FRAME_MAX];
    uint8_t buf[FRAME_MAX];
    struct control_message ack;

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    struct keyblock k = world_accept(w, n);
    const uint8_t report[] = {(uint8_t)(k.session >> 8), (uint8_t)k.session, CONTROL_CLOSED_BY_PEER};
    size_t len =
        control_encode_request(CONTROL_CLOSED, 77, report, sizeof report, frame + CONTROL_HEADER_LEN);
    assert_int_equal(assoc_seal(&n->assoc, ASSOC_UP, frame, len), SSM_OK);
    for (int copy = 0; copy < 3; copy++) {
        world_from_node(w, n, frame, len + CONTROL_OVERHEAD);
        const struct message *m = world_expect(w, MSG_NODE_CTRL_OUT);
        assert_int_equal(m->kind, REPEAT_NO);
        world_open(n, m->data[0], buf, &ack); /* a fresh counter each time */
        assert_true(ack.is_ack);
        assert_int_equal(ack.message_id, 77);
    }
    const struct message *close = world_expect(w, MSG_SESSION_CLOSE);
    assert_int_equal(close->handle, k.session);
    assert_int_equal(close->kind, CLOSE_PEER);
    close_by_relay(w, k.session, CLOSE_PEER);
    world_expect_none(w, MSG_NODE_CTRL_OUT); /* the node knows */
    struct node_view view;
    assert_int_equal(delegator_find_node(w->delegator, "thermo", 6, &view), SSM_OK);
    assert_int_equal(view.sessions, 0);
}

static void the_node_is_told_of_sessions_that_relay_has_ended(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    const uint16_t left[] = {2, 0};

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    (void)world_accept(w, n);
    world_connect(w, "alice", ALICE_KEY, 4001, NODE_1);
    (void)world_accept(w, n);
    close_by_relay(w, 1, CLOSE_IDLE);
    world_expect_live(w, n, left);
    world_expect_none(w, MSG_NODE_CTRL_OUT);
}

static void a_list_that_goes_out_of_date_is_sent_again(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    const uint16_t first[] = {2, 3, 4, 0};
    const uint16_t second[] = {2, 4, 0};
    uint8_t buf[FRAME_MAX];
    struct control_message live;

    fill_all_slots(w);
    close_by_relay(w, 1, CLOSE_IDLE);
    world_open(n, world_expect(w, MSG_NODE_CTRL_OUT)->data[0], buf, &live);
    struct reader r = reader_over(live.payload, live.payload_len);
    for (size_t i = 0; first[i] != 0; i++)
        assert_int_equal(reader_u16(&r), first[i]);
    close_by_relay(w, 3, CLOSE_IDLE);
    world_expect_none(w, MSG_NODE_CTRL_OUT);
    world_ack(w, n, live.message_id, COAP_CHANGED);
    world_expect(w, MSG_NODE_CTRL_DONE);
    world_expect_live(w, n, second);
}

static void a_repeated_confirmation_does_not_bar_key_blocks(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint8_t confirm[ASSOC_MESSAGE_MAX];

    assoc_set_boot_id(&n->transcript, 1);
    world_send_request(w, n, 2);
    size_t len = world_confirm(w, n, confirm);
    world_from_node(w, n, confirm, len);
    world_expect(w, MSG_NODE_CTRL_OUT);
    world_advance(w, 60000); /* the live list is given up */
    world_expect(w, MSG_NODE_CTRL_DONE);
    world_from_node(w, n, confirm, len); /* as anybody may who has recorded it */
    world_expect_no_sessions(w, n);
    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    (void)world_accept(w, n);
}

static void a_live_list_without_answer_is_sent_again_at_the_next_contact(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    static const uint8_t UNKNOWN_SESSION[] = {0, 9, CONTROL_CLOSED_UNUSED};
    uint8_t frame[FRAME_MAX];

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    (void)world_accept(w, n);
    close_by_relay(w, 1, CLOSE_IDLE);
    world_expect(w, MSG_NODE_CTRL_OUT);
    world_advance(w, 59999);
    world_expect_none(w, MSG_NODE_CTRL_DONE);
    world_advance(w, 1);
    world_expect(w, MSG_NODE_CTRL_DONE);
    world_advance(w, 100000);
    world_expect_none(w, MSG_NODE_CTRL_OUT);
    world_send_sealed(w, n, frame,
                      control_encode_request(CONTROL_CLOSED, 9, UNKNOWN_SESSION, sizeof UNKNOWN_SESSION,
                                             frame + CONTROL_HEADER_LEN));
    assert_int_equal(world_expect(w, MSG_NODE_CTRL_OUT)->kind, REPEAT_NO);
    world_expect_no_sessions(w, n);
}

/* ---- restarts ---- */

static struct session_row row_of(uint16_t handle, uint8_t slot, uint16_t port)
{
    return (struct session_row){.node = NODE_1,
                                .subscriber = 1,
                                .handle = handle,
                                .slot = slot,
                                .state = SESSION_ACTIVE,
                                .peer = world_endpoint(20, port),
                                .local = world_endpoint(1, 5684)};
}

static void slots_are_rebuilt_from_relays_list_before_anything_is_sent(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    const struct session_row first[] = {row_of(1, 0, 4000), row_of(3, 2, 4001)};
    const struct session_row second[] = {row_of(2, 1, 4002)};
    const uint16_t live[] = {1, 2, 3, 0};

    delegator_destroy(w->delegator);
    world_forget_messages(w);
    world_start(w);
    world_associate(w, n, 2, 1);
    world_connect(w, "alice", ALICE_KEY, 4003, NODE_1);
    world_expect_none(w, MSG_NODE_CTRL_OUT);
    world_expect_none(w, MSG_SESSION_PREPARE);
    world_list_sessions(w, first, 2, 99);
    world_expect_none(w, MSG_NODE_CTRL_OUT);
    world_list_sessions(w, second, 1, 0);
    world_expect_live(w, n, live);
    struct keyblock k = world_accept(w, n);
    assert_int_equal(k.slot, 3);
    assert_true(k.session > 3);
}

static void a_restart_of_relay_ends_handshakes_and_keeps_associations(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    struct world_client *alice = world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    const struct session_row kept[] = {row_of(9, 2, 4001)};
    const uint16_t live[] = {9, 0};

    world_expect(w, MSG_SESSION_PREPARE);
    assert_int_equal(delegator_start(w->delegator, w->now_ms), SSM_OK);
    world_talk(w);
    assert_int_equal(alice->peer->alert, 80);
    assert_int_equal(world_expect(w, MSG_SESSION_ABORT)->kind, CLOSE_RESTART);
    assert_memory_equal(world_expect(w, MSG_NODE_KEYS)->data[0].at, n->assoc.tag_key, AES_KEY_LEN);
    world_list_sessions(w, kept, 1, 0);
    world_expect_live(w, n, live);
}

/* ---- administration ---- */

static void a_removed_subscriber_loses_handshakes_and_sessions(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    (void)world_accept(w, n);
    struct world_client *late = world_connect(w, "alice", ALICE_KEY, 4001, NODE_1);
    world_expect(w, MSG_SESSION_PREPARE);
    delegator_remove_subscriber(w->delegator, 1, w->now_ms);
    world_talk(w);
    assert_int_equal(late->peer->alert, 40);
    assert_int_equal(world_expect(w, MSG_SESSION_ABORT)->kind, CLOSE_REVOKED);
    const struct message *close = world_expect(w, MSG_SESSION_CLOSE);
    assert_int_equal(close->subscriber, 1);
    assert_int_equal(close->handle, 0);
    assert_int_equal(close->kind, CLOSE_REVOKED);
    world_expect_none(w, MSG_SESSION_CLOSE);
}

static void a_removed_node_is_forgotten(void **state)
{
    struct world *w = *state;
    struct node_view view;
    struct world_client *alice = world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);

    delegator_remove_node(w->delegator, NODE_1, w->now_ms);
    world_talk(w);
    assert_int_equal(alice->peer->alert, 80);
    assert_int_equal(world_expect(w, MSG_SESSION_ABORT)->kind, CLOSE_REVOKED);
    assert_int_equal(world_expect(w, MSG_NODE_GONE)->node, NODE_1);
    assert_int_equal(delegator_find_node(w->delegator, "thermo", 6, &view), SSM_NOT_FOUND);
    world_send_request(w, &w->nodes[0], 5);
    world_expect_none(w, MSG_NODE_CTRL_OUT);
}

static void one_session_can_be_closed(void **state)
{
    struct world *w = *state;

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    struct keyblock k = world_accept(w, &w->nodes[0]);
    assert_int_equal(delegator_close_session(w->delegator, NODE_1, (uint16_t)(k.session + 1), w->now_ms),
                     SSM_NOT_FOUND);
    assert_int_equal(delegator_close_session(w->delegator, NODE_1, k.session, w->now_ms), SSM_OK);
    const struct message *close = world_expect(w, MSG_SESSION_CLOSE);
    assert_int_equal(close->handle, k.session);
    assert_int_equal(close->kind, CLOSE_ADMIN);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WORLD(a_repeated_request_gets_the_identical_answer),
        WORLD(a_request_changes_nothing_of_the_present_association),
        WORLD(old_and_forged_requests_are_refused),
        WORLD(an_older_request_does_not_displace_a_newer_one),
        WORLD(a_forged_confirmation_changes_nothing),
        WORLD(a_repeated_confirmation_changes_nothing),
        WORLD(no_association_takes_effect_before_its_counter_is_durable),
        WORLD(an_accepted_counter_is_refused_after_a_restart),
        WORLD(only_a_changed_boot_id_ends_the_nodes_sessions),
        WORLD(a_key_block_of_the_association_before_is_given_up),
        WORLD(a_node_without_association_is_asked_to_join_once_in_five_seconds),
        WORLD(known_nodes_are_asked_to_join_at_a_start_and_now_and_then),
        WORLD(session_numbers_are_durable_first_and_never_come_again),
        WORLD(without_a_durable_number_nothing_is_sealed),
        WORLD(a_full_node_takes_the_slot_that_relay_has_evicted),
        WORLD(a_full_node_refuses_when_nothing_can_be_evicted),
        WORLD(a_new_handshake_on_a_five_tuple_replaces_its_slot),
        WORLD(one_key_block_is_out_at_a_time),
        WORLD(a_newer_handshake_supersedes_one_that_waits),
        WORLD(a_handshake_waits_for_its_node_to_join),
        WORLD(a_node_that_does_not_join_is_given_up),
        WORLD(a_report_is_acknowledged_each_time_and_closes_the_session),
        WORLD(the_node_is_told_of_sessions_that_relay_has_ended),
        WORLD(a_list_that_goes_out_of_date_is_sent_again),
        WORLD(a_repeated_confirmation_does_not_bar_key_blocks),
        WORLD(a_live_list_without_answer_is_sent_again_at_the_next_contact),
        WORLD(slots_are_rebuilt_from_relays_list_before_anything_is_sent),
        WORLD(a_restart_of_relay_ends_handshakes_and_keeps_associations),
        WORLD(a_removed_subscriber_loses_handshakes_and_sessions),
        WORLD(a_removed_node_is_forgotten),
        WORLD(one_session_can_be_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
