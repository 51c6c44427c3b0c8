/* The order of the hand-over: what may not happen before what, and what follows a step that fails. */
#include "fake_engine.h"

enum { FINISHED_RECORD_LEN = 53 };

/* ---- a library that waits for Finished, and counts what it is given ---- */

static const struct handshake_keys KEYS = {.client = {.key = {1, 2, 3}}, .server = {.key = {4, 5, 6}}};

/* Answers the ClientHello, and gives the keys with the second record. */
static enum handshake_result play(struct handshake *h)
{
    static const uint8_t SERVER_HELLO[] = {22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2};

    if (fake.fed == 1)
        fake_send(h, SERVER_HELLO, sizeof SERVER_HELLO);
    if (fake.fed == 2) {
        fake_name_alice(h);
        h->callbacks->keys(h->owner, &KEYS);
    }
    return HANDSHAKE_CONTINUE;
}

static int setup_with_fake(void **state)
{
    fake.fed = 0;
    fake.turn = play;
    *state = fake_world_start(world_create());
    return 0;
}

/* A record that the client has sealed, authentic under its key. */
static void send_sealed(struct world_client *c, uint8_t type, uint16_t epoch, uint32_t seq)
{
    uint8_t datagram[FINISHED_RECORD_LEN] = {0};
    struct record r = {.type = type,
                       .epoch = {(uint8_t)(epoch >> 8), (uint8_t)epoch},
                       .seq = seq48_make(0, seq),
                       .body = datagram + RECORD_SEALED_HEADER_LEN,
                       .body_len = sizeof datagram - RECORD_SEALED_HEADER_LEN - RECORD_TAG_LEN};

    record_set_explicit_nonce(&r);
    record_seal(&KEYS.client, &r);
    world_send_record(c, record_put_header(&r), sizeof datagram);
}

static void nothing_but_authentic_finished_records_reach_the_library(void **state)
{
    static const uint8_t KEY_EXCHANGE[] = {22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 16};
    static const uint8_t CHANGE_CIPHER_SPEC[] = {20, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 1};
    struct world *w = *state;
    struct world_client c = {.world = w, .endpoint = world_endpoint(20, 4000), .port_node = NODE_1};

    fake_send_hello(&c);
    send_sealed(&c, RECORD_HANDSHAKE, 1, 0); /* no keys yet to open it with: it waits for them */
    assert_int_equal(fake.fed, 1);
    world_send_record(&c, KEY_EXCHANGE, sizeof KEY_EXCHANGE);
    assert_int_equal(fake.fed, 2);
    send_sealed(&c, RECORD_HANDSHAKE, 1, 0); /* nor has the cipher changed */
    assert_int_equal(fake.fed, 2);
    world_send_record(&c, CHANGE_CIPHER_SPEC, sizeof CHANGE_CIPHER_SPEC);
    assert_int_equal(fake.fed, 4); /* and what has waited */
    send_sealed(&c, RECORD_APPLICATION_DATA, 1, 1);
    send_sealed(&c, RECORD_ALERT, 1, 2);
    send_sealed(&c, RECORD_HANDSHAKE, 2, 3);
    assert_int_equal(fake.fed, 4);
    send_sealed(&c, RECORD_HANDSHAKE, 1, 4);
    assert_int_equal(fake.fed, 5);
    world_expect_none(w, MSG_SESSION_PREPARE);
}

/* ---- with the real library ---- */

static void nothing_is_shipped_before_finished_is_verified(void **state)
{
    struct world *w = *state;
    struct world_client *alice = world_add_client(w, "alice", ALICE_KEY, 4000, NODE_1);
    uint8_t finished[FINISHED_RECORD_LEN], forged[FINISHED_RECORD_LEN];

    for (int turn = 0; turn < 3; turn++) { /* ClientHello, ClientHello with cookie, last flight */
        alice->is_holding = turn == 2;
        peer_mbedtls.run(alice->peer, w->now_ms);
        while (world_deliver_to_clients(w))
            continue;
    }
    struct peer_datagram *last = &alice->held[alice->held_count - 1];
    last->len -= sizeof finished;
    memcpy(finished, last->bytes + last->len, sizeof finished);
    memcpy(forged, finished, sizeof forged);
    forged[FINISHED_RECORD_LEN - 1] ^= 1;

    world_release_held(alice); /* the keys exist now */
    world_send_record(alice, forged, sizeof forged);
    world_advance(w, 1900);
    world_expect_none(w, MSG_SESSION_PREPARE);
    world_expect_none(w, MSG_NODE_CTRL_OUT);
    assert_int_equal(w->store.nodes[0].session_limit, 0); /* not even a number is taken */

    world_send_record(alice, finished, sizeof finished);
    world_expect(w, MSG_SESSION_PREPARE);
    assert_true(w->limit_at_prepare > 0);
}

static void a_session_without_row_goes_on_the_nodes_delete_list(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    struct message ended = {.type = MSG_SESSION_ABORT, .node = NODE_1, .kind = CLOSE_STORE};
    struct keyblock k;

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    const struct message *prepare = world_expect(w, MSG_SESSION_PREPARE);
    ended.connection = prepare->connection;
    ended.handle = prepare->handle;
    world_ack(w, n, world_open_keyblock(n, prepare, &k), COAP_CREATED);
    world_expect(w, MSG_SESSION_COMMIT);
    delegator_on_message(w->delegator, &ended, w->now_ms); /* the node has it, and relay has not */
    world_expect_no_sessions(w, n);
    world_talk(w);
    assert_int_equal(w->clients[0].peer->alert, 80);
    /* Its number is spent. */
    world_connect(w, "alice", ALICE_KEY, 4001, NODE_1);
    assert_true(world_accept(w, n).session > k.session);
}

/* The node has acknowledged and the row is being written: the session exists for everyone but its peer. */
static void a_new_handshake_does_not_abort_a_session_that_is_being_committed(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    struct keyblock first, second;

    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    struct message prepare = *world_expect(w, MSG_SESSION_PREPARE);
    world_ack(w, n, world_open_keyblock(n, &prepare, &first), COAP_CREATED);
    world_expect(w, MSG_SESSION_COMMIT);
    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    world_expect_none(w, MSG_SESSION_ABORT);
    prepare.type = MSG_SESSION_DURABLE;
    delegator_on_message(w->delegator, &prepare, w->now_ms);
    second = world_accept(w, n);
    assert_int_equal(second.slot, first.slot);
    assert_true(second.replaces);
    assert_true(second.session > first.session);
}

static void after_a_restart_the_live_list_precedes_key_blocks(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];

    assert_int_equal(delegator_start(w->delegator, w->now_ms), SSM_OK);
    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    world_expect_none(w, MSG_SESSION_PREPARE); /* which slots are in use is not known */
    world_list_sessions(w, NULL, 0, 0);
    world_expect_none(w, MSG_SESSION_PREPARE);
    world_expect_no_sessions(w, n);
    world_expect(w, MSG_SESSION_PREPARE);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_but_authentic_finished_records_reach_the_library,
                                        setup_with_fake, world_teardown),
        WORLD(nothing_is_shipped_before_finished_is_verified),
        WORLD(a_session_without_row_goes_on_the_nodes_delete_list),
        WORLD(a_new_handshake_does_not_abort_a_session_that_is_being_committed),
        WORLD(after_a_restart_the_live_list_precedes_key_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
