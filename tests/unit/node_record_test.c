#include "node_world.h"

static const uint8_t PING[] = {0x40, 0x00, 0x00, 0x01}; /* Empty CON: answered by a Reset (RFC 7252 4.3) */

static void ping(struct world *w, struct peer *p)
{
    struct datagram d;

    peer_send(w, p, RECORD_APPLICATION_DATA, PING, sizeof PING);
    struct record r = peer_take(w, p, &d);
    assert_int_equal(r.type, RECORD_APPLICATION_DATA);
    assert_memory_equal(r.body, "\x70\x00\x00\x01", 4);
}

static void test_first_number_sent_is_64(void **state)
{
    struct world w;
    struct datagram d;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 5, 0);
    peer_send(&w, &p, RECORD_APPLICATION_DATA, PING, sizeof PING);
    assert_int_equal(bytes_u32(peer_take(&w, &p, &d).seq.bytes + 2), 64);
    peer_send(&w, &p, RECORD_APPLICATION_DATA, PING, sizeof PING);
    assert_int_equal(bytes_u32(peer_take(&w, &p, &d).seq.bytes + 2), 65);
    assert_int_equal(d.len, 5 + 4 + 8 + 6); /* 19 bytes over the payload */
}

static void test_silent_until_a_record_is_authentic(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 5, 0);
    struct datagram good = peer_seal(&p, RECORD_APPLICATION_DATA, p.send_seq, NULL, PING, sizeof PING);
    for (size_t bit = 0; bit < good.len * 8; bit++) {
        struct datagram bad = good;
        bad.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        world_feed(&w, bad);
    }
    node_resource_changed(&w.node, &w.resources[APP_TEMPERATURE]);
    world_pass(&w, 20000);
    world_expect_silence(&w);
    assert_false(w.node.sessions[0].used);
    /* And no close_notify when it ends unused: only the report leaves. */
    world_pass(&w, 11000);
    assert_int_equal(gateway_take_report(&w, 5, true), CONTROL_CLOSED_UNUSED);
    world_expect_silence(&w);
}

static void test_empty_record_counts_as_used(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 5, 0);
    peer_send(&w, &p, RECORD_APPLICATION_DATA, NULL, 0);
    world_expect_silence(&w);
    world_pass(&w, 120000);
    world_expect_silence(&w);
    assert_int_equal(w.node.sessions[0].block.session, 5);
    ping(&w, &p);
}

static void test_window_starts_empty(void **state)
{
    struct world w;
    struct datagram d;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 5, 0);
    static const uint32_t SEQS[] = {5, 1}; /* one stack's Finished, then its first data */
    for (int i = 0; i < 2; i++) {
        world_feed(&w,
                   peer_seal(&p, RECORD_APPLICATION_DATA, seq48_make(0, SEQS[i]), NULL, PING, sizeof PING));
        peer_take(&w, &p, &d);
    }
    world_feed(&w, peer_seal(&p, RECORD_APPLICATION_DATA, seq48_make(0, 1), NULL, PING, sizeof PING));
    world_expect_silence(&w);
    assert_int_equal(w.node.counters.input[SSM_REPLAYED], 1);
}

static void test_forged_record_does_not_move_the_window(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 5, 0);
    struct datagram far =
        peer_seal(&p, RECORD_APPLICATION_DATA, seq48_make(0, 50000), NULL, PING, sizeof PING);
    far.bytes[far.len - 1] ^= 1;
    world_feed(&w, far);
    assert_int_equal(w.node.counters.input[SSM_BAD_TAG], 1);
    ping(&w, &p);
}

static void test_explicit_nonce_is_taken_from_the_record(void **state)
{
    struct world w;
    struct datagram d;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 5, 0);
    const uint8_t nonce[RECORD_EXPLICIT_LEN] = {0xDE, 0xAD, 1, 2, 3, 4, 5, 6};
    world_feed(&w, peer_seal(&p, RECORD_APPLICATION_DATA, seq48_make(0, 1), nonce, PING, sizeof PING));
    assert_true(record_explicit_nonce_is_implied(&(struct record){
        .epoch = {0, 1}, .seq = seq48_make(0, 64), .explicit_nonce = {0, 1, 0, 0, 0, 0, 0, 64}}));
    struct record r = peer_take(&w, &p, &d);
    assert_int_equal(bytes_u32(r.seq.bytes + 2), 64);
}

static void test_other_content_types_cannot_reach_the_node(void **state)
{
    static const uint8_t TYPES[] = {RECORD_CHANGE_CIPHER_SPEC, RECORD_HANDSHAKE, RECORD_HEARTBEAT, 25};
    struct world w;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 5, 0);
    for (uint32_t i = 0; i < sizeof TYPES; i++) {
        /* The link has no word for them, so they would arrive as type 23 or 21, which the tag denies. */
        uint8_t buf[64];
        struct record r = {
            .type = TYPES[i], .epoch = {0, 1}, .seq = seq48_make(0, i + 1), .body = buf + 20, .body_len = 4};
        memcpy(r.body, PING, 4);
        record_set_explicit_nonce(&r);
        record_seal(&p.block.client, &r);
        for (int alert = 0; alert < 2; alert++) {
            struct datagram d;
            r.type = alert ? RECORD_ALERT : RECORD_APPLICATION_DATA;
            uint8_t *start = linkframe_put_header(5, &r);
            d.len = (size_t)(r.body + r.body_len - start);
            memcpy(d.bytes, start, d.len);
            world_feed(&w, d);
        }
    }
    world_expect_silence(&w);
    assert_int_equal(w.node.counters.input[SSM_BAD_TAG], 2 * sizeof TYPES);
    assert_int_equal(w.node.sessions[0].block.session, 5);
}

static void test_close_notify_is_answered_once_and_reported(void **state)
{
    static const uint8_t ALERTS[][2] = {{1, 0}, {2, 0}, {2, 40}, {2, 80}};
    struct world w;

    (void)state;
    world_start(&w);
    for (uint16_t i = 0; i < sizeof ALERTS / sizeof *ALERTS; i++) {
        struct peer p = world_peer(&w, (uint16_t)(10 + i), 0);
        peer_send(&w, &p, RECORD_ALERT, ALERTS[i], 2);
        peer_expect_close_notify(&w, &p);
        assert_int_equal(gateway_take_report(&w, p.block.session, true), CONTROL_CLOSED_BY_PEER);
        peer_send(&w, &p, RECORD_ALERT, ALERTS[i], 2);
        peer_send(&w, &p, RECORD_APPLICATION_DATA, PING, sizeof PING);
        world_pass(&w, 60000);
        world_expect_silence(&w);
        const struct node_session zero = {0};
        assert_memory_equal(&w.node.sessions[0], &zero, sizeof zero);
    }
}

static void test_warnings_are_ignored(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 5, 0);
    peer_send(&w, &p, RECORD_ALERT, "\x01\x5A", 2); /* user_canceled */
    peer_send(&w, &p, RECORD_ALERT, "\x02", 1);
    peer_send(&w, &p, RECORD_ALERT, "\x02\x28\x02", 3);
    world_expect_silence(&w);
    ping(&w, &p);
}

static void test_keys_are_wiped_before_the_report_is_acknowledged(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 5, 0);
    peer_send(&w, &p, RECORD_ALERT, "\x01\x00", 2);
    const struct record_key zero = {{0}, {0}};
    assert_memory_equal(&w.node.sessions[0].block.client, &zero, sizeof zero);
    assert_memory_equal(&w.node.sessions[0].block.server, &zero, sizeof zero);
    peer_send(&w, &p, RECORD_APPLICATION_DATA, PING, sizeof PING);
    assert_int_equal(w.node.counters.input[SSM_NOT_FOUND], 1);
}

static void test_lifetime_ends_the_session(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    struct peer p = peer_make(5, 0);
    p.block.lifetime_min = 3;
    assert_int_equal(peer_install(&w, &p), COAP_CREATED);
    world_pass(&w, 10000);
    ping(&w, &p);
    world_pass(&w, 169000);
    world_expect_silence(&w);
    world_pass(&w, 2000);
    peer_expect_close_notify(&w, &p);
    assert_int_equal(gateway_take_report(&w, 5, true), CONTROL_CLOSED_EXPIRED);
}

static void test_numbers_end_before_the_gateways_last(void **state)
{
    struct world w;
    struct datagram d;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 5, 0);
    ping(&w, &p);
    w.node.sessions[0].send_seq = seq48_make(0xFFFE, 0xFFFFFFFF);
    ping(&w, &p);
    peer_send(&w, &p, RECORD_APPLICATION_DATA, PING, sizeof PING);
    struct record r = peer_take(&w, &p, &d); /* a close_notify instead; the gateway's tombstone has 2^48-2 */
    assert_int_equal(r.type, RECORD_ALERT);
    assert_int_equal(bytes_u16(r.seq.bytes), 0xFFFF);
    assert_int_equal(bytes_u32(r.seq.bytes + 2), 0);
    assert_int_equal(gateway_take_report(&w, 5, true), CONTROL_CLOSED_EXPIRED);
    peer_send(&w, &p, RECORD_APPLICATION_DATA, PING, sizeof PING);
    world_expect_silence(&w);
}

static void test_wide_sequence_numbers(void **state)
{
    static const struct {
        uint16_t hi;
        uint32_t lo;
    } SEQS[] = {{0, 0xFFFF}, {0, 0x10000}, {0, 0xFFFFFF}, {0, 0x1000000}, {1, 0}, {0x7FFF, 7}};
    struct world w;
    struct datagram d;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 5, 0);
    for (size_t i = 0; i < sizeof SEQS / sizeof *SEQS; i++) {
        w.node.sessions[0].send_seq = seq48_make(SEQS[i].hi, SEQS[i].lo);
        p.send_seq = seq48_make(SEQS[i].hi, SEQS[i].lo);
        peer_send(&w, &p, RECORD_APPLICATION_DATA, PING, sizeof PING);
        struct seq48 seq = peer_take(&w, &p, &d).seq;
        assert_int_equal(bytes_u16(seq.bytes), SEQS[i].hi);
        assert_int_equal(bytes_u32(seq.bytes + 2), SEQS[i].lo);
    }
}

static void test_four_sessions_are_apart(void **state)
{
    struct world w;
    struct peer peers[NODE_SESSIONS];

    (void)state;
    world_start(&w);
    for (uint16_t i = 0; i < NODE_SESSIONS; i++)
        peers[i] = world_peer(&w, (uint16_t)(20 + i), (uint8_t)i);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < NODE_SESSIONS; i++)
            ping(&w, &peers[i]);
    struct datagram d =
        peer_seal(&peers[0], RECORD_APPLICATION_DATA, seq48_make(0, 99), NULL, PING, sizeof PING);
    d.bytes[2] = 21; /* another session's handle */
    world_feed(&w, d);
    world_expect_silence(&w);
    assert_int_equal(w.node.counters.input[SSM_BAD_TAG], 1);
}

static void test_garbage_is_counted_and_dropped(void **state)
{
    struct world w;
    uint32_t x = 12345;

    (void)state;
    world_start(&w);
    world_peer(&w, 5, 0);
    for (int i = 0; i < 2000; i++) {
        struct datagram d;
        for (size_t j = 0; j < sizeof d.bytes; j++)
            d.bytes[j] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
        d.len = x >> 16 & 127;
        if (d.len == 1 || (d.len > 0 && d.bytes[0] == LINK_ASSOCIATION << 5))
            continue; /* a REJOIN is no garbage */
        node_input(&w.node, d.bytes, d.len);
    }
    world_expect_silence(&w);
    assert_true(w.node.counters.input[SSM_MALFORMED] > 500);
    assert_int_equal(w.node.sessions[0].block.session, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_number_sent_is_64),
        cmocka_unit_test(test_silent_until_a_record_is_authentic),
        cmocka_unit_test(test_empty_record_counts_as_used),
        cmocka_unit_test(test_window_starts_empty),
        cmocka_unit_test(test_forged_record_does_not_move_the_window),
        cmocka_unit_test(test_explicit_nonce_is_taken_from_the_record),
        cmocka_unit_test(test_other_content_types_cannot_reach_the_node),
        cmocka_unit_test(test_close_notify_is_answered_once_and_reported),
        cmocka_unit_test(test_warnings_are_ignored),
        cmocka_unit_test(test_keys_are_wiped_before_the_report_is_acknowledged),
        cmocka_unit_test(test_lifetime_ends_the_session),
        cmocka_unit_test(test_numbers_end_before_the_gateways_last),
        cmocka_unit_test(test_wide_sequence_numbers),
        cmocka_unit_test(test_four_sessions_are_apart),
        cmocka_unit_test(test_garbage_is_counted_and_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
