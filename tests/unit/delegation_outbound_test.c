/* Sessions in which the node is the client: its wish, the server's addresses, the gateway's handshake as
 * client with a real server, the hand-over, and what the node is told when it comes to nothing. */
#include "delegation_world.h"

#include "handshake_work.h"
#include "tombstone.h"

enum { SERVER_KEY = 0x5E, SERVER_PORT = 5684, NODE_PORT = 5690, SERVER_DATAGRAMS_MAX = 24, WISH = 7 };

/* The other end: the same library in its usual role, so that nothing but the delegator is under test. */
struct server {
    struct world *world;
    struct handshake_engine engine;
    struct handshake *handshake; /* NULL: it has never been reached */
    enum handshake_result result;
    uint8_t key;
    bool is_mute; /* it hears nothing */
    uint32_t connection;
    struct endpoint at;
    struct endpoint local;
    struct handshake_keys keys;
    struct peer_datagram sent[SERVER_DATAGRAMS_MAX];
    size_t sent_count;
};

static struct destination_row destination;
static struct server server;

static void on_send(void *owner, const uint8_t *records, size_t len)
{
    struct server *s = owner;
    struct peer_datagram *d = &s->sent[s->sent_count++];

    assert_true(s->sent_count < SERVER_DATAGRAMS_MAX);
    memcpy(d->bytes, records, len);
    d->len = len;
}

static void on_name(void *owner, const char *name, size_t len)
{
    (void)owner, (void)name, (void)len;
    fail_msg("an address must not be asked for by name (RFC 6066 3)");
}

static bool on_psk(void *owner, const uint8_t *identity, size_t identity_len, uint8_t *psk, size_t *psk_len)
{
    const struct server *s = owner;

    assert_int_equal(identity_len, 6);
    assert_memory_equal(identity, "thermo", 6);
    memset(psk, s->key, 16);
    *psk_len = 16;
    return true;
}

static void on_keys(void *owner, const struct handshake_keys *keys)
{
    ((struct server *)owner)->keys = *keys;
}

static const struct handshake_callbacks CALLBACKS = {
    .send = on_send, .name = on_name, .psk = on_psk, .keys = on_keys};

static void server_feed(const struct message *m)
{
    struct reader r = reader_over(m->data[0].at, m->data[0].len);
    struct handshake_record record;

    assert_int_equal(m->kind, DIRECTION_OUT);
    server.connection = m->connection;
    server.at = m->peer;
    server.local = m->local;
    if (server.is_mute)
        return;
    if (server.handshake == NULL)
        server.handshake = server.engine.create(server.engine.ctx, 0, &CALLBACKS, &server);
    while (r.left > 0 && server.result != HANDSHAKE_DONE && server.result != HANDSHAKE_FAILED) {
        const uint8_t *at = r.at;
        assert_int_equal(handshake_record_read(&r, &record), SSM_OK);
        server.result = server.engine.feed(server.handshake, at, record.len, server.world->now_ms);
        if (server.result == HANDSHAKE_ADMITTED)
            server.result = server.engine.feed(server.handshake, NULL, 0, server.world->now_ms);
    }
}

static void server_answer(const uint8_t *record, size_t len)
{
    struct message m = {.type = MSG_DGRAM_IN,
                        .connection = server.connection,
                        .node = NODE_1,
                        .peer = server.at,
                        .local = server.local};

    m.data[0] = (struct span){.at = record, .len = len};
    delegator_on_message(server.world->delegator, &m, server.world->now_ms);
}

static void server_answer_all(const struct peer_datagram *d)
{
    for (size_t at = 0; at < d->len;) {
        size_t used = RECORD_HEADER_LEN + bytes_u16(d->bytes + at + 11);

        server_answer(d->bytes + at, used);
        at += used;
    }
}

/* Lets the gateway and the server talk until both are silent. */
static void talk(struct world *w)
{
    const struct message *m;

    while ((m = world_take(w, MSG_DGRAM_OUT)) != NULL) {
        server_feed(m);
        for (size_t i = 0; i < server.sent_count; i++)
            server_answer_all(&server.sent[i]);
        server.sent_count = 0;
    }
}

/* ---- the node ---- */

static uint8_t expect_ack(struct world *w, uint16_t message_id)
{
    const struct message *m = world_expect(w, MSG_NODE_CTRL_OUT);
    struct control_message ack;
    uint8_t buf[FRAME_MAX];

    assert_int_equal(m->kind, REPEAT_NO);
    world_open(&w->nodes[0], m->data[0], buf, &ack);
    assert_true(ack.is_ack);
    assert_int_equal(ack.message_id, message_id);
    return ack.code;
}

static void expect_failure(struct world *w, uint16_t message_id, enum control_outbound_reason reason)
{
    const struct message *m = world_expect(w, MSG_NODE_CTRL_OUT);
    struct control_message failed;
    uint8_t buf[FRAME_MAX];

    assert_int_equal(m->kind, REPEAT_UNTIL_DONE);
    world_open(&w->nodes[0], m->data[0], buf, &failed);
    assert_int_equal(failed.resource, CONTROL_FAILED);
    assert_int_equal(failed.payload_len, CONTROL_FAILED_LEN);
    assert_int_equal(bytes_u16(failed.payload), message_id);
    assert_int_equal(failed.payload[2], reason);
    assert_int_equal(delegator_counter(w->delegator,
                                       (enum delegator_counter)(DELEGATOR_OUTBOUND_FAILED + (int)reason - 1)),
                     1);
    assert_non_null(strstr(w->log, "thermo/10.0.0.9: outbound session"));
    world_ack(w, &w->nodes[0], failed.message_id, COAP_CHANGED);
    (void)world_expect(w, MSG_NODE_CTRL_DONE);
}

/* An attempt up to the ClientHello. */
static void begin(struct world *w, size_t addresses)
{
    world_wish(w, WISH, "coaps://10.0.0.9");
    assert_int_equal(expect_ack(w, WISH), COAP_CHANGED);
    world_resolve(w, RESOLVE_FOUND, addresses);
}

static struct keyblock expect_session_on(struct world *w, uint16_t port)
{
    const struct message *prepare = world_expect(w, MSG_SESSION_PREPARE);
    struct message durable = *prepare;
    struct keyblock k;
    struct record r;
    uint8_t tombstone[TOMBSTONE_LEN];
    size_t used;

    assert_int_equal(prepare->data[2].len, 0);
    assert_int_equal(prepare->local.port, port);
    memcpy(tombstone, prepare->data[1].at, sizeof tombstone);
    assert_int_equal(record_peek(tombstone, sizeof tombstone, &r, &used), SSM_OK);
    assert_int_equal(record_open(&server.keys.client, &r), SSM_OK);
    world_ack(w, &w->nodes[0], world_open_keyblock(&w->nodes[0], prepare, &k), COAP_CREATED);
    assert_int_equal(world_expect(w, MSG_SESSION_COMMIT)->handle, k.session);
    durable.type = MSG_SESSION_DURABLE;
    delegator_on_message(w->delegator, &durable, w->now_ms);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_HANDSHAKES), 0);
    return k;
}

static struct keyblock expect_session(struct world *w)
{
    return expect_session_on(w, NODE_PORT);
}

/* ---- tests ---- */

static void the_node_gets_the_clients_key_block(void **state)
{
    struct world *w = *state;
    struct keyblock k;

    begin(w, 1);
    talk(w);
    assert_int_equal(server.result, HANDSHAKE_DONE);
    k = expect_session(w);
    assert_int_equal(k.role, KEYBLOCK_CLIENT);
    assert_int_equal(k.scope, WISH);
    assert_int_equal(k.first_send_seq, KEYBLOCK_FIRST_SEND_SEQ);
    assert_memory_equal(&k.client, &server.keys.client, sizeof k.client);
    assert_memory_equal(&k.server, &server.keys.server, sizeof k.server);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_OUTBOUND_STARTED), 1);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_OUTBOUND_DONE), 1);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_HANDSHAKES_DONE), 0);
    world_expect_none(w, MSG_NODE_CTRL_OUT);
}

/* The epoch-1 numbers that the gateway has used in what it sends. */
static void note_numbers(const struct message *m, unsigned *used)
{
    struct reader r = reader_over(m->data[0].at, m->data[0].len);
    struct handshake_record record;

    while (r.left > 0) {
        assert_int_equal(handshake_record_read(&r, &record), SSM_OK);
        if (record.epoch != 1)
            continue;
        assert_int_equal(bytes_u16(record.seq.bytes + 4) >> 6, 0); /* below KEYBLOCK_FIRST_SEND_SEQ */
        used[record.seq.bytes[5]]++;
    }
}

/* The server's last flight gets lost again and again: what the gateway repeats has numbers of its own, none
 * of them the node's. */
static void no_number_is_used_twice(void **state)
{
    unsigned used[KEYBLOCK_FIRST_SEND_SEQ] = {0};
    struct peer_datagram last[SERVER_DATAGRAMS_MAX];
    struct world *w = *state;
    const struct message *m;
    unsigned count = 0;
    size_t last_count = 0;

    begin(w, 1);
    for (int second = 0; second < 20; second++) {
        while ((m = world_take(w, MSG_DGRAM_OUT)) != NULL) {
            note_numbers(m, used);
            server_feed(m);
            if (server.result == HANDSHAKE_DONE && server.sent_count > 0) {
                memcpy(last, server.sent, sizeof last);
                last_count = server.sent_count;
                server.sent_count = 0;
            }
            for (size_t i = 0; i < server.sent_count; i++)
                server_answer_all(&server.sent[i]);
            server.sent_count = 0;
        }
        world_advance(w, 1000);
    }
    for (size_t i = 0; i < KEYBLOCK_FIRST_SEND_SEQ; i++) {
        assert_true(used[i] <= 1);
        count += used[i];
    }
    assert_true(count > 2); /* Finished, and its repetitions */
    for (size_t i = 0; i < last_count; i++)
        server_answer_all(&last[i]);
    assert_int_equal(expect_session(w).first_send_seq, KEYBLOCK_FIRST_SEND_SEQ);
}

static void a_repeated_wish_starts_nothing(void **state)
{
    struct world *w = *state;

    begin(w, 1);
    world_wish(w, WISH, "coaps://10.0.0.9");
    assert_int_equal(expect_ack(w, WISH), COAP_CHANGED);
    world_wish(w, WISH - 1, "coaps://10.0.0.9"); /* held back by somebody */
    world_expect_none(w, MSG_NODE_CTRL_OUT);
    world_expect_none(w, MSG_RESOLVE);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_OUTBOUND_STARTED), 1);
}

static void a_refusal_has_its_code(void **state)
{
    static const struct {
        const char *uri;
        uint8_t code;
        enum delegator_counter counter;
    } REFUSALS[] = {
        {"coap://10.0.0.9", COAP_BAD_REQUEST, DELEGATOR_OUTBOUND_MALFORMED},
        {"coaps://10.0.0.9:99999", COAP_BAD_REQUEST, DELEGATOR_OUTBOUND_MALFORMED},
        {"coaps://10.0.0.10", COAP_FORBIDDEN, DELEGATOR_OUTBOUND_FORBIDDEN},
        {"coaps://10.0.0.9:5685", COAP_FORBIDDEN, DELEGATOR_OUTBOUND_FORBIDDEN},
    };
    struct world *w = *state;
    uint16_t id = WISH;

    for (size_t i = 0; i < sizeof REFUSALS / sizeof REFUSALS[0]; i++) {
        uint64_t before = delegator_counter(w->delegator, REFUSALS[i].counter);
        world_wish(w, ++id, REFUSALS[i].uri);
        assert_int_equal(expect_ack(w, id), REFUSALS[i].code);
        assert_int_equal(delegator_counter(w->delegator, REFUSALS[i].counter), before + 1);
        assert_non_null(strstr(w->log, "outbound session refused"));
        world_expect_none(w, MSG_RESOLVE);
    }
    w->store.is_broken = true;
    world_wish(w, ++id, "coaps://10.0.0.9");
    assert_int_equal(expect_ack(w, id), COAP_UNAVAILABLE);
}

static void one_attempt_and_one_session_at_a_time(void **state)
{
    struct destination_row other = destination;
    struct world *w = *state;

    begin(w, 1);
    world_wish(w, WISH + 1, "coaps://10.0.0.9");
    assert_int_equal(expect_ack(w, WISH + 1), COAP_TOO_MANY_REQUESTS);
    talk(w);
    (void)expect_session(w);
    other.id++;
    assert_int_equal(uri_parse("coaps://10.0.0.8", 16, &other.server, NULL), SSM_OK);
    w->store.destination = &other;
    world_wish(w, WISH + 2, "coaps://10.0.0.8");
    assert_int_equal(expect_ack(w, WISH + 2), COAP_TOO_MANY_REQUESTS);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_OUTBOUND_TOO_MANY), 2);
    w->store.destination = &destination; /* to whose server a new session replaces the old one */
    world_wish(w, WISH + 3, "coaps://10.0.0.9");
    assert_int_equal(expect_ack(w, WISH + 3), COAP_CHANGED);
}

static void a_name_that_does_not_resolve(void **state)
{
    struct world *w = *state;

    world_wish(w, WISH, "coaps://10.0.0.9");
    (void)expect_ack(w, WISH);
    world_resolve(w, RESOLVE_NOT_FOUND, 0);
    expect_failure(w, WISH, CONTROL_OUTBOUND_NO_NAME);
}

static void a_name_that_nobody_answers_for(void **state)
{
    struct world *w = *state;

    world_wish(w, WISH, "coaps://10.0.0.9");
    (void)expect_ack(w, WISH);
    world_advance(w, 30000);
    expect_failure(w, WISH, CONTROL_OUTBOUND_NO_NAME);
}

static void silence(struct world *w)
{
    for (int i = 0; i < 60; i++) {
        world_advance(w, 1000);
        talk(w);
    }
}

static void a_silent_server_is_told_of_once_all_addresses_are(void **state)
{
    struct world *w = *state;

    server.is_mute = true;
    begin(w, 2);
    talk(w);
    assert_int_equal(server.at.addr[15], 9);
    silence(w);
    assert_int_equal(server.at.addr[15], 10);
    assert_int_equal(server.at.port, SERVER_PORT);
    expect_failure(w, WISH, CONTROL_OUTBOUND_NO_ANSWER);
}

static void the_second_address_may_answer(void **state)
{
    struct world *w = *state;

    server.is_mute = true;
    begin(w, 2);
    talk(w);
    world_advance(w, 9000);
    server.is_mute = false;
    talk(w);
    (void)expect_session(w);
}

/* Sessions with the server, of which the first is the node's. */
static void know_sessions(struct world *w, const struct session_row *rows, size_t count)
{
    struct session_row known[2];
    uint16_t handles[] = {rows[0].handle, 0};

    for (size_t i = 0; i < count; i++) {
        known[i] = rows[i];
        known[i].state = SESSION_ACTIVE;
        known[i].peer = world_endpoint(9, SERVER_PORT);
        known[i].local = world_endpoint(1, rows[i].local.port);
    }
    delegator_destroy(w->delegator);
    world_start(w);
    world_list_sessions(w, known, count, 0);
    world_associate(w, &w->nodes[0], 2, 1);
    world_expect_live(w, &w->nodes[0], handles);
    world_forget_messages(w);
}

static const struct session_row SERVER_IS_CLIENT = {
    .node = NODE_1, .handle = 7, .subscriber = 1, .local.port = NODE_PORT};

static void a_server_that_is_a_client_too_is_called_from_the_shared_port(void **state)
{
    struct world *w = *state;

    know_sessions(w, &SERVER_IS_CLIENT, 1);
    begin(w, 1);
    talk(w);
    assert_int_equal(server.result, HANDSHAKE_DONE);
    (void)expect_session_on(w, WORLD_SHARED_PORT);
}

static void no_session_of_another_node_is_called_into(void **state)
{
    const struct session_row rows[] = {
        SERVER_IS_CLIENT,
        {.node = NODE_2, .is_outbound = true, .handle = 9, .local.port = WORLD_SHARED_PORT}};
    struct world *w = *state;

    know_sessions(w, rows, 2);
    begin(w, 1);
    expect_failure(w, WISH, CONTROL_OUTBOUND_NO_ROOM);
}

static void a_session_is_replaced_on_its_port(void **state)
{
    const struct session_row row = {
        .node = NODE_1, .is_outbound = true, .handle = 7, .subscriber = 1, .local.port = WORLD_SHARED_PORT};
    struct world *w = *state;
    struct keyblock k;

    know_sessions(w, &row, 1);
    begin(w, 1);
    talk(w);
    k = expect_session_on(w, WORLD_SHARED_PORT);
    assert_true(k.replaces);
}

static void a_server_with_another_key(void **state)
{
    struct world *w = *state;

    server.key = SERVER_KEY + 1;
    begin(w, 1);
    talk(w);
    assert_int_equal(server.result, HANDSHAKE_FAILED);
    expect_failure(w, WISH, CONTROL_OUTBOUND_WRONG_PSK);
    world_expect_none(w, MSG_SESSION_PREPARE);
}

/* The server answers the hello with this alert. */
static void expect_failure_of_alert(struct world *w, uint8_t alert, enum control_outbound_reason reason)
{
    const uint8_t record[] = {21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, alert};

    server.is_mute = true;
    begin(w, 1);
    talk(w);
    server_answer(record, sizeof record);
    expect_failure(w, WISH, reason);
}

static void a_server_that_refuses(void **state)
{
    expect_failure_of_alert(*state, 80, CONTROL_OUTBOUND_REFUSED);
}

static void a_server_without_a_suite_of_ours(void **state)
{
    expect_failure_of_alert(*state, 40, CONTROL_OUTBOUND_PROTOCOL);
}

static void a_server_of_another_version(void **state)
{
    expect_failure_of_alert(*state, 70, CONTROL_OUTBOUND_PROTOCOL);
}

/* A message of the wrong role, which starts no handshake of another kind either. */
static void a_server_that_says_hello(void **state)
{
    struct world *w = *state;
    const struct message *hello;

    server.is_mute = true;
    begin(w, 1);
    hello = world_expect(w, MSG_DGRAM_OUT);
    server_feed(hello);
    server_answer(hello->data[0].at, hello->data[0].len);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_COOKIES_SENT), 0);
    expect_failure(w, WISH, CONTROL_OUTBOUND_PROTOCOL);
}

static void ask_whether_it_is_there(struct world *w)
{
    const struct message quiet = {.type = MSG_NODE_QUIET, .node = NODE_1};

    delegator_on_message(w->delegator, &quiet, w->now_ms);
    assert_int_equal(world_expect(w, MSG_NODE_CTRL_OUT)->kind, REPEAT_UNTIL_DONE);
}

/* The server believes in its session; nobody but the gateway can tell it otherwise. */
static void a_hand_over_that_fails_sends_the_tombstone(void **state)
{
    struct world *w = *state;
    const struct message *m;
    struct record r;
    uint8_t copy[TOMBSTONE_LEN];
    size_t used;

    begin(w, 1);
    ask_whether_it_is_there(w); /* so that the hand-over has to wait */
    talk(w);
    assert_int_equal(server.result, HANDSHAKE_DONE);
    world_expect_none(w, MSG_SESSION_PREPARE);
    delegator_remove_destination(w->delegator, NODE_1, destination.id, w->now_ms);
    m = world_expect(w, MSG_DGRAM_OUT);
    assert_int_equal(m->data[0].len, TOMBSTONE_LEN);
    memcpy(copy, m->data[0].at, sizeof copy);
    assert_int_equal(record_peek(copy, sizeof copy, &r, &used), SSM_OK);
    assert_int_equal(record_open(&server.keys.client, &r), SSM_OK);
    assert_int_equal(r.type, RECORD_ALERT);
    world_expect_none(w, MSG_DGRAM_OUT);
    assert_int_equal(world_expect(w, MSG_SESSION_ABORT)->kind, CLOSE_REVOKED);
}

static void removing_the_destination_ends_its_sessions(void **state)
{
    struct world *w = *state;
    const struct message *m;

    begin(w, 1);
    talk(w);
    (void)expect_session(w);
    delegator_remove_destination(w->delegator, NODE_1, destination.id, w->now_ms);
    m = world_expect(w, MSG_SESSION_CLOSE);
    assert_int_equal(m->slot, DIRECTION_OUT);
    assert_int_equal(m->subscriber, destination.id);
    assert_int_equal(m->kind, CLOSE_REVOKED);
    /* A subscriber of the same number is somebody else. */
    delegator_remove_subscriber(w->delegator, destination.id, w->now_ms);
    world_expect_none(w, MSG_SESSION_CLOSE);
}

static void a_node_that_boots_has_no_attempt(void **state)
{
    struct world *w = *state;

    begin(w, 1);
    world_forget_messages(w);
    world_associate(w, &w->nodes[0], 2, 2);
    world_expect_no_sessions(w, &w->nodes[0]);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_HANDSHAKES), 0);
    world_forget_messages(w);
    world_wish(w, 1, "coaps://10.0.0.9");
    assert_int_equal(expect_ack(w, 1), COAP_CHANGED);
}

/* ---- life ---- */

static int setup(void **state)
{
    struct world *w;

    w = world_create();
    w->store.nodes[0].port = NODE_PORT;
    world_start(w);
    world_list_sessions(w, NULL, 0, 0);
    world_associate(w, &w->nodes[0], 1, 1);
    world_expect_no_sessions(w, &w->nodes[0]);
    world_forget_messages(w);
    *state = w;
    destination = (struct destination_row){.id = 1,
                                           .node = NODE_1,
                                           .kind = DESTINATION_PSK,
                                           .identity = "thermo",
                                           .identity_len = 6,
                                           .psk_len = 16};
    memset(destination.psk, SERVER_KEY, destination.psk_len);
    assert_int_equal(uri_parse("coaps://10.0.0.9", 16, &destination.server, NULL), SSM_OK);
    w->store.destination = &destination;
    server = (struct server){.world = w, .engine = handshake_mbedtls_engine(w->library), .key = SERVER_KEY};
    return 0;
}

static int teardown(void **state)
{
    if (server.handshake != NULL)
        server.engine.destroy(server.handshake);
    return world_teardown(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_node_gets_the_clients_key_block),
        CASE(no_number_is_used_twice),
        CASE(a_repeated_wish_starts_nothing),
        CASE(a_refusal_has_its_code),
        CASE(one_attempt_and_one_session_at_a_time),
        CASE(a_name_that_does_not_resolve),
        CASE(a_name_that_nobody_answers_for),
        CASE(a_silent_server_is_told_of_once_all_addresses_are),
        CASE(the_second_address_may_answer),
        CASE(a_server_that_is_a_client_too_is_called_from_the_shared_port),
        CASE(no_session_of_another_node_is_called_into),
        CASE(a_session_is_replaced_on_its_port),
        CASE(a_server_with_another_key),
        CASE(a_server_that_refuses),
        CASE(a_server_without_a_suite_of_ours),
        CASE(a_server_of_another_version),
        CASE(a_server_that_says_hello),
        CASE(a_hand_over_that_fails_sends_the_tombstone),
        CASE(removing_the_destination_ends_its_sessions),
        CASE(a_node_that_boots_has_no_attempt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
