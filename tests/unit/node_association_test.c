#include "node_world.h"

static void test_counter_is_durable_before_the_request_leaves(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    w.port.stored = 41;
    assert_int_equal(node_start(&w.node), SSM_OK);
    assert_int_equal(w.port.stored_when_sent, 42);
    struct datagram d = world_take(&w);
    gateway_read_request(&w, &d);
    assert_int_equal(assoc_counter(&w.transcript), 42);
}

static void test_no_request_without_storage(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    w.port.storage_fails = true;
    assert_int_equal(node_start(&w.node), SSM_IO);
    world_expect_silence(&w);
}

static void test_boot_id_is_the_counter_before_a_life(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    w.port.stored = 6;
    assert_int_equal(node_start(&w.node), SSM_OK);
    world_associate(&w);
    assert_int_equal(assoc_boot_id(&w.transcript), 6);
    world_pass(&w, 11000);
    world_feed(&w, (struct datagram){1, {LINK_ASSOCIATION << 5}});
    world_associate(&w);
    assert_int_equal(assoc_boot_id(&w.transcript), 6);
    assert_int_equal(assoc_counter(&w.transcript), 8);
}

static void test_request_repeats_its_bytes_ever_slower(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    assert_int_equal(node_start(&w.node), SSM_OK);
    struct datagram first = world_take(&w);
    world_pass(&w, 10u * 60 * 1000);
    /* 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 ... seconds, each up to half as long again. */
    assert_in_range(w.port.sent_len, 10, 15);
    while (w.port.sent_len > 0) {
        struct datagram again = world_take(&w);
        assert_int_equal(again.len, first.len);
        assert_memory_equal(again.bytes, first.bytes, first.len);
    }
    assert_int_equal(w.port.saves, 1);
}

static void test_repetition_waits_at_least_the_backoff(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    assert_int_equal(node_start(&w.node), SSM_OK);
    world_take(&w);
    world_pass(&w, 900);
    world_expect_silence(&w);
    world_pass(&w, 700);
    assert_int_equal(w.port.sent_len, 1);
}

static void test_answer_is_verified(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    assert_int_equal(node_start(&w.node), SSM_OK);
    struct datagram d = world_take(&w);
    gateway_read_request(&w, &d);
    struct datagram good = gateway_answer(&w);
    for (size_t i = 1; i < good.len; i++) {
        struct datagram bad = good;
        bad.bytes[i] ^= 0x10;
        world_feed(&w, bad);
        bad = good;
        bad.len = i;
        world_feed(&w, bad);
    }
    world_expect_silence(&w);
    assert_true(w.node.counters.input[SSM_BAD_TAG] > 0);
    world_feed(&w, good);
    assert_int_equal(w.port.sent_len, 1);
    d = world_take(&w);
    gateway_read_confirm(&w, &d);
}

static void test_answer_of_an_earlier_request_is_refused(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    assert_int_equal(node_start(&w.node), SSM_OK);
    struct datagram d = world_take(&w);
    gateway_read_request(&w, &d);
    struct datagram old = gateway_answer(&w);
    world_feed(&w, old);
    d = world_take(&w);
    gateway_read_confirm(&w, &d);
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, NULL, 0), COAP_CHANGED);
    world_feed(&w, old);
    world_expect_silence(&w);
    world_feed(&w, (struct datagram){1, {LINK_ASSOCIATION << 5}});
    world_take(&w);
    world_feed(&w, old);
    world_expect_silence(&w);
    assert_int_equal(w.node.join.state, NODE_JOIN_REQUESTING);
}

static void test_association_is_unconfirmed_until_the_gateway_speaks(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    struct assoc old = w.gateway;
    world_feed(&w, (struct datagram){1, {LINK_ASSOCIATION << 5}});
    gateway_exchange(&w);

    /* The old association still serves, and does not confirm the new one. */
    struct assoc new = w.gateway;
    w.gateway = old;
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, NULL, 0), COAP_CHANGED);
    old = w.gateway;
    assert_int_equal(w.node.counters.associated, 1);

    w.gateway = new;
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, NULL, 0), COAP_CHANGED);
    assert_int_equal(w.node.counters.associated, 2);
    const struct assoc zero = {.step = 0};
    assert_memory_equal(&w.node.assoc[w.node.present == w.node.assoc ? 1 : 0], &zero,
                        sizeof zero); /* wiped */

    w.gateway = old; /* gone, now that the new one is confirmed */
    world_feed(&w, gateway_seal_request(&w, CONTROL_LIVE, NULL, 0));
    world_expect_silence(&w);
}

static void test_confirm_is_repeated_then_given_up_for_a_fresh_request(void **state)
{
    struct world w;
    unsigned confirms = 1;

    (void)state;
    world_init(&w);
    assert_int_equal(node_start(&w.node), SSM_OK);
    struct datagram d = world_take(&w);
    gateway_read_request(&w, &d);
    world_feed(&w, gateway_answer(&w));
    struct datagram first = world_take(&w);
    world_pass(&w, 50000);
    for (d = world_take(&w); assoc_number_of(d.bytes, d.len) == ASSOC_CONFIRM; d = world_take(&w)) {
        assert_memory_equal(d.bytes, first.bytes, first.len);
        confirms++;
    }
    assert_int_equal(confirms, 5);
    gateway_read_request(&w, &d);
    assert_int_equal(assoc_counter(&w.transcript), 2);
    assert_int_equal(w.port.stored, 2);
}

static void test_forged_rejoin_yields_two_requests_then_one_in_ten_seconds(void **state)
{
    struct world w;
    unsigned fresh = 0;
    uint32_t last = 0;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 9, 0);
    unsigned saves = w.port.saves;
    for (int i = 0; i < 300; i++) { /* 30 s */
        world_feed(&w, (struct datagram){1, {LINK_ASSOCIATION << 5}});
        while (w.port.sent_len > 0) {
            struct datagram d = world_take(&w);
            gateway_read_request(&w, &d);
            if (assoc_counter(&w.transcript) != last)
                fresh++;
            last = assoc_counter(&w.transcript);
        }
        world_pass(&w, 100);
    }
    assert_int_equal(fresh, 2 + 2); /* at once, and after 10 and 20 s */
    assert_int_equal(w.port.saves - saves, fresh);

    /* Association and sessions have not noticed. */
    while (w.port.sent_len > 0)
        world_take(&w);
    peer_send(&w, &p, RECORD_APPLICATION_DATA, "\x40\x00\x00\x01", 4);
    struct datagram d;
    assert_int_equal(peer_take(&w, &p, &d).type, RECORD_APPLICATION_DATA);
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, "\0\x09", 2), COAP_CHANGED);
}

static void test_a_gateway_started_twice_in_a_row_is_joined_twice(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    for (int start = 0; start < 2; start++) {
        world_pass(&w, 1000);
        world_feed(&w, (struct datagram){1, {LINK_ASSOCIATION << 5}});
        world_associate(&w);
    }
    world_feed(&w, (struct datagram){1, {LINK_ASSOCIATION << 5}});
    world_expect_silence(&w);
    world_pass(&w, 9100); /* ten seconds since the first of them */
    world_feed(&w, (struct datagram){1, {LINK_ASSOCIATION << 5}});
    world_associate(&w);
}

static void test_rejoin_works_after_a_long_silence(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    for (uint32_t minutes = 0; minutes < 40; minutes += 5) {
        world_pass(&w, 5u * 60 * 1000);
        world_feed(&w, (struct datagram){1, {LINK_ASSOCIATION << 5}});
        world_associate(&w);
    }
}

static void test_sessions_survive_and_use_the_new_tag_key(void **state)
{
    struct world w;
    struct datagram d;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 3, 1);
    peer_send(&w, &p, RECORD_APPLICATION_DATA, "\x40\x00\x00\x01", 4);
    peer_take(&w, &p, &d);
    world_feed(&w, (struct datagram){1, {LINK_ASSOCIATION << 5}});
    d = world_take(&w);
    gateway_read_request(&w, &d);
    world_feed(&w, gateway_answer(&w));
    d = world_take(&w);

    peer_send(&w, &p, RECORD_APPLICATION_DATA, "\x40\x00\x00\x02", 4);
    struct datagram before;
    peer_take(&w, &p, &before); /* under the old key while unconfirmed */

    gateway_read_confirm(&w, &d);
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, "\0\x03", 2), COAP_CHANGED);
    peer_send(&w, &p, RECORD_APPLICATION_DATA, "\x40\x00\x00\x03", 4);
    assert_int_equal(bytes_u32(peer_take(&w, &p, &d).seq.bytes + 2), 66);
}

static void test_counter_at_its_end_sends_nothing(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    w.port.stored = UINT32_MAX;
    assert_int_equal(node_start(&w.node), SSM_IO);
    world_pass(&w, 300000);
    world_expect_silence(&w);
    assert_int_equal(w.port.stored, UINT32_MAX);
}

static void test_storage_that_recovers_lets_the_node_join(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    w.port.storage_fails = true;
    world_feed(&w, (struct datagram){1, {LINK_ASSOCIATION << 5}});
    world_pass(&w, 5000);
    world_expect_silence(&w);
    w.port.storage_fails = false;
    world_pass(&w, 70000);
    struct datagram d = world_take(&w);
    gateway_read_request(&w, &d);
    assert_int_equal(assoc_counter(&w.transcript), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counter_is_durable_before_the_request_leaves),
        cmocka_unit_test(test_no_request_without_storage),
        cmocka_unit_test(test_boot_id_is_the_counter_before_a_life),
        cmocka_unit_test(test_request_repeats_its_bytes_ever_slower),
        cmocka_unit_test(test_repetition_waits_at_least_the_backoff),
        cmocka_unit_test(test_answer_is_verified),
        cmocka_unit_test(test_answer_of_an_earlier_request_is_refused),
        cmocka_unit_test(test_association_is_unconfirmed_until_the_gateway_speaks),
        cmocka_unit_test(test_confirm_is_repeated_then_given_up_for_a_fresh_request),
        cmocka_unit_test(test_forged_rejoin_yields_two_requests_then_one_in_ten_seconds),
        cmocka_unit_test(test_a_gateway_started_twice_in_a_row_is_joined_twice),
        cmocka_unit_test(test_rejoin_works_after_a_long_silence),
        cmocka_unit_test(test_sessions_survive_and_use_the_new_tag_key),
        cmocka_unit_test(test_counter_at_its_end_sends_nothing),
        cmocka_unit_test(test_storage_that_recovers_lets_the_node_join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
