/* The node's attempts at sessions as a client: wishes, answers, key blocks, loss, and coming back. */
#include "node_client_world.h"

enum { SESSION = 5, TICK_MS = 32 };

static struct world w;
static struct node_client c;

/* Lets time pass until the node sends, such as a wish, and gives how long that was. */
static uint32_t ms_until_sent(void)
{
    uint32_t from = w.port.now_ms;

    while (w.port.sent_len == 0)
        world_pass(&w, TICK_MS);
    return w.port.now_ms - from;
}

/* Within [least, least * 3 / 2], give or take two ticks, and the rounding of 2 s that is doubled with it. */
static void expect_spread(uint32_t ms, uint32_t least)
{
    assert_in_range(ms, least - 2 * TICK_MS, least + least / 2 + least / 64 + 2 * TICK_MS);
}

/* --- Wishes --- */

static void test_a_wish_is_repeated_until_acknowledged(void **state)
{
    uint16_t attempt;

    (void)state;
    client_start(&w, &c);
    assert_int_equal(w.port.sent[0].len, 4 + 7 + strlen(URI) + 8);
    attempt = gateway_take_wish(&w);
    assert_int_equal(c.state, NODE_CLIENT_ASKING);
    expect_spread(ms_until_sent(), 2000);
    assert_int_equal(gateway_take_wish(&w), attempt);
    expect_spread(ms_until_sent(), 4000);
    assert_int_equal(gateway_take_wish(&w), attempt);
    gateway_ack(&w, attempt, COAP_CHANGED);
    assert_int_equal(c.state, NODE_CLIENT_WAITING);
    world_pass(&w, 80000);
    world_expect_silence(&w);
}

static void test_after_four_wishes_the_association_is_renewed(void **state)
{
    (void)state;
    client_start(&w, &c);
    uint16_t attempt = gateway_take_wish(&w);
    for (int i = 0; i < 3; i++) {
        ms_until_sent();
        assert_int_equal(gateway_take_wish(&w), attempt);
    }
    expect_spread(ms_until_sent(), 16000);
    assert_int_equal(c.state, NODE_CLIENT_BACKOFF);
    assert_int_equal(c.reason, NODE_CLIENT_UNHEARD);
    gateway_exchange(&w);
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, NULL, 0), COAP_CHANGED);
    ms_until_sent();
    assert_true(gateway_take_wish(&w) > attempt);
}

static void test_what_the_gateway_refuses_is_kept_and_asked_again(void **state)
{
    static const uint8_t CODES[] = {COAP_BAD_REQUEST, COAP_FORBIDDEN, COAP_TOO_MANY_REQUESTS,
                                    COAP_UNAVAILABLE, COAP_NOT_FOUND};
    uint16_t before = 0;

    (void)state;
    client_start(&w, &c);
    for (size_t i = 0; i < sizeof CODES; i++) {
        uint16_t attempt = gateway_take_wish(&w);

        assert_true(attempt > before);
        before = attempt;
        gateway_ack(&w, (uint16_t)(attempt + 1), COAP_CHANGED); /* of something else */
        assert_int_equal(c.state, NODE_CLIENT_ASKING);
        gateway_ack(&w, attempt, CODES[i]);
        assert_int_equal(c.state, NODE_CLIENT_BACKOFF);
        assert_int_equal(c.reason, CODES[i]);
        gateway_ack(&w, attempt, COAP_CHANGED); /* too late */
        assert_int_equal(c.state, NODE_CLIENT_BACKOFF);
        expect_spread(ms_until_sent(), 2000u << i);
    }
}

static void test_a_promise_is_trusted_for_90_s(void **state)
{
    (void)state;
    client_start(&w, &c);
    uint16_t attempt = gateway_take_wish(&w);
    gateway_ack(&w, attempt, COAP_CHANGED);
    world_pass(&w, 45000);
    gateway_ack(&w, attempt, COAP_CHANGED); /* copies, on their way for long, are no new promises */
    gateway_ack(&w, attempt, COAP_UNAVAILABLE);
    world_pass(&w, 44000);
    assert_int_equal(c.state, NODE_CLIENT_WAITING);
    world_pass(&w, 1100);
    assert_int_equal(c.state, NODE_CLIENT_BACKOFF);
    assert_int_equal(c.reason, NODE_CLIENT_OVERDUE);
    expect_spread(ms_until_sent(), 2000);
    gateway_take_wish(&w);
}

/* Reports have the numbers of their sessions for message ids, so that a wish has another. */
static void test_no_wish_has_the_number_of_a_session(void **state)
{
    (void)state;
    client_start(&w, &c);
    uint16_t attempt = gateway_take_wish(&w);
    world_peer(&w, (uint16_t)(attempt + 1), 0);
    world_peer(&w, (uint16_t)(attempt + 2), 1);
    gateway_ack(&w, attempt, COAP_UNAVAILABLE);
    ms_until_sent();
    assert_int_equal(gateway_take_wish(&w), attempt + 3);
    world_peer(&w, 100, 2);
    world_peer(&w, 101, 3);
    c.attempts = 0xFFFF;
    gateway_ack(&w, (uint16_t)(attempt + 3), COAP_UNAVAILABLE);
    ms_until_sent();
    assert_int_equal(gateway_take_wish(&w), 1); /* never 0 */
}

static void test_a_uri_has_1_to_48_characters(void **state)
{
    char uri[CONTROL_URI_MAX + 2];

    (void)state;
    world_init(&w);
    memset(uri, 'x', sizeof uri);
    uri[CONTROL_URI_MAX + 1] = '\0';
    assert_int_equal(node_client_open(&w.node, &c, uri, on_answered), SSM_MALFORMED);
    assert_int_equal(node_client_open(&w.node, &c, "", on_answered), SSM_MALFORMED);
    assert_null(w.node.clients);
    uri[CONTROL_URI_MAX] = '\0';
    assert_int_equal(node_client_open(&w.node, &c, uri, on_answered), SSM_OK);
    assert_int_equal(node_start(&w.node), SSM_OK);
    gateway_exchange(&w);
    world_feed(&w, gateway_seal_request(&w, CONTROL_LIVE, NULL, 0));
    assert_int_equal(gateway_take_ack(&w), COAP_CHANGED);
    struct datagram d = world_take(&w);
    struct control_message m = gateway_open(&w, &d);
    assert_int_equal(m.payload_len, CONTROL_URI_MAX);
}

/* --- Failures --- */

static void test_each_failure_is_kept(void **state)
{
    (void)state;
    client_start(&w, &c);
    for (uint8_t reason = 1; reason < CONTROL_OUTBOUND_REASONS; reason++) {
        uint16_t attempt = gateway_take_wish(&w);

        if (reason % 2 == 0) /* otherwise that acknowledgement is lost */
            gateway_ack(&w, attempt, COAP_CHANGED);
        assert_int_equal(gateway_fail(&w, attempt, reason), COAP_CHANGED);
        assert_int_equal(c.state, NODE_CLIENT_BACKOFF);
        assert_int_equal(c.reason, reason);
        ms_until_sent();
    }
}

static void test_a_bad_failure_changes_nothing(void **state)
{
    (void)state;
    client_start(&w, &c);
    uint16_t attempt = gateway_take_wish(&w);
    uint8_t payload[4] = {(uint8_t)(attempt >> 8), (uint8_t)attempt, CONTROL_OUTBOUND_REFUSED, 0};
    gateway_ack(&w, attempt, COAP_CHANGED);
    assert_int_equal(gateway_request(&w, CONTROL_FAILED, payload, 2), COAP_BAD_REQUEST);
    assert_int_equal(gateway_request(&w, CONTROL_FAILED, payload, 4), COAP_BAD_REQUEST);
    assert_int_equal(gateway_fail(&w, attempt, 0), COAP_BAD_REQUEST);
    assert_int_equal(gateway_fail(&w, attempt, CONTROL_OUTBOUND_REASONS), COAP_BAD_REQUEST);
    assert_int_equal(gateway_fail(&w, attempt, 255), COAP_BAD_REQUEST);
    /* Of an attempt that is over, as far as the node knows. */
    assert_int_equal(gateway_fail(&w, (uint16_t)(attempt - 1), CONTROL_OUTBOUND_REFUSED), COAP_CHANGED);
    assert_int_equal(c.state, NODE_CLIENT_WAITING);
}

static void test_a_failure_repeated_is_heeded_once(void **state)
{
    (void)state;
    client_start(&w, &c);
    uint16_t attempt = gateway_take_wish(&w);
    assert_int_equal(gateway_fail(&w, attempt, CONTROL_OUTBOUND_REFUSED), COAP_CHANGED);
    struct datagram failure = w.request;
    uint16_t backoff = c.backoff;
    ms_until_sent();
    gateway_take_wish(&w);
    world_feed(&w, failure);
    assert_int_equal(gateway_take_ack(&w), COAP_CHANGED);
    assert_int_equal(c.state, NODE_CLIENT_ASKING);
    assert_int_equal(c.backoff, backoff);
}

static void test_a_node_without_clients_knows_no_failure(void **state)
{
    (void)state;
    world_start(&w);
    assert_int_equal(gateway_fail(&w, 1, CONTROL_OUTBOUND_REFUSED), COAP_NOT_FOUND);
}

/* --- Key blocks --- */

static void test_keyblock_without_its_attempt_is_refused(void **state)
{
    struct peer server = peer_make(SESSION, 0);

    (void)state;
    world_start(&w);
    assert_int_equal(server_install(&w, &server, 1), COAP_BAD_REQUEST);
    assert_int_equal(server_install(&w, &server, 0), COAP_BAD_REQUEST);

    client_start(&w, &c);
    uint16_t attempt = gateway_take_wish(&w);
    assert_int_equal(server_install(&w, &server, (uint16_t)(attempt + 1)), COAP_BAD_REQUEST);
    assert_int_equal(server_install(&w, &server, 0), COAP_BAD_REQUEST);
    gateway_ack(&w, attempt, COAP_UNAVAILABLE);
    assert_int_equal(server_install(&w, &server, attempt), COAP_BAD_REQUEST);
    assert_int_equal(w.node.counters.installed, 0);
    ms_until_sent();
    client_up(&w, &c, SESSION);
    struct peer other = peer_make(SESSION + 1, 3);
    assert_int_equal(server_install(&w, &other, c.attempt), COAP_BAD_REQUEST);
    assert_int_equal(w.node.counters.installed, 1);
}

static void test_keyblock_answers_a_wish_whose_acknowledgement_is_lost(void **state)
{
    struct peer server = peer_make(SESSION, 0);

    (void)state;
    client_start(&w, &c);
    uint16_t attempt = gateway_take_wish(&w);
    assert_int_equal(server_install(&w, &server, attempt), COAP_CREATED);
    assert_int_equal(c.state, NODE_CLIENT_UP);
    gateway_ack(&w, attempt, COAP_CHANGED);
    gateway_ack(&w, attempt, COAP_UNAVAILABLE);
    assert_int_equal(gateway_fail(&w, attempt, CONTROL_OUTBOUND_REFUSED), COAP_CHANGED);
    assert_int_equal(c.state, NODE_CLIENT_UP);
    world_pass(&w, 120000);
    world_expect_silence(&w); /* neither a wish nor the end of a session that nobody has used yet */
    assert_int_equal(c.state, NODE_CLIENT_UP);
}

static void test_keyblock_repeated_changes_nothing(void **state)
{
    struct exchange x;

    (void)state;
    client_start(&w, &c);
    struct peer server = client_up(&w, &c, SESSION);
    struct datagram block = w.request;
    assert_int_equal(node_client_put(&w.node, &c, "r", "1", 1), SSM_OK);
    world_settle(&w);
    const struct coapmsg *m = take(&w, &server, &x);
    answer(&w, &server, COAP_ACK, COAP_CHANGED, m->message_id, m);

    struct node_session before = *node_session_of(&w, SESSION);
    struct node_client client = c;
    for (int i = 0; i < 3; i++) {
        world_feed(&w, block);
        assert_int_equal(gateway_take_ack(&w), COAP_CREATED);
    }
    assert_memory_equal(node_session_of(&w, SESSION), &before, sizeof before);
    assert_memory_equal(&c, &client, sizeof c);
    assert_int_equal(server_install(&w, &server, c.attempt), COAP_BAD_REQUEST); /* sealed anew */
    assert_memory_equal(node_session_of(&w, SESSION), &before, sizeof before);
    assert_int_equal(w.node.counters.installed, 1);
}

static void test_keyblock_for_a_taken_slot_leaves_the_attempt(void **state)
{
    struct peer server = peer_make(SESSION, 2);

    (void)state;
    client_start(&w, &c);
    uint16_t attempt = gateway_take_wish(&w);
    struct peer taken = world_peer(&w, SESSION + 1, 2);
    assert_int_equal(server_install(&w, &server, attempt), COAP_UNAVAILABLE);
    assert_int_equal(c.state, NODE_CLIENT_ASKING);
    assert_non_null(node_session_of(&w, taken.block.session));
    server.block.replaces = true;
    assert_int_equal(server_install(&w, &server, attempt), COAP_CREATED);
    assert_int_equal(c.state, NODE_CLIENT_UP);
    assert_null(node_session_of(&w, taken.block.session));
}

static void test_the_client_opens_with_the_servers_key_and_seals_with_its_own(void **state)
{
    struct exchange x;

    (void)state;
    client_start(&w, &c);
    struct peer server = client_up(&w, &c, SESSION);
    world_expect_silence(&w);
    /* The node is the first to speak, with number 64. */
    assert_int_equal(node_client_put(&w.node, &c, "r", "1", 1), SSM_OK);
    world_settle(&w);
    struct datagram sent = w.port.sent[0];
    take(&w, &server, &x);
    assert_int_equal(sent.bytes[4], KEYBLOCK_FIRST_SEND_SEQ);
    assert_int_equal(sent.bytes[3], 0);

    /* What it has sent is nothing to itself. */
    uint16_t bad = w.node.counters.input[SSM_BAD_TAG];
    struct peer mirror = server;
    mirror.block.client = server.block.server;
    peer_send(&w, &mirror, RECORD_APPLICATION_DATA, "\x40\x00\x00\x01", 4);
    assert_int_equal(w.node.counters.input[SSM_BAD_TAG], bad + 1);
    world_expect_silence(&w);
    answer(&w, &server, COAP_ACK, COAP_CHANGED, x.reply.message_id, &x.reply);
    assert_int_equal(told.answer, COAP_CHANGED);
}

/* --- The end of a session --- */

static void expect_back(uint8_t reason)
{
    assert_int_equal(c.state, NODE_CLIENT_BACKOFF);
    assert_int_equal(c.reason, reason);
    expect_spread(ms_until_sent(), 2000);
    client_up(&w, &c, (uint16_t)(c.session + 1));
}

static void test_a_session_that_the_server_ends_comes_back(void **state)
{
    static const char *const ALERTS[] = {"\x01\x00", "\x02\x28"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        client_start(&w, &c);
        struct peer server = client_up(&w, &c, SESSION);
        peer_send(&w, &server, RECORD_ALERT, ALERTS[i], 2);
        peer_expect_close_notify(&w, &server);
        assert_int_equal(gateway_take_report(&w, SESSION, true), CONTROL_CLOSED_BY_PEER);
        expect_back(NODE_CLIENT_DROPPED + (int)CONTROL_CLOSED_BY_PEER);
    }
}

static void test_a_session_that_the_gateway_ends_comes_back(void **state)
{
    (void)state;
    client_start(&w, &c);
    client_up(&w, &c, SESSION);
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, "\0\x05", 2), COAP_CHANGED);
    assert_int_equal(c.state, NODE_CLIENT_UP);
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, NULL, 0), COAP_CHANGED);
    expect_back(NODE_CLIENT_DROPPED);
}

static void test_a_session_that_is_replaced_comes_back(void **state)
{
    (void)state;
    client_start(&w, &c);
    client_up(&w, &c, SESSION);
    struct peer other = peer_make(SESSION + 9, SESSION % NODE_SESSIONS);
    other.block.replaces = true;
    assert_int_equal(peer_install(&w, &other), COAP_CREATED);
    expect_back(NODE_CLIENT_DROPPED);
}

static void test_a_session_that_expires_comes_back(void **state)
{
    struct peer server = peer_make(SESSION, 0);

    (void)state;
    client_start(&w, &c);
    server.block.lifetime_min = 2;
    assert_int_equal(server_install(&w, &server, gateway_take_wish(&w)), COAP_CREATED);
    world_pass(&w, 119000);
    assert_int_equal(c.state, NODE_CLIENT_UP);
    assert_in_range(ms_until_sent(), 900, 1100);
    peer_expect_close_notify(&w, &server);
    assert_int_equal(gateway_take_report(&w, SESSION, true), CONTROL_CLOSED_EXPIRED);
    expect_back(NODE_CLIENT_DROPPED + (int)CONTROL_CLOSED_EXPIRED);
}

static void test_a_session_outlives_a_new_association(void **state)
{
    struct exchange x;

    (void)state;
    client_start(&w, &c);
    struct peer server = client_up(&w, &c, SESSION);
    world_feed(&w, (struct datagram){1, {LINK_ASSOCIATION << 5}});
    gateway_exchange(&w);
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, "\0\x05", 2), COAP_CHANGED);
    assert_int_equal(c.state, NODE_CLIENT_UP);
    assert_int_equal(node_client_put(&w.node, &c, "r", "1", 1), SSM_OK);
    world_settle(&w);
    take(&w, &server, &x);
}

/* --- Back-off --- */

static void test_backoff_doubles_to_5_min_with_jitter(void **state)
{
    unsigned waits[32] = {0};

    (void)state;
    for (int run = 0; run < 200; run++) {
        client_start(&w, &c);
        for (uint32_t least = 2000, i = 0; i < 12; i++) {
            gateway_ack(&w, gateway_take_wish(&w), COAP_UNAVAILABLE);
            uint32_t ms = ms_until_sent();
            expect_spread(ms, least);
            if (i == 0)
                waits[(ms - 1900) / 100]++;
            least = least * 2 > 300000 ? 300000 : least * 2;
        }
    }
    for (int i = 1; i <= 10; i++) /* 2.0 to 3.0 s */
        assert_in_range(waits[i], 4, 60);
}

static void test_backoff_begins_anew_when_a_server_has_been_heard(void **state)
{
    (void)state;
    client_start(&w, &c);
    for (int i = 0; i < 5; i++) {
        gateway_ack(&w, gateway_take_wish(&w), COAP_UNAVAILABLE);
        ms_until_sent();
    }
    struct peer server = client_up(&w, &c, SESSION);
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, NULL, 0), COAP_CHANGED);
    expect_spread(ms_until_sent(), 64000); /* a session alone is not enough */
    server = client_up(&w, &c, SESSION + 1);
    peer_send(&w, &server, RECORD_APPLICATION_DATA, "\x70\x00\x12\x34", 4);
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, NULL, 0), COAP_CHANGED);
    expect_spread(ms_until_sent(), 2000);
}

/* --- Several --- */

static void test_clients_take_turns(void **state)
{
    static struct node_client second;
    struct exchange x;

    (void)state;
    client_start(&w, &c);
    assert_int_equal(node_client_open(&w.node, &second, URI, on_answered), SSM_OK);
    world_settle(&w);
    assert_int_equal(second.state, NODE_CLIENT_IDLE);
    struct peer server = client_up(&w, &c, SESSION);
    assert_int_equal(second.state, NODE_CLIENT_ASKING);
    struct peer other = client_up(&w, &second, SESSION + 1);

    assert_int_equal(node_client_put(&w.node, &second, "r", "1", 1), SSM_OK);
    world_settle(&w);
    const struct coapmsg *m = take(&w, &other, &x);
    answer(&w, &server, COAP_ACK, COAP_CHANGED, m->message_id, m); /* by the wrong server */
    assert_int_equal(told.answers, 0);
    answer(&w, &other, COAP_ACK, COAP_CHANGED, m->message_id, m);
    assert_int_equal(told.answers, 1);
    peer_send(&w, &server, RECORD_ALERT, "\x01\x00", 2);
    assert_int_equal(c.state, NODE_CLIENT_BACKOFF);
    assert_int_equal(second.state, NODE_CLIENT_UP);
}

static void test_peers_are_served_beside(void **state)
{
    struct exchange x;

    (void)state;
    client_start(&w, &c);
    client_up(&w, &c, SESSION);
    struct peer p = world_peer(&w, SESSION + 2, 0);
    expect_payload(get(&w, &p, &x, "temperature"), "21.5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wish_is_repeated_until_acknowledged),
        cmocka_unit_test(test_after_four_wishes_the_association_is_renewed),
        cmocka_unit_test(test_what_the_gateway_refuses_is_kept_and_asked_again),
        cmocka_unit_test(test_a_promise_is_trusted_for_90_s),
        cmocka_unit_test(test_no_wish_has_the_number_of_a_session),
        cmocka_unit_test(test_a_uri_has_1_to_48_characters),
        cmocka_unit_test(test_each_failure_is_kept),
        cmocka_unit_test(test_a_bad_failure_changes_nothing),
        cmocka_unit_test(test_a_failure_repeated_is_heeded_once),
        cmocka_unit_test(test_a_node_without_clients_knows_no_failure),
        cmocka_unit_test(test_keyblock_without_its_attempt_is_refused),
        cmocka_unit_test(test_keyblock_answers_a_wish_whose_acknowledgement_is_lost),
        cmocka_unit_test(test_keyblock_repeated_changes_nothing),
        cmocka_unit_test(test_keyblock_for_a_taken_slot_leaves_the_attempt),
        cmocka_unit_test(test_the_client_opens_with_the_servers_key_and_seals_with_its_own),
        cmocka_unit_test(test_a_session_that_the_server_ends_comes_back),
        cmocka_unit_test(test_a_session_that_the_gateway_ends_comes_back),
        cmocka_unit_test(test_a_session_that_is_replaced_comes_back),
        cmocka_unit_test(test_a_session_that_expires_comes_back),
        cmocka_unit_test(test_a_session_outlives_a_new_association),
        cmocka_unit_test(test_backoff_doubles_to_5_min_with_jitter),
        cmocka_unit_test(test_backoff_begins_anew_when_a_server_has_been_heard),
        cmocka_unit_test(test_clients_take_turns),
        cmocka_unit_test(test_peers_are_served_beside),
    };

    seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
