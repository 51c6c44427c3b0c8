/* One handshake on a node's behalf, from the ClientHello to the durable session: what must and must not
 * happen. */
#include "delegation_world.h"
#include "seeded.h"

enum { FINISHED_RECORD_LEN = 53, LAST_FLIGHT_LEN = 67 };

/* The plaintext fatal alert that the delegator has sent last; -1: none. */
static int alert_taken(struct world *w)
{
    int alert = -1;

    for (const struct message *m = world_take(w, MSG_DGRAM_OUT); m != NULL; m = world_take(w, MSG_DGRAM_OUT))
        if (m->data[0].at[0] == RECORD_ALERT && m->data[0].at[4] == 0 && m->data[0].len == 15)
            alert = m->data[0].at[14];
    return alert;
}

static void assert_aborted(struct world *w, uint8_t reason)
{
    const struct message *abort_sent = world_expect(w, MSG_SESSION_ABORT);

    assert_int_equal(abort_sent->kind, reason);
    assert_int_not_equal(abort_sent->connection, 0);
}

static void a_handshake_ships_the_key_block_and_withholds_the_last_flight(void **state)
{
    struct world *w = *state;
    struct world_client *alice = world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    const struct message *prepare = world_expect(w, MSG_SESSION_PREPARE);
    struct keyblock k;

    assert_false(alice->peer->is_up);
    assert_int_equal(prepare->connection, alice->connection);
    assert_int_equal(prepare->node, NODE_1);
    assert_int_equal(prepare->subscriber, 1);
    assert_int_equal(prepare->data[0].len, 67);
    assert_int_equal(prepare->data[2].len, LAST_FLIGHT_LEN);
    assert_int_equal(prepare->data[2].at[0], RECORD_CHANGE_CIPHER_SPEC);
    (void)world_open_keyblock(&w->nodes[0], prepare, &k);
    assert_int_equal(k.session, prepare->handle);
    assert_int_equal(k.slot, prepare->slot);
    assert_int_equal(k.first_send_seq, KEYBLOCK_FIRST_SEND_SEQ);
    assert_int_equal(k.role, KEYBLOCK_SERVER);
    peer_deliver(alice->peer, prepare->data[2].at, prepare->data[2].len);
    world_talk(w);
    assert_true(alice->peer->is_up);
}

static void the_key_block_is_the_sessions(void **state)
{
    struct world *w = *state;
    struct world_client *alice = world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    const struct message *prepare = world_expect(w, MSG_SESSION_PREPARE);
    uint8_t reply[RECORD_SEALED_HEADER_LEN + 5 + RECORD_TAG_LEN];
    struct record r = {.type = RECORD_APPLICATION_DATA, .epoch = {0, 1}, .body_len = 5};
    struct keyblock k;
    size_t used;

    (void)world_open_keyblock(&w->nodes[0], prepare, &k);
    peer_deliver(alice->peer, prepare->data[2].at, prepare->data[2].len);
    alice->is_holding = true;
    world_talk(w);

    peer_mbedtls.write(alice->peer, (const uint8_t *)"hello", 5);
    struct peer_datagram *sent = &alice->held[alice->held_count - 1];
    struct record request;
    assert_int_equal(record_peek(sent->bytes, sent->len, &request, &used), SSM_OK);
    assert_int_equal(record_open(&k.client, &request), SSM_OK);
    assert_memory_equal(request.body, "hello", 5);

    r.seq = seq48_make(0, KEYBLOCK_FIRST_SEND_SEQ);
    r.body = reply + RECORD_SEALED_HEADER_LEN;
    memcpy(r.body, "world", 5);
    record_set_explicit_nonce(&r);
    record_seal(&k.server, &r);
    peer_deliver(alice->peer, record_put_header(&r), sizeof reply);
    peer_mbedtls.run(alice->peer, w->now_ms);
    assert_int_equal(alice->peer->reads, 1);
    assert_memory_equal(alice->peer->read, "world", 5);
}

static void the_tombstone_closes_the_session_with_the_last_number_but_one(void **state)
{
    struct world *w = *state;
    struct world_client *alice = world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    const struct message *prepare = world_expect(w, MSG_SESSION_PREPARE);
    uint8_t copy[TOMBSTONE_LEN];
    struct keyblock k;
    struct record r;
    size_t used;

    (void)world_open_keyblock(&w->nodes[0], prepare, &k);
    memcpy(copy, prepare->data[1].at, sizeof copy);
    assert_int_equal(record_peek(copy, sizeof copy, &r, &used), SSM_OK);
    assert_int_equal(used, sizeof copy);
    assert_int_equal(bytes_u16(r.seq.bytes), 0xFFFF);
    assert_int_equal(bytes_u32(r.seq.bytes + 2), 0xFFFFFFFE);
    assert_true(record_explicit_nonce_is_implied(&r));
    assert_int_equal(record_open(&k.server, &r), SSM_OK);
    assert_int_equal(r.body[0], 1);
    assert_int_equal(r.body[1], 0);

    peer_deliver(alice->peer, prepare->data[2].at, prepare->data[2].len);
    world_talk(w);
    peer_deliver(alice->peer, prepare->data[1].at, prepare->data[1].len);
    peer_mbedtls.run(alice->peer, w->now_ms);
    assert_true(alice->peer->is_closed);
}

static void nothing_of_the_last_flight_leaves_before_prepare(void **state)
{
    struct world *w = *state;

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    for (size_t i = 0; i < w->message_count; i++) {
        const struct message *m = &w->messages[i].m;
        for (size_t at = 0; m->type == MSG_DGRAM_OUT && at < m->data[0].len;) {
            const uint8_t *record = m->data[0].at + at;
            assert_int_not_equal(record[0], RECORD_CHANGE_CIPHER_SPEC);
            assert_int_equal(record[4], 0);
            at += RECORD_HEADER_LEN + (size_t)(record[11] << 8 | record[12]);
        }
    }
    world_expect(w, MSG_SESSION_PREPARE);
}

static void retransmissions_while_the_flight_is_held_are_ignored(void **state)
{
    struct world *w = *state;
    struct world_client *alice = world_add_client(w, "alice", ALICE_KEY, 4000, NODE_1);

    world_talk(w);
    world_expect(w, MSG_SESSION_PREPARE);
    world_advance(w, 1500); /* the client repeats ClientKeyExchange, ChangeCipherSpec and Finished */
    world_talk(w);
    world_expect_none(w, MSG_SESSION_PREPARE);
    world_expect_none(w, MSG_DGRAM_OUT);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_HANDSHAKES_STARTED), 1);
    assert_false(alice->peer->is_over);
}

static void an_acknowledged_hand_over_is_committed_once(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    struct keyblock k;

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    const struct message *prepare = world_expect(w, MSG_SESSION_PREPARE);
    uint16_t message_id = world_open_keyblock(n, prepare, &k);
    world_expect_none(w, MSG_SESSION_COMMIT);
    world_ack(w, n, message_id, COAP_CREATED);
    world_expect(w, MSG_SESSION_COMMIT);
    world_ack(w, n, message_id, COAP_CREATED); /* the node answers each copy of the block */
    world_expect_none(w, MSG_SESSION_COMMIT);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_HANDSHAKES_DONE), 0);

    struct message durable = *prepare;
    durable.type = MSG_SESSION_DURABLE;
    delegator_on_message(w->delegator, &durable, w->now_ms);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_HANDSHAKES_DONE), 1);
    world_expect_none(w, MSG_SESSION_PREPARE);
    world_expect_none(w, MSG_SESSION_ABORT);
}

static void a_forged_acknowledgement_commits_nothing(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint8_t frame[FRAME_MAX];
    struct keyblock k;

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    uint16_t message_id = world_open_keyblock(n, world_expect(w, MSG_SESSION_PREPARE), &k);
    size_t len = control_encode_ack(message_id, COAP_CREATED, frame + CONTROL_HEADER_LEN);
    assert_int_equal(assoc_seal(&n->assoc, ASSOC_UP, frame, len), SSM_OK);
    for (size_t bit = 0; bit < 8 * (len + CONTROL_OVERHEAD); bit++) {
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        world_from_node(w, n, frame, len + CONTROL_OVERHEAD);
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    world_expect_none(w, MSG_SESSION_COMMIT);
    assert_true(delegator_counter(w->delegator, DELEGATOR_DROP_CONTROL) > 0);
    world_from_node(w, n, frame, len + CONTROL_OVERHEAD);
    world_expect(w, MSG_SESSION_COMMIT);
}

static void the_down_key_is_ratcheted_by_an_acknowledged_key_block(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    struct assoc before = n->assoc;
    struct control control;
    uint8_t buf[FRAME_MAX];

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    (void)world_accept(w, n);
    world_connect(w, "alice", ALICE_KEY, 4001, NODE_1);
    const struct message *prepare = world_expect(w, MSG_SESSION_PREPARE);
    memcpy(buf, prepare->data[0].at, prepare->data[0].len);
    assert_int_equal(assoc_open(&before, ASSOC_DOWN, buf, prepare->data[0].len, &control), SSM_BAD_TAG);
    struct keyblock k;
    (void)world_open_keyblock(n, prepare, &k);
}

/* Runs a client's handshake up to its last flight, which is held. */
static struct world_client *client_before_last_flight(struct world *w)
{
    struct world_client *c = world_add_client(w, "alice", ALICE_KEY, 4000, NODE_1);

    for (int turn = 0; turn < 3; turn++) { /* ClientHello, ClientHello with cookie, last flight */
        c->is_holding = turn == 2;
        peer_mbedtls.run(c->peer, w->now_ms);
        while (world_deliver_to_clients(w))
            continue;
    }
    assert_true(c->held_count > 0);
    return c;
}

static void forged_finished_records_do_not_end_a_handshake(void **state)
{
    struct world *w = *state;
    struct world_client *alice = client_before_last_flight(w);
    struct peer_datagram *last = &alice->held[alice->held_count - 1];
    uint8_t forged[FINISHED_RECORD_LEN] = {RECORD_HANDSHAKE, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 7, 0, 40};
    uint8_t finished[FINISHED_RECORD_LEN];

    last->len -= sizeof finished;
    memcpy(finished, last->bytes + last->len, sizeof finished);
    world_release_held(alice);
    for (uint8_t i = 0; i < 20; i++) {
        forged[RECORD_SEALED_HEADER_LEN] = i;
        world_send_record(alice, forged, sizeof forged);
    }
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_DROP_FORGED), 20);
    world_expect_none(w, MSG_SESSION_ABORT);
    world_send_record(alice, finished, sizeof finished);
    world_expect(w, MSG_SESSION_PREPARE);
    world_advance(w, 5000);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_FAILED_KEY), 0);
}

static void a_forged_finished_before_the_keys_is_dropped(void **state)
{
    struct world *w = *state;
    struct world_client *alice = client_before_last_flight(w);
    const uint8_t forged[FINISHED_RECORD_LEN] = {RECORD_HANDSHAKE, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 7, 0, 40};

    world_send_record(alice, forged, sizeof forged);
    world_release_held(alice);
    world_expect(w, MSG_SESSION_PREPARE);
}

static void a_wrong_key_is_answered_with_bad_record_mac_after_two_seconds(void **state)
{
    struct world *w = *state;

    world_connect(w, "alice", ALICE_KEY + 1, 4000, NODE_1);
    assert_int_equal(alert_taken(w), -1);
    world_advance(w, 1900);
    assert_int_equal(alert_taken(w), -1);
    world_advance(w, 200);
    assert_int_equal(alert_taken(w), 20);
    assert_aborted(w, CLOSE_HANDSHAKE);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_FAILED_KEY), 1);
    assert_string_equal(w->log,
                        "thermo/alice: handshake refused: the peer's key for this identity is not the one "
                        "that is stored");
    world_expect_none(w, MSG_SESSION_PREPARE);
}

static void an_unknown_identity_is_answered_with_its_alert(void **state)
{
    struct world *w = *state;
    struct world_client *mallory = world_connect(w, "mallory", ALICE_KEY, 4000, NODE_1);

    assert_int_equal(mallory->peer->alert, 51);
    assert_aborted(w, CLOSE_HANDSHAKE);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_FAILED_IDENTITY), 1);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_FAILED_HANDSHAKE), 0);
}

static void what_is_not_granted_is_denied_after_finished(void **state)
{
    struct world *w = *state;
    struct world_client *alice = world_connect(w, "alice", ALICE_KEY, 4000, NODE_2);

    assert_int_equal(alice->peer->alert, 40);
    assert_aborted(w, CLOSE_HANDSHAKE);
    world_expect_none(w, MSG_SESSION_PREPARE);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_FAILED_GRANT), 1);
    /* Somebody without the key learns nothing of grants. */
    world_connect(w, "alice", ALICE_KEY + 1, 4001, NODE_2);
    world_advance(w, 2100);
    assert_int_equal(alert_taken(w), 20);
}

static void a_plain_alert_has_a_number_above_all_that_left(void **state)
{
    struct world *w = *state;
    uint64_t highest = 0;
    bool is_alert = false;

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_2);
    for (size_t i = 0; i < w->message_count; i++) {
        const struct message *m = &w->messages[i].m;
        for (size_t at = 0; m->type == MSG_DGRAM_OUT && m->node == NODE_2 && at < m->data[0].len;) {
            const uint8_t *record = m->data[0].at + at;
            uint64_t number = (uint64_t)(record[9] << 8 | record[10]);
            is_alert = record[0] == RECORD_ALERT;
            assert_true(!is_alert || number > highest);
            highest = number > highest ? number : highest;
            at += RECORD_HEADER_LEN + (size_t)(record[11] << 8 | record[12]);
        }
    }
    assert_true(is_alert);
}

static void the_shared_port_leads_to_the_single_granted_node(void **state)
{
    struct world *w = *state;

    world_connect(w, "alice", ALICE_KEY, 4000, 0);
    assert_int_equal(world_expect(w, MSG_SESSION_PREPARE)->node, NODE_1);
}

static void the_shared_port_is_denied_to_who_may_reach_several_nodes(void **state)
{
    struct world *w = *state;

    memory_grant(&w->store.subscribers[0], NODE_2);
    assert_int_equal(world_connect(w, "alice", ALICE_KEY, 4000, 0)->peer->alert, 40);
    assert_non_null(strstr(w->log, "exactly one"));
    w->store.subscribers[0].node_count = 0;
    assert_int_equal(world_connect(w, "alice", ALICE_KEY, 4001, 0)->peer->alert, 40);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_FAILED_GRANT), 2);
}

static void a_silent_node_is_given_up_after_twenty_seconds(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    world_expect(w, MSG_SESSION_PREPARE);
    world_advance(w, 19999);
    world_expect_none(w, MSG_SESSION_ABORT);
    world_advance(w, 1);
    assert_int_equal(alert_taken(w), 80);
    assert_aborted(w, CLOSE_NODE_SILENT);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_FAILED_NODE), 1);
    /* The node may have installed it all the same, so it is told what lives. */
    world_expect_no_sessions(w, n);
}

static void a_node_that_refuses_ends_the_hand_over(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    struct keyblock k;

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    world_ack(w, n, world_open_keyblock(n, world_expect(w, MSG_SESSION_PREPARE), &k), COAP_UNAVAILABLE);
    assert_int_equal(alert_taken(w), 80);
    assert_aborted(w, CLOSE_NO_ROOM);
    world_expect_none(w, MSG_SESSION_COMMIT);
    world_expect_no_sessions(w, n);
}

static void a_stranger_costs_nothing_and_gets_a_cookie(void **state)
{
    struct world *w = *state;
    struct world_client *alice = world_add_client(w, "alice", ALICE_KEY, 4000, NODE_1);

    peer_mbedtls.run(alice->peer, w->now_ms);
    const struct message *m = world_expect(w, MSG_DGRAM_OUT);
    assert_int_equal(m->connection, 0);
    assert_int_equal(m->data[0].at[RECORD_HEADER_LEN], 3);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_COOKIES_SENT), 1);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_HANDSHAKES_STARTED), 0);
}

static void beyond_the_limit_the_oldest_handshake_gives_way(void **state)
{
    struct world *w = *state;

    for (uint16_t i = 0; i < 6; i++)
        world_add_client(w, "alice", ALICE_KEY, (uint16_t)(4000 + i), NODE_1);
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < w->client_count; i++)
            peer_mbedtls.run(w->clients[i].peer, w->now_ms);
        while (turn == 0 && world_deliver_to_clients(w))
            continue;
    }
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_HANDSHAKES_STARTED), 6);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_FAILED_BUSY), 1);
    assert_aborted(w, CLOSE_NO_ROOM);
    world_deliver_to_clients(w); /* all that has left */
    while (world_deliver_to_clients(w))
        continue;
    peer_mbedtls.run(w->clients[0].peer, w->now_ms);
    assert_int_equal(w->clients[0].peer->alert, 80);
    world_connect(w, "alice", ALICE_KEY, 4100, NODE_1);
    world_expect(w, MSG_SESSION_PREPARE);
}

static void a_new_client_hello_supersedes_once_its_cookie_is_valid(void **state)
{
    struct world *w = *state;
    struct world_client *old = world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    uint32_t connection = old->connection;

    world_expect(w, MSG_SESSION_PREPARE);
    struct world_client *again = world_add_client(w, "alice", ALICE_KEY, 4000, NODE_1);
    again->connection = connection;
    peer_mbedtls.run(again->peer, w->now_ms); /* no cookie yet: anybody could have sent it */
    world_expect_none(w, MSG_SESSION_ABORT);
    world_talk(w);
    const struct message *aborted = world_expect(w, MSG_SESSION_ABORT);
    assert_int_equal(aborted->connection, connection);
    assert_int_equal(aborted->kind, CLOSE_REPLACED);
    assert_int_not_equal(again->connection, connection);
    world_expect_no_sessions(w, &w->nodes[0]); /* the node may have installed the first one's key block */
    assert_int_equal(world_expect(w, MSG_SESSION_PREPARE)->connection, again->connection);
}

static void no_common_suite_is_refused_and_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct world_client *alice = world_add_client(w, "alice", ALICE_KEY, 4000, NODE_1);

    peer_mbedtls.run(alice->peer, w->now_ms);
    alice->is_holding = true;
    world_deliver_to_clients(w);
    peer_mbedtls.run(alice->peer, w->now_ms);
    struct peer_datagram *hello = &alice->held[0];
    for (size_t i = RECORD_HEADER_LEN; i + 1 < hello->len;
         i++) /* TLS_PSK_WITH_AES_128_CCM_8 becomes TLS_NULL_WITH_NULL_NULL */
        if (hello->bytes[i] == 0xC0 && hello->bytes[i + 1] == 0xA8)
            hello->bytes[i] = hello->bytes[i + 1] = 0;
    world_release_held(alice);
    const struct message *m = world_expect(w, MSG_DGRAM_OUT);
    assert_int_equal(m->connection, 0);
    assert_int_equal(m->data[0].at[0], RECORD_ALERT);
    assert_int_equal(m->data[0].at[14], 40);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_FAILED_HANDSHAKE), 1);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_HANDSHAKES_STARTED), 0);
    world_expect_none(w, MSG_SESSION_ABORT);
    assert_int_equal(world_connect(w, "alice", ALICE_KEY, 4001, NODE_1)->connection != 0, true);
    world_expect(w, MSG_SESSION_PREPARE);
}

static void malformed_records_are_ignored(void **state)
{
    struct world *w = *state;
    struct world_client c = {.world = w, .endpoint = world_endpoint(20, 4000), .port_node = NODE_1};
    uint8_t junk[200];

    seeded_start();
    for (unsigned i = 0; i < 2000; i++) {
        seeded_fill(junk, sizeof junk);
        size_t len = 1 + i % sizeof junk;
        junk[0] = (uint8_t)(20 + i % 4);
        world_send_record(&c, junk, len);
    }
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_HANDSHAKES_STARTED), 0);
    world_connect(w, "alice", ALICE_KEY, 4001, NODE_1);
    world_expect(w, MSG_SESSION_PREPARE);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WORLD(a_handshake_ships_the_key_block_and_withholds_the_last_flight),
        WORLD(the_key_block_is_the_sessions),
        WORLD(the_tombstone_closes_the_session_with_the_last_number_but_one),
        WORLD(nothing_of_the_last_flight_leaves_before_prepare),
        WORLD(retransmissions_while_the_flight_is_held_are_ignored),
        WORLD(an_acknowledged_hand_over_is_committed_once),
        WORLD(a_forged_acknowledgement_commits_nothing),
        WORLD(the_down_key_is_ratcheted_by_an_acknowledged_key_block),
        WORLD(forged_finished_records_do_not_end_a_handshake),
        WORLD(a_forged_finished_before_the_keys_is_dropped),
        WORLD(a_wrong_key_is_answered_with_bad_record_mac_after_two_seconds),
        WORLD(an_unknown_identity_is_answered_with_its_alert),
        WORLD(what_is_not_granted_is_denied_after_finished),
        WORLD(a_plain_alert_has_a_number_above_all_that_left),
        WORLD(the_shared_port_leads_to_the_single_granted_node),
        WORLD(the_shared_port_is_denied_to_who_may_reach_several_nodes),
        WORLD(a_silent_node_is_given_up_after_twenty_seconds),
        WORLD(a_node_that_refuses_ends_the_hand_over),
        WORLD(a_stranger_costs_nothing_and_gets_a_cookie),
        WORLD(beyond_the_limit_the_oldest_handshake_gives_way),
        WORLD(a_new_client_hello_supersedes_once_its_cookie_is_valid),
        WORLD(no_common_suite_is_refused_and_leaves_nothing),
        WORLD(malformed_records_are_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
