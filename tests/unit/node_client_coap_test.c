/* The node's CoAP client over a session: PUT with RFC 7252's retransmission, Observe, and what is not for it.
 */
#include "node_client_world.h"

enum { SESSION = 5, TICK_MS = 32 };

static struct world w;
static struct node_client c;
static struct peer server;
static struct exchange x;

static void start(void)
{
    client_start(&w, &c);
    server = client_up(&w, &c, SESSION);
}

/* The request that the node has sent. */
static const struct coapmsg *request(void)
{
    const struct coapmsg *m = take(&w, &server, &x);

    assert_int_equal(m->type, COAP_CON);
    return m;
}

static const struct coapmsg *put_begin(void)
{
    assert_int_equal(node_client_put(&w.node, &c, "readings", "21.5", 4), SSM_OK);
    world_settle(&w);
    return request();
}

/* Lets time pass until the node sends, and gives how long that was. */
static uint32_t ms_until_sent(void)
{
    uint32_t from = w.port.now_ms;

    while (w.port.sent_len == 0)
        world_pass(&w, TICK_MS);
    return w.port.now_ms - from;
}

static void expect_rejected(uint8_t type)
{
    if (type == COAP_CON)
        expect_empty(&w, &server, COAP_RST, next_message_id);
    world_expect_silence(&w);
}

/* --- PUT --- */

static void test_put_carries_path_format_and_value(void **state)
{
    (void)state;
    start();
    assert_int_equal(node_client_put(&w.node, &c, "a/readings/b", "21.5", 4), SSM_OK);
    world_settle(&w);
    const struct coapmsg *m = request();
    assert_int_equal(m->code, COAP_PUT);
    assert_int_equal(m->token_len, 2);
    static const uint8_t OPTIONS[] = "\xB1"
                                     "a"
                                     "\x08"
                                     "readings"
                                     "\x01"
                                     "b"
                                     "\x10"
                                     "\xFF"
                                     "21.5";
    assert_memory_equal(m->options, OPTIONS, sizeof OPTIONS - 1);
    expect_payload(m, "21.5");
    answer(&w, &server, COAP_ACK, COAP_CREATED, m->message_id, m);
    assert_int_equal(told.answers, 1);
    assert_int_equal(told.answer, COAP_CREATED);
    world_pass(&w, 120000);
    world_expect_silence(&w);
}

static void test_one_request_at_a_time(void **state)
{
    (void)state;
    client_start(&w, &c);
    assert_int_equal(node_client_put(&w.node, &c, "r", "1", 1), SSM_REFUSED); /* no session */
    server = client_up(&w, &c, SESSION);
    const struct coapmsg *m = put_begin();
    assert_int_equal(node_client_put(&w.node, &c, "r", "2", 1), SSM_REFUSED);
    answer(&w, &server, COAP_ACK, COAP_CHANGED, m->message_id, m);
    uint16_t before = m->message_id;
    m = put_begin();
    assert_int_not_equal(m->message_id, before);
}

static void test_a_request_fits_one_frame(void **state)
{
    static const char VALUE[NODE_BODY_MAX];
    enum { LONGEST = NODE_BODY_MAX - 4 - 2 - 2 - 1 - 1 }; /* header, token, path "r", format, marker */

    (void)state;
    start();
    assert_int_equal(node_client_put(&w.node, &c, "r", VALUE, LONGEST + 1), SSM_NO_ROOM);
    assert_int_equal(node_client_put(&w.node, &c, "r", VALUE, LONGEST), SSM_OK);
    world_settle(&w);
    assert_int_equal(w.port.sent[0].len, LINK_MTU_THREE_HOPS - 4); /* the number is short yet */
    assert_int_equal(request()->payload_len, LONGEST);
    assert_int_equal(node_client_observe(
                         &w.node, &c, "a-path/that-is/much-too-long/for-one/frame-of/this/link", on_notified),
                     SSM_NO_ROOM);
    assert_null(c.watched);
}

/* RFC 7252 4.2: after 2 to 3 s, then each time after twice as long; the same message. */
static void test_put_is_repeated_by_rfc_7252(void **state)
{
    uint32_t first = 0;
    uint8_t message[64];

    (void)state;
    start();
    assert_int_equal(node_client_put(&w.node, &c, "readings", "21.5", 4), SSM_OK);
    for (uint32_t sent = 0; sent < 5; sent++) {
        uint32_t ms = ms_until_sent();
        uint32_t margin = (uint32_t)TICK_MS << sent;
        struct record r = peer_take(&w, &server, &x.datagram);
        if (sent == 0)
            memcpy(message, r.body, r.body_len);
        assert_memory_equal(message, r.body, r.body_len);
        if (sent == 1)
            first = ms;
        if (sent == 1)
            assert_in_range(ms, 2000, 3000 + 2 * TICK_MS);
        if (sent > 1)
            assert_in_range(ms, (first << (sent - 1)) - margin, (first << (sent - 1)) + margin);
    }
    assert_int_equal(told.answers, 0);
    /* Nobody has answered in all that time: the session is given up, and comes back by itself. */
    assert_in_range(ms_until_sent(), (first << 4) - (TICK_MS << 5), (first << 4) + (TICK_MS << 5));
    peer_expect_close_notify(&w, &server);
    assert_int_equal(gateway_take_report(&w, SESSION, true), CONTROL_CLOSED_SILENT);
    assert_int_equal(c.state, NODE_CLIENT_BACKOFF);
    assert_int_equal(c.reason, NODE_CLIENT_DROPPED + (int)CONTROL_CLOSED_SILENT);
    assert_int_equal(told.answers, 1);
    assert_int_equal(told.answer, COAP_EMPTY);
    world_pass(&w, 3100);
    server = client_up(&w, &c, SESSION + 1);
    world_expect_silence(&w);
    const struct coapmsg *m = put_begin();
    answer(&w, &server, COAP_ACK, COAP_CHANGED, m->message_id, m);
    assert_int_equal(told.answer, COAP_CHANGED);
}

static void test_a_lost_acknowledgement_costs_a_repetition(void **state)
{
    (void)state;
    start();
    put_begin();
    world_pass(&w, 3100);
    const struct coapmsg *m = request();
    answer(&w, &server, COAP_ACK, COAP_CHANGED, m->message_id, m);
    answer(&w, &server, COAP_ACK, COAP_CHANGED, m->message_id, m); /* that of the first was late, not lost */
    assert_int_equal(told.answers, 1);
    world_pass(&w, 120000);
    world_expect_silence(&w);
    assert_int_equal(c.state, NODE_CLIENT_UP);
}

static void test_a_separate_response_is_acknowledged_each_time(void **state)
{
    (void)state;
    start();
    const struct coapmsg *m = put_begin();
    answer(&w, &server, COAP_ACK, COAP_EMPTY, m->message_id, NULL);
    world_pass(&w, 60000);
    world_expect_silence(&w); /* acknowledged: no repetition */
    assert_int_equal(told.answers, 0);
    for (int copy = 0; copy < 3; copy++) {
        answer(&w, &server, COAP_CON, COAP_CHANGED, 0x7777, m);
        expect_empty(&w, &server, COAP_ACK, 0x7777);
    }
    assert_int_equal(told.answers, 1);
    assert_int_equal(told.answer, COAP_CHANGED);
    answer(&w, &server, COAP_CON, COAP_CHANGED, 0x7778, m); /* once more, under an id of its own */
    expect_empty(&w, &server, COAP_RST, 0x7778);
    assert_int_equal(told.answers, 1);
}

/* RFC 7252 5.2.2: then it acknowledges, too. */
static void test_a_separate_response_may_overtake_its_acknowledgement(void **state)
{
    (void)state;
    start();
    const struct coapmsg *m = put_begin();
    uint16_t id = m->message_id;
    answer(&w, &server, COAP_NON, COAP_CHANGED, 0x7777, m);
    world_expect_silence(&w);
    assert_int_equal(told.answers, 1);
    answer(&w, &server, COAP_ACK, COAP_EMPTY, id, NULL);
    world_pass(&w, 120000);
    world_expect_silence(&w);
    assert_int_equal(told.answers, 1);
    assert_int_equal(c.state, NODE_CLIENT_UP);
}

static void test_an_acknowledged_request_is_given_up_after_93_s(void **state)
{
    (void)state;
    start();
    const struct coapmsg *m = put_begin();
    answer(&w, &server, COAP_ACK, COAP_EMPTY, m->message_id, NULL);
    world_pass(&w, 92000);
    assert_int_equal(told.answers, 0);
    world_pass(&w, 1100);
    assert_int_equal(told.answers, 1);
    assert_int_equal(told.answer, COAP_EMPTY);
    assert_int_equal(c.state, NODE_CLIENT_UP); /* the server lives */
    put_begin();
}

static void test_a_reset_ends_the_request(void **state)
{
    (void)state;
    start();
    const struct coapmsg *m = put_begin();
    answer(&w, &server, COAP_RST, COAP_EMPTY, m->message_id, NULL);
    assert_int_equal(told.answers, 1);
    assert_int_equal(told.answer, COAP_EMPTY);
    assert_int_equal(c.state, NODE_CLIENT_UP);
    world_pass(&w, 120000);
    world_expect_silence(&w);
}

static void test_what_does_not_match_answers_nothing(void **state)
{
    (void)state;
    start();
    struct coapmsg m = *put_begin();
    struct coapmsg other = m;
    other.token[1] ^= 1;
    answer(&w, &server, COAP_ACK, COAP_CHANGED, (uint16_t)(m.message_id + 1), &m);
    answer(&w, &server, COAP_ACK, COAP_CHANGED, m.message_id, &other);
    other = m;
    other.token_len = 1;
    answer(&w, &server, COAP_ACK, COAP_CHANGED, m.message_id, &other);
    answer(&w, &server, COAP_ACK, COAP_CHANGED, m.message_id, NULL);
    answer(&w, &server, COAP_ACK, COAP_GET, m.message_id, &m);
    answer(&w, &server, COAP_RST, COAP_EMPTY, (uint16_t)(m.message_id + 1), NULL);
    answer(&w, &server, COAP_NON, COAP_CHANGED, 1, &other);
    world_expect_silence(&w);
    answer(&w, &server, COAP_CON, COAP_CHANGED, 2, &other);
    expect_empty(&w, &server, COAP_RST, 2);
    assert_int_equal(told.answers, 0);
    assert_true(c.exchange.len > 0 && !c.exchange.is_acked);
    answer(&w, &server, COAP_ACK, COAP_CHANGED, m.message_id, &m);
    assert_int_equal(told.answers, 1);
}

/* RFC 7252 5.4.1 */
static void test_a_response_with_an_unknown_critical_option_is_rejected(void **state)
{
    (void)state;
    start();
    struct coapmsg m = *put_begin();
    answer_begin(&x, COAP_CON, COAP_CHANGED, 7, &m);
    coap_add_option(&x.builder, 9, NULL, 0);
    request_send(&w, &server, &x);
    expect_empty(&w, &server, COAP_RST, 7);
    assert_int_equal(told.answers, 0);
    answer_begin(&x, COAP_CON, COAP_CHANGED, 8, &m);
    coap_add_option(&x.builder, 8, "elective", 8);
    coap_add_option_uint(&x.builder, COAP_OPTION_BLOCK1, 1);
    request_send(&w, &server, &x);
    expect_empty(&w, &server, COAP_ACK, 8);
    assert_int_equal(told.answers, 1);
}

/* --- The server is no peer --- */

static void test_a_server_may_ask_nothing(void **state)
{
    static const uint8_t TYPES[] = {COAP_CON, COAP_NON};

    (void)state;
    start();
    for (int i = 0; i < 2; i++) {
        request_begin(&x, TYPES[i], COAP_GET);
        request_path(&x, "temperature");
        request_send(&w, &server, &x);
        expect_rejected(TYPES[i]);
        request_begin(&x, TYPES[i], COAP_PUT);
        request_path(&x, "light");
        coap_add_payload(&x.builder, "1", 1);
        request_send(&w, &server, &x);
        expect_rejected(TYPES[i]);
        assert_false(w.port.light);
        request_begin(&x, TYPES[i], COAP_GET);
        coap_add_option_uint(&x.builder, COAP_OPTION_OBSERVE, 0);
        request_path(&x, "temperature");
        request_send(&w, &server, &x);
        expect_rejected(TYPES[i]);
    }
    node_resource_changed(&w.node, &w.resources[APP_TEMPERATURE]);
    world_settle(&w);
    world_expect_silence(&w);
}

static void test_a_ping_and_malformed_messages_are_reset(void **state)
{
    (void)state;
    start();
    peer_send(&w, &server, RECORD_APPLICATION_DATA, "\x40\x00\x12\x34", 4);
    expect_empty(&w, &server, COAP_RST, 0x1234);
    peer_send(&w, &server, RECORD_APPLICATION_DATA, "\x40\x45\x12\x35\xFF", 5);
    expect_empty(&w, &server, COAP_RST, 0x1235);
    peer_send(&w, &server, RECORD_APPLICATION_DATA, "\x50\x45\x12\x36\xFF", 5);
    peer_send(&w, &server, RECORD_APPLICATION_DATA, "", 0);
    world_expect_silence(&w);
    assert_int_equal(c.state, NODE_CLIENT_UP);
}

/* --- Observe --- */

/* Observes; `m` becomes the registration. */
static struct coapmsg watch_begin(void)
{
    start();
    assert_int_equal(node_client_observe(&w.node, &c, "time", on_notified), SSM_OK);
    world_settle(&w);
    struct coapmsg m = *request();
    assert_int_equal(m.code, COAP_GET);
    assert_int_equal(option(&m, COAP_OPTION_OBSERVE), 0);
    assert_int_equal(option(&m, COAP_OPTION_BLOCK2), 1);
    return m;
}

/* A notification, or the response to the registration. `max_age_s` 0: without. */
static void notify(uint8_t type, uint16_t id, const struct coapmsg *m, uint32_t order, uint32_t max_age_s,
                   const char *value)
{
    answer_begin(&x, type, COAP_CONTENT, id, m);
    coap_add_option_uint(&x.builder, COAP_OPTION_OBSERVE, order);
    coap_add_option_uint(&x.builder, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_TEXT);
    if (max_age_s > 0)
        coap_add_option_uint(&x.builder, COAP_OPTION_MAX_AGE, max_age_s);
    coap_add_payload(&x.builder, value, (uint16_t)strlen(value));
    request_send(&w, &server, &x);
}

static void test_notifications_arrive(void **state)
{
    (void)state;
    struct coapmsg m = watch_begin();
    notify(COAP_ACK, m.message_id, &m, 12, 0, "one");
    expect_told(1, "one");
    notify(COAP_NON, 1, &m, 13, 0, "two");
    expect_told(2, "two");
    world_expect_silence(&w);
    for (int copy = 0; copy < 3; copy++) {
        notify(COAP_CON, 2, &m, 14, 0, "three");
        expect_empty(&w, &server, COAP_ACK, 2);
    }
    expect_told(3, "three");
    assert_int_equal(told.code, COAP_CONTENT);
}

static void test_the_response_to_a_registration_may_be_separate(void **state)
{
    (void)state;
    struct coapmsg m = watch_begin();
    answer(&w, &server, COAP_ACK, COAP_EMPTY, m.message_id, NULL);
    notify(COAP_CON, 2, &m, 5, 0, "one");
    expect_empty(&w, &server, COAP_ACK, 2);
    expect_told(1, "one");
    put_begin(); /* the registration is not under way any more */
}

/* RFC 7641 3.4 */
static void test_older_notifications_are_dropped(void **state)
{
    (void)state;
    struct coapmsg m = watch_begin();
    notify(COAP_ACK, m.message_id, &m, 0xFFFFFE, 0, "one");
    notify(COAP_NON, 1, &m, 0xFFFFFE, 0, "same");
    notify(COAP_NON, 2, &m, 0xFFFFFD, 0, "older");
    notify(COAP_NON, 3, &m, 0x7FFFFE, 0, "half the circle");
    expect_told(1, "one");
    notify(COAP_CON, 4, &m, 0xFFFFF0, 0, "older");
    expect_empty(&w, &server, COAP_ACK, 4); /* dropped, but heard */
    expect_told(1, "one");
    notify(COAP_NON, 5, &m, 3, 600, "two");
    expect_told(2, "two");
    world_pass(&w, 127000);
    notify(COAP_NON, 6, &m, 2, 0, "older");
    expect_told(2, "two");
    world_pass(&w, 1100);
    notify(COAP_NON, 7, &m, 1, 0, "three"); /* too long ago to compare */
    expect_told(3, "three");
}

/* RFC 7641 3.3.1: with the same token, 5 to 15 s after Max-Age. */
static void test_a_registration_is_renewed_when_notifications_cease(void **state)
{
    static const uint32_t MAX_AGE_S[][2] = {{0, 60}, {1, 1}, {600, 600}, {0xFFFFFF, 900}};

    (void)state;
    struct coapmsg m = watch_begin();
    for (size_t i = 0; i < 4; i++) {
        uint32_t max_age_ms = MAX_AGE_S[i][1] * 1000;

        notify(COAP_ACK, m.message_id, &m, 9, MAX_AGE_S[i][0], "a server that begins anew");
        assert_int_equal(told.values, i + 1);
        assert_in_range(ms_until_sent(), max_age_ms + 5000, max_age_ms + 15000 + 4 * TICK_MS);
        struct coapmsg again = *request();
        assert_int_equal(again.token_len, m.token_len);
        assert_memory_equal(again.token, m.token, m.token_len);
        assert_int_not_equal(again.message_id, m.message_id);
        m = again;
    }
}

static void test_registrations_are_renewed_at_random(void **state)
{
    unsigned early = 0;
    unsigned late = 0;

    (void)state;
    struct coapmsg m = watch_begin();
    for (int i = 0; i < 200; i++) {
        notify(COAP_ACK, m.message_id, &m, 9, 1, "one");
        uint32_t ms = ms_until_sent() - 1000;
        early += ms < 8000;
        late += ms > 12000;
        m = *request();
    }
    assert_in_range(early, 20, 120);
    assert_in_range(late, 20, 120);
}

static void test_a_server_that_has_vanished_is_found_out(void **state)
{
    (void)state;
    struct coapmsg m = watch_begin();
    notify(COAP_ACK, m.message_id, &m, 9, 0, "one");
    notify(COAP_CON, 77, &m, 10, 0, "two");
    expect_empty(&w, &server, COAP_ACK, 77);
    assert_in_range(ms_until_sent(), 65000, 75000 + 4 * TICK_MS);
    for (int sent = 0; sent < 5; sent++) {
        ms_until_sent();
        request();
    }
    ms_until_sent();
    peer_expect_close_notify(&w, &server);
    assert_int_equal(gateway_take_report(&w, SESSION, true), CONTROL_CLOSED_SILENT);
    world_pass(&w, 3100);
    server = client_up(&w, &c, SESSION + 1);
    m = *request();
    assert_int_equal(option(&m, COAP_OPTION_OBSERVE), 0);
    notify(COAP_ACK, m.message_id, &m, 1, 0, "three"); /* another session: below 10, and not older */
    expect_told(3, "three");
    notify(COAP_CON, 77, &m, 2, 0, "four"); /* another session: not a copy of what had that id */
    expect_empty(&w, &server, COAP_ACK, 77);
    expect_told(4, "four");
}

static void test_a_refused_registration_is_made_again_after_a_minute(void **state)
{
    (void)state;
    struct coapmsg m = watch_begin();
    answer(&w, &server, COAP_ACK, COAP_NOT_FOUND, m.message_id, &m);
    assert_int_equal(told.values, 1);
    assert_int_equal(told.code, COAP_NOT_FOUND);
    for (int i = 0; i < 3; i++) {
        world_pass(&w, 59000);
        world_expect_silence(&w);
        world_pass(&w, 1100);
        m = *request();
        if (i == 0)
            answer(&w, &server, COAP_ACK, COAP_CONTENT, m.message_id, &m); /* a value, but no registration */
        else
            answer(&w, &server, COAP_RST, COAP_EMPTY, m.message_id, NULL);
    }
    assert_int_equal(told.values, 2);
}

static void test_an_error_notification_ends_the_registration(void **state)
{
    (void)state;
    struct coapmsg m = watch_begin();
    notify(COAP_ACK, m.message_id, &m, 9, 600, "one");
    answer(&w, &server, COAP_CON, COAP_NOT_FOUND, 1, &m);
    expect_empty(&w, &server, COAP_ACK, 1);
    assert_int_equal(told.code, COAP_NOT_FOUND);
    world_pass(&w, 60100);
    request();
}

static void test_values_are_put_and_watched_at_once(void **state)
{
    (void)state;
    struct coapmsg m = watch_begin();
    assert_int_equal(node_client_put(&w.node, &c, "r", "1", 1), SSM_REFUSED); /* NSTART is 1 */
    notify(COAP_ACK, m.message_id, &m, 9, 0, "one");
    struct coapmsg put = *put_begin();
    notify(COAP_NON, 1, &m, 10, 0, "two");
    expect_told(2, "two");
    notify(COAP_ACK, put.message_id, &m, 11, 0, "the wrong token");
    expect_told(2, "two");
    assert_int_equal(told.answers, 0);
    answer(&w, &server, COAP_ACK, COAP_CHANGED, put.message_id, &put);
    assert_int_equal(told.answers, 1);
    assert_int_equal(told.values, 2);
}

/* The registration waits for the end of a PUT. */
static void test_a_registration_waits_for_its_turn(void **state)
{
    (void)state;
    start();
    struct coapmsg put = *put_begin();
    assert_int_equal(node_client_observe(&w.node, &c, "time", on_notified), SSM_OK);
    world_pass(&w, 1900);
    world_expect_silence(&w);
    answer(&w, &server, COAP_ACK, COAP_CHANGED, put.message_id, &put);
    world_pass(&w, 1100);
    assert_int_equal(request()->code, COAP_GET);
}

static void test_nobody_watches_what_was_not_asked_for(void **state)
{
    struct coapmsg m = {.token = {'o'}, .token_len = 1};

    (void)state;
    start();
    notify(COAP_CON, 1, &m, 9, 0, "one");
    expect_empty(&w, &server, COAP_RST, 1);
    assert_int_equal(told.values, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_carries_path_format_and_value),
        cmocka_unit_test(test_one_request_at_a_time),
        cmocka_unit_test(test_a_request_fits_one_frame),
        cmocka_unit_test(test_put_is_repeated_by_rfc_7252),
        cmocka_unit_test(test_a_lost_acknowledgement_costs_a_repetition),
        cmocka_unit_test(test_a_separate_response_is_acknowledged_each_time),
        cmocka_unit_test(test_a_separate_response_may_overtake_its_acknowledgement),
        cmocka_unit_test(test_an_acknowledged_request_is_given_up_after_93_s),
        cmocka_unit_test(test_a_reset_ends_the_request),
        cmocka_unit_test(test_what_does_not_match_answers_nothing),
        cmocka_unit_test(test_a_response_with_an_unknown_critical_option_is_rejected),
        cmocka_unit_test(test_a_server_may_ask_nothing),
        cmocka_unit_test(test_a_ping_and_malformed_messages_are_reset),
        cmocka_unit_test(test_notifications_arrive),
        cmocka_unit_test(test_the_response_to_a_registration_may_be_separate),
        cmocka_unit_test(test_older_notifications_are_dropped),
        cmocka_unit_test(test_a_registration_is_renewed_when_notifications_cease),
        cmocka_unit_test(test_registrations_are_renewed_at_random),
        cmocka_unit_test(test_a_server_that_has_vanished_is_found_out),
        cmocka_unit_test(test_a_refused_registration_is_made_again_after_a_minute),
        cmocka_unit_test(test_an_error_notification_ends_the_registration),
        cmocka_unit_test(test_values_are_put_and_watched_at_once),
        cmocka_unit_test(test_a_registration_waits_for_its_turn),
        cmocka_unit_test(test_nobody_watches_what_was_not_asked_for),
    };

    seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
