/*
 * A client of a real library reads a node without handshake code, through the whole gateway, on good and on
 * bad networks. One program for each library; SSM_TEST_SEED repeats a run, SSM_FLOW_RUNS sets how many there
 * are.
 */
#include "flow_scene.h"

enum { ATTEMPTS = 12 };

/* ---- reading ---- */

static void a_client_reads_a_node_without_handshake_code(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);
    struct flow_client *c = connected(w, 4000);

    (void)state;
    assert_true(flow_read_temperature(c, 10000));
    flow_expect_sessions(w, FLOW_THERMO, 1);
    flow_destroy(w);
}

static void the_shared_port_leads_to_the_granted_node(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);
    struct flow_client *c = flow_connect(w, "alice", FLOW_ALICE_KEY, 4000, 0);

    (void)state;
    assert_true(flow_run(w, MINUTE_MS, flow_is_settled, c));
    assert_true(flow_read_temperature(c, 10000));
    flow_destroy(w);
}

static void a_node_serves_four_clients_at_once(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);
    struct flow_client *clients[4];

    (void)state;
    for (uint16_t i = 0; i < 4; i++)
        clients[i] = connected(w, (uint16_t)(4000 + i));
    for (int turn = 0; turn < 3; turn++)
        for (size_t i = 0; i < 4; i++)
            assert_true(flow_read_temperature(clients[i], 10000));
    flow_expect_sessions(w, FLOW_THERMO, 4);
    flow_destroy(w);
}

static void a_client_that_comes_back_on_its_port_replaces_its_session(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);

    (void)state;
    for (int turn = 0; turn < 5; turn++) {
        struct flow_client *c = connected(w, 4000);
        assert_true(flow_read_temperature(c, 10000));
        flow_expect_sessions(w, FLOW_THERMO, 1);
        flow_forget_client(c);
    }
    flow_destroy(w);
}

static void a_fifth_client_takes_the_place_of_the_idlest(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);
    struct flow_client *first = connected(w, 4000);

    (void)state;
    assert_true(flow_read_temperature(first, 10000));
    for (uint16_t i = 1; i < 4; i++)
        assert_true(flow_read_temperature(connected(w, (uint16_t)(4000 + i)), 10000));
    struct flow_client *refused = flow_connect(w, "alice", FLOW_ALICE_KEY, 4004, FLOW_THERMO);
    assert_true(flow_run(w, MINUTE_MS, flow_is_over, refused)); /* nobody was idle for long enough */
    assert_int_equal(refused->peer->alert, 80);
    (void)flow_run(w, 70000, NULL, NULL);
    assert_true(flow_read_temperature(connected(w, 4005), 10000));
    assert_true(first->peer->is_closed);
    flow_expect_sessions(w, FLOW_THERMO, 4);
    flow_destroy(w);
}

static bool reads_at_last(struct flow_world *w)
{
    for (uint16_t i = 0; i < ATTEMPTS; i++) {
        struct flow_client *c = flow_connect(w, "alice", FLOW_ALICE_KEY, (uint16_t)(4000 + i), FLOW_THERMO);
        if (flow_run(w, 2 * MINUTE_MS, flow_is_settled, c) && c->peer->is_up &&
            flow_read_temperature(c, MINUTE_MS))
            return true;
        flow_forget_client(c);
    }
    return false;
}

static void read_on_networks_with_loss(unsigned loss_percent)
{
    const struct flow_network network = bad_network(loss_percent);

    for (int run = 0; run < runs(); run++) {
        struct flow_world *w = world_with_node(&network);
        assert_true(reads_at_last(w));
        flow_destroy(w);
    }
}

static void a_client_reads_when_datagrams_are_reordered_and_duplicated(void **state)
{
    (void)state;
    read_on_networks_with_loss(0);
}

static void a_client_reads_when_one_datagram_in_ten_is_lost(void **state)
{
    (void)state;
    read_on_networks_with_loss(10);
}

static void a_client_reads_when_three_datagrams_in_ten_are_lost(void **state)
{
    (void)state;
    read_on_networks_with_loss(30);
}

/* ---- one loss at a time ---- */

static bool is_key_block(const uint8_t *datagram, size_t len)
{
    return len == 67 && link_kind_of(datagram, len) == LINK_CONTROL;
}

static bool is_control(const uint8_t *datagram, size_t len)
{
    return link_kind_of(datagram, len) == LINK_CONTROL;
}

static void expect_repair(enum flow_leg leg, bool (*is_meant)(const uint8_t *datagram, size_t len),
                          unsigned times, bool is_repeated_as_it_was)
{
    struct flow_world *w = world_with_node(&GOOD);
    struct loss loss = {.leg = leg, .is_meant = is_meant, .times = times};

    flow_set_filter(w, loss_filter, &loss);
    struct flow_client *c = connected(w, 4000);
    assert_true(flow_read_temperature(c, 10000));
    assert_true(loss.seen > times);
    assert_true(!is_repeated_as_it_was || !loss.is_changed);
    flow_expect_sessions(w, FLOW_THERMO, 1);
    flow_destroy(w);
}

static void a_lost_last_flight_is_repeated_byte_for_byte(void **state)
{
    (void)state;
    expect_repair(FLOW_TO_PEER, is_last_flight, 1, true);
    expect_repair(FLOW_TO_PEER, is_last_flight, 2, true);
}

static void a_lost_key_block_is_repeated_byte_for_byte(void **state)
{
    (void)state;
    expect_repair(FLOW_TO_NODE, is_key_block, 1, true);
    expect_repair(FLOW_TO_NODE, is_key_block, 4, true);
}

static void a_lost_acknowledgement_is_given_again(void **state)
{
    (void)state;
    expect_repair(FLOW_FROM_NODE, is_control, 1, false);
    expect_repair(FLOW_FROM_NODE, is_control, 4, false);
}

/* ---- restarts ---- */

static void a_rebooted_nodes_peers_are_told_and_may_come_again(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);
    struct flow_client *c = connected(w, 4000);

    (void)state;
    assert_true(flow_read_temperature(c, 10000));
    join(w, FLOW_THERMO);
    assert_true(flow_run(w, MINUTE_MS, flow_is_over, c));
    assert_true(c->peer->is_closed);
    flow_expect_sessions(w, FLOW_THERMO, 0);
    assert_true(flow_read_temperature(connected(w, 4001), 10000));
    flow_destroy(w);
}

static void sessions_outlive_a_restart_of_keys(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);
    struct flow_client *c = connected(w, 4000);

    (void)state;
    assert_true(flow_read_temperature(c, 10000));
    flow_restart_keys(w);
    assert_true(flow_read_temperature(c, 10000)); /* before the node has joined again, and after */
    (void)flow_run(w, 20000, NULL, NULL);
    assert_int_equal(flow_delegator_counter(w, DELEGATOR_ASSOCIATIONS), 1);
    assert_true(flow_read_temperature(c, 10000));
    assert_true(flow_read_temperature(connected(w, 4001), 10000));
    flow_expect_sessions(w, FLOW_THERMO, 2);
    flow_destroy(w);
}

static void sessions_outlive_a_restart_of_relay(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);
    struct flow_client *c = connected(w, 4000);

    (void)state;
    assert_true(flow_read_temperature(c, 10000));
    flow_restart_relay(w);
    assert_true(flow_read_temperature(c, 10000));
    assert_true(flow_read_temperature(connected(w, 4001), 10000));
    flow_expect_sessions(w, FLOW_THERMO, 2);
    flow_destroy(w);
}

/* The world itself watches numbers and link; here everything that can go wrong does. */
static void no_number_is_ever_sealed_twice(void **state)
{
    const struct impairment both = {.loss_percent = 15, .duplicate_percent = 15, .reorder_percent = 30};
    const struct flow_network network = {.internet = both, .link = both};

    (void)state;
    for (int run = 0; run < runs(); run++) {
        struct flow_world *w = world_with_node(&network);
        for (uint16_t i = 0; i < 10; i++) {
            /* Few ports, so that handshakes come back on a 5-tuple. */
            struct flow_client *c =
                flow_connect(w, "alice", FLOW_ALICE_KEY, (uint16_t)(4000 + seeded_u32() % 3), FLOW_THERMO);
            (void)flow_run(w, seeded_u32() % 5000, flow_is_settled, c);
            flow_restart_at_random(w);
            if (flow_run(w, MINUTE_MS, flow_is_settled, c) && c->peer->is_up) {
                (void)flow_read_temperature(c, 4000);
                flow_restart_at_random(w);
                (void)flow_read_temperature(c, 4000);
            }
            flow_forget_client(c);
        }
        flow_destroy(w);
    }
}

/* ---- refusals ---- */

static void expect_alert(struct flow_world *w, struct flow_client *c, uint64_t within_ms, int alert)
{
    assert_true(flow_run(w, within_ms, flow_is_over, c));
    assert_false(c->peer->is_up);
    assert_int_equal(c->peer->alert, alert);
    (void)flow_run(w, 1000, NULL, NULL);
    flow_expect_sessions(w, FLOW_THERMO, 0);
}

static void refusals_name_their_reason(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);

    (void)state;
    expect_alert(w, flow_connect(w, "mallory", FLOW_ALICE_KEY, 4000, FLOW_THERMO), 2000, 51);
    expect_alert(w, flow_connect(w, "alice", FLOW_ALICE_KEY + 1, 4001, FLOW_THERMO), 5000, 20);
    join(w, FLOW_LAMP);
    expect_alert(w, flow_connect(w, "alice", FLOW_ALICE_KEY, 4002, FLOW_LAMP), 2000, 40);
    flow_destroy(w);
}

static void a_node_that_is_gone_is_reported_after_twenty_seconds(void **state)
{
    struct flow_world *w = world_with_node(&GOOD);

    (void)state;
    flow_node_stop(w, FLOW_THERMO);
    struct flow_client *c = flow_connect(w, "alice", FLOW_ALICE_KEY, 4000, FLOW_THERMO);
    assert_false(flow_run(w, 19000, flow_is_settled, c));
    expect_alert(w, c, 3000, 80);
    flow_destroy(w);
}

static void a_node_that_comes_in_time_is_waited_for(void **state)
{
    struct flow_world *w = flow_create(&FLOW_PEER, &GOOD);
    struct flow_client *c = flow_connect(w, "alice", FLOW_ALICE_KEY, 4000, FLOW_THERMO);

    (void)state;
    assert_false(flow_run(w, 8000, flow_is_settled, c));
    join(w, FLOW_THERMO);
    assert_true(flow_run(w, MINUTE_MS, flow_is_settled, c));
    assert_true(flow_read_temperature(c, 10000));
    flow_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_reads_a_node_without_handshake_code),
        cmocka_unit_test(the_shared_port_leads_to_the_granted_node),
        cmocka_unit_test(a_node_serves_four_clients_at_once),
        cmocka_unit_test(a_client_that_comes_back_on_its_port_replaces_its_session),
        cmocka_unit_test(a_fifth_client_takes_the_place_of_the_idlest),
        cmocka_unit_test(a_client_reads_when_datagrams_are_reordered_and_duplicated),
        cmocka_unit_test(a_client_reads_when_one_datagram_in_ten_is_lost),
        cmocka_unit_test(a_client_reads_when_three_datagrams_in_ten_are_lost),
        cmocka_unit_test(a_lost_last_flight_is_repeated_byte_for_byte),
        cmocka_unit_test(a_lost_key_block_is_repeated_byte_for_byte),
        cmocka_unit_test(a_lost_acknowledgement_is_given_again),
        cmocka_unit_test(a_rebooted_nodes_peers_are_told_and_may_come_again),
        cmocka_unit_test(sessions_outlive_a_restart_of_keys),
        cmocka_unit_test(sessions_outlive_a_restart_of_relay),
        cmocka_unit_test(no_number_is_ever_sealed_twice),
        cmocka_unit_test(refusals_name_their_reason),
        cmocka_unit_test(a_node_that_is_gone_is_reported_after_twenty_seconds),
        cmocka_unit_test(a_node_that_comes_in_time_is_waited_for),
    };

    printf("%s\n", FLOW_PEER.name);
    seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
