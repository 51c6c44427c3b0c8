/*
 * A node without handshake code is the client of a real library's server, through the whole gateway, on good
 * and on bad networks. One program for each library; SSM_TEST_SEED repeats a run.
 */
#include "flow_scene.h"

static struct flow_server *world_server(struct flow_world *w, bool has_certificates)
{
    struct flow_server *s = flow_serve(w, has_certificates);

    assert_true(flow_run(w, MINUTE_MS, flow_is_outbound_up, w));
    return s;
}

static void a_node_writes_to_a_server(void **state)
{
    (void)state;
    for (int has_certificates = 0; has_certificates < 2; has_certificates++) {
        struct flow_world *w = world_with_node(&GOOD);
        world_server(w, has_certificates);
        assert_true(flow_put_temperature(w, 10000));
        flow_expect_sessions(w, FLOW_THERMO, 1);
        assert_int_equal(flow_delegator_counter(w, DELEGATOR_OUTBOUND_DONE), 1);
        flow_destroy(w);
    }
}

static void a_node_is_server_and_client_at_once(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);
    struct flow_client *c = connected(w, 4000);

    (void)state;
    world_server(w, false);
    for (int turn = 0; turn < 3; turn++) {
        assert_true(flow_read_temperature(c, 10000));
        assert_true(flow_put_temperature(w, 10000));
    }
    flow_expect_sessions(w, FLOW_THERMO, 2);
    flow_destroy(w);
}

static void write_on_networks_with_loss(unsigned loss_percent)
{
    const struct flow_network network = bad_network(loss_percent);

    for (int run = 0; run < runs(); run++) {
        struct flow_world *w = world_with_node(&network);
        (void)flow_serve(w, run % 4 == 3); /* certificates have the longer flights, and take their time */
        assert_true(flow_put_temperature(w, 60 * MINUTE_MS));
        flow_destroy(w);
    }
}

static void a_node_writes_when_datagrams_are_reordered_and_duplicated(void **state)
{
    (void)state;
    write_on_networks_with_loss(0);
}

static void a_node_writes_when_one_datagram_in_ten_is_lost(void **state)
{
    (void)state;
    write_on_networks_with_loss(10);
}

static void a_node_writes_when_three_datagrams_in_ten_are_lost(void **state)
{
    (void)state;
    write_on_networks_with_loss(30);
}

static void a_client_session_comes_back_when_the_server_has_lost_it(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);
    struct flow_server *s = world_server(w, false);

    (void)state;
    assert_true(flow_put_temperature(w, 10000));
    flow_server_forget(s);
    assert_true(flow_put_temperature(w, 5 * MINUTE_MS));
    flow_expect_sessions(w, FLOW_THERMO, 1);
    flow_destroy(w);
}

static void client_sessions_outlive_a_restart_of_keys_and_of_relay(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);

    (void)state;
    world_server(w, false);
    assert_true(flow_put_temperature(w, 10000));
    flow_restart_keys(w);
    assert_true(flow_put_temperature(w, 10000)); /* before the node has joined again, and after */
    (void)flow_run(w, 20000, NULL, NULL);
    flow_restart_relay(w);
    assert_true(flow_put_temperature(w, 10000));
    assert_int_equal(flow_delegator_counter(w, DELEGATOR_OUTBOUND_STARTED), 0); /* since keys' restart */
    flow_expect_sessions(w, FLOW_THERMO, 1);
    flow_destroy(w);
}

/* What a server sends from its last flight on is held back, and put into one datagram. */
struct held {
    bool is_open;
    uint8_t bytes[IMPAIRED_DATAGRAM_MAX];
    size_t len;
};

static bool is_protected(const uint8_t *datagram)
{
    return bytes_u16(datagram + 3) > 0; /* the epoch (RFC 6347 4.1) */
}

static bool hold_filter(void *arg, enum flow_leg leg, const uint8_t *datagram, size_t len)
{
    struct held *held = arg;

    if (leg != FLOW_FROM_PEER || !held->is_open || !(is_last_flight(datagram, len) || is_protected(datagram)))
        return false;
    assert_true(held->len + len <= sizeof held->bytes);
    memcpy(held->bytes + held->len, datagram, len);
    held->len += len;
    return true;
}

static bool is_served(void *server)
{
    return flow_server_is_up(server);
}

static bool is_rejected(void *server)
{
    return flow_server_resets(server) > 0;
}

static void data_in_the_datagram_of_the_last_flight_reach_the_node(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);
    struct held held = {.is_open = true};

    (void)state;
    flow_set_filter(w, hold_filter, &held);
    struct flow_server *s = flow_serve(w, false);
    assert_true(flow_run(w, MINUTE_MS, is_served, s)); /* its Finished is its last word */
    assert_false(flow_is_outbound_up(w));
    flow_server_ask(s);
    held.is_open = false;
    flow_server_send(w, held.bytes, held.len);
    assert_true(flow_run(w, 5000, is_rejected, s));
    assert_true(flow_is_outbound_up(w));
    flow_destroy(w);
}

/* How much leaves the gateway, while `held` is dealt with. */
struct traffic {
    struct held held;
    unsigned to_peer;
    unsigned to_node;
};

static bool traffic_filter(void *arg, enum flow_leg leg, const uint8_t *datagram, size_t len)
{
    struct traffic *traffic = arg;

    traffic->to_peer += leg == FLOW_TO_PEER;
    traffic->to_node += leg == FLOW_TO_NODE;
    return hold_filter(&traffic->held, leg, datagram, len);
}

static void a_late_last_flight_is_ignored(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);
    struct traffic traffic = {.held.is_open = true};

    (void)state;
    flow_set_filter(w, traffic_filter, &traffic);
    struct flow_server *s = flow_serve(w, false);
    assert_true(flow_run(w, MINUTE_MS, is_served, s));
    traffic.held.is_open = false;
    flow_server_send(w, traffic.held.bytes, traffic.held.len);
    assert_true(flow_run(w, 5000, flow_is_outbound_up, w));
    for (int turn = 0; turn < 3; turn++) {
        assert_true(flow_put_temperature(w, 10000));
        const struct traffic before = traffic;
        flow_server_send(w, traffic.held.bytes, traffic.held.len);
        (void)flow_run(w, 2000, NULL, NULL);
        assert_int_equal(traffic.to_peer, before.to_peer);
        assert_int_equal(traffic.to_node, before.to_node);
    }
    assert_true(flow_put_temperature(w, 10000));
    assert_int_equal(flow_delegator_counter(w, DELEGATOR_OUTBOUND_STARTED), 1);
    flow_expect_sessions(w, FLOW_THERMO, 1);
    flow_destroy(w);
}

/* Numbers of epoch 1 towards the server, and the loss of its last flight. */
struct numbers {
    struct loss loss;
    unsigned finished; /* how many of the gateway's Finished have left */
    uint64_t highest;  /* number among them */
    uint64_t lowest;   /* of the node's records */
};

static bool numbers_filter(void *arg, enum flow_leg leg, const uint8_t *datagram, size_t len)
{
    struct numbers *numbers = arg;
    struct record r;
    size_t used;

    for (size_t at = 0; leg == FLOW_TO_PEER && at < len; at += used) {
        uint8_t copy[IMPAIRED_DATAGRAM_MAX];
        memcpy(copy, datagram + at, len - at);
        assert_int_equal(record_peek(copy, len - at, &r, &used), SSM_OK);
        const uint64_t number = (uint64_t)bytes_u16(r.seq.bytes) << 32 | bytes_u32(r.seq.bytes + 2);
        if (record_epoch(&r) == 1 && r.type == RECORD_HANDSHAKE) {
            numbers->finished++;
            numbers->highest = number > numbers->highest ? number : numbers->highest;
        } else if (record_epoch(&r) == 1) {
            numbers->lowest = number < numbers->lowest ? number : numbers->lowest;
        }
    }
    return loss_filter(&numbers->loss, leg, datagram, len);
}

static void the_node_begins_above_all_that_the_gateway_has_repeated(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);
    struct numbers numbers = {.lowest = UINT64_MAX};

    (void)state;
    numbers.loss = (struct loss){.leg = FLOW_FROM_PEER, .is_meant = is_last_flight, .times = 3};
    flow_set_filter(w, numbers_filter, &numbers);
    world_server(w, false);
    (void)flow_run(w, 200, NULL, NULL); /* relay lets the node's records pass */
    assert_true(flow_put_temperature(w, 10000));
    assert_true(numbers.finished >= 4);
    assert_true(numbers.highest >= numbers.finished - 1); /* each has one of its own */
    assert_true(numbers.highest < KEYBLOCK_FIRST_SEND_SEQ);
    assert_int_equal(numbers.lowest, KEYBLOCK_FIRST_SEND_SEQ);
    flow_destroy(w);
}

static void no_number_is_ever_sealed_twice_by_a_client(void **state)
{
    const struct flow_network network = bad_network(15);
    unsigned done = 0;

    (void)state;
    for (int run = 0; run < runs(); run++) {
        struct flow_world *w = world_with_node(&network);
        struct flow_server *s = flow_serve(w, false);
        for (uint16_t i = 0; i < 6; i++) {
            (void)flow_run(w, seeded_u32() % 5000, NULL, NULL);
            flow_restart_at_random(w);
            done += flow_put_temperature(w, 2 * MINUTE_MS);
            flow_restart_at_random(w);
            (void)flow_put_temperature(w, 4000);
            flow_server_forget(s);
        }
        flow_destroy(w);
    }
    assert_true(done > 0 || runs() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_writes_to_a_server),
        cmocka_unit_test(a_node_is_server_and_client_at_once),
        cmocka_unit_test(a_node_writes_when_datagrams_are_reordered_and_duplicated),
        cmocka_unit_test(a_node_writes_when_one_datagram_in_ten_is_lost),
        cmocka_unit_test(a_node_writes_when_three_datagrams_in_ten_are_lost),
        cmocka_unit_test(a_client_session_comes_back_when_the_server_has_lost_it),
        cmocka_unit_test(client_sessions_outlive_a_restart_of_keys_and_of_relay),
        cmocka_unit_test(data_in_the_datagram_of_the_last_flight_reach_the_node),
        cmocka_unit_test(a_late_last_flight_is_ignored),
        cmocka_unit_test(the_node_begins_above_all_that_the_gateway_has_repeated),
        cmocka_unit_test(no_number_is_ever_sealed_twice_by_a_client),
    };

    printf("%s\n", FLOW_PEER.name);
    seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
