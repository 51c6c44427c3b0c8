#include "node_world.h"

static struct datagram keyblock_datagram(struct world *w, const struct peer *p)
{
    uint8_t block[KEYBLOCK_LEN];

    keyblock_encode(&p->block, block);
    return gateway_seal_request(w, CONTROL_KEYBLOCK, block, sizeof block);
}

static void test_keyblock_and_acknowledgement_sizes(void **state)
{
    struct world w;
    struct peer p = peer_make(5, 2);

    (void)state;
    world_start(&w);
    struct datagram d = keyblock_datagram(&w, &p);
    assert_int_equal(d.len, 67);
    world_feed(&w, d);
    assert_int_equal(w.port.sent[0].len, 16);
    assert_int_equal(gateway_take_ack(&w), COAP_CREATED);
    const struct node_session *s = &w.node.sessions[2];
    assert_int_equal(s->block.session, 5);
    assert_memory_equal(s->block.client.key, p.block.client.key, RECORD_KEY_LEN);
    assert_memory_equal(s->block.server.iv, p.block.server.iv, RECORD_IV_LEN);
    assert_int_equal(bytes_u32(s->send_seq.bytes + 2), KEYBLOCK_FIRST_SEND_SEQ);
    assert_memory_equal(&s->received, (&(struct replay){.seen = {0}}), sizeof s->received);
}

static void test_plaintext_of_a_keyblock_does_not_stay_in_the_buffer(void **state)
{
    struct world w;
    struct peer p = peer_make(5, 0);

    (void)state;
    world_start(&w);
    struct datagram d = keyblock_datagram(&w, &p);
    node_input(&w.node, d.bytes, d.len);
    assert_int_equal(gateway_take_ack(&w), COAP_CREATED);
    for (size_t i = 0; i + 8 <= d.len; i++)
        assert_memory_not_equal(d.bytes + i, p.block.server.key, 8);
}

static void test_every_altered_bit_installs_nothing(void **state)
{
    struct world w;
    struct peer p = peer_make(5, 0);

    (void)state;
    world_start(&w);
    struct datagram good = keyblock_datagram(&w, &p);
    for (size_t bit = 0; bit < good.len * 8; bit++) {
        struct datagram bad = good;
        bad.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        world_feed(&w, bad);
    }
    for (size_t len = 0; len < good.len; len++) {
        struct datagram bad = good;
        bad.len = len;
        world_feed(&w, bad);
    }
    assert_int_equal(w.node.counters.installed, 0);
    world_expect_silence(&w);
    world_feed(&w, good);
    assert_int_equal(gateway_take_ack(&w), COAP_CREATED);
}

static void test_duplicate_changes_nothing_and_is_acknowledged_afresh(void **state)
{
    struct world w;
    struct peer p = peer_make(5, 0);
    struct datagram record;

    (void)state;
    world_start(&w);
    struct datagram block = keyblock_datagram(&w, &p);
    world_feed(&w, block);
    struct datagram first = world_take(&w);
    peer_send(&w, &p, RECORD_APPLICATION_DATA, "\x40\x00\x00\x01", 4);
    peer_take(&w, &p, &record);

    struct node_session before = w.node.sessions[0];
    struct assoc assoc = *w.node.present;
    world_feed(&w, block);
    assert_memory_equal(&w.node.sessions[0], &before, sizeof before);
    seq48_increment(&assoc.sent); /* the acknowledgement's, and nothing else */
    assert_memory_equal(w.node.present, &assoc, sizeof assoc);

    struct datagram second = world_take(&w);
    assert_memory_not_equal(first.bytes, second.bytes, first.len);
    struct control_message m = gateway_open(&w, &first);
    assert_int_equal(m.code, COAP_CREATED);
    m = gateway_open(&w, &second);
    assert_int_equal(m.code, COAP_CREATED);
    assert_int_equal(m.message_id, w.message_id);
}

/* Whoever repeats what he has heard does not empty the node's battery. */
static void test_no_more_than_32_duplicates_are_acknowledged(void **state)
{
    struct world w;
    struct peer p = peer_make(5, 0);
    unsigned acknowledged = 0;

    (void)state;
    world_start(&w);
    struct datagram block = keyblock_datagram(&w, &p);
    for (int i = 0; i < 1000; i++) {
        world_feed(&w, block);
        for (; w.port.sent_len > 0; acknowledged++)
            assert_int_equal(gateway_take_ack(&w), COAP_CREATED);
    }
    assert_int_equal(acknowledged, 1 + 32);
    assoc_ratchet_gateway(&w.gateway);
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, "\0\x05", 2), COAP_CHANGED);
}

static void test_older_duplicate_is_dropped(void **state)
{
    struct world w;
    struct peer p = peer_make(5, 0);

    (void)state;
    world_start(&w);
    struct datagram live = gateway_seal_request(&w, CONTROL_LIVE, NULL, 0);
    world_feed(&w, live);
    assert_int_equal(gateway_take_ack(&w), COAP_CHANGED);
    assert_int_equal(peer_install(&w, &p), COAP_CREATED);
    world_feed(&w, live); /* would drop the session */
    world_expect_silence(&w);
    assert_true(w.node.counters.input[SSM_REPLAYED] + w.node.counters.input[SSM_BAD_TAG] > 0);
    assert_int_equal(w.node.sessions[0].block.session, 5);
}

/* It was held back on the way, and the gateway has long gone on. */
static void test_request_behind_a_later_one_is_dropped(void **state)
{
    struct world w;
    struct peer p = peer_make(5, 0);
    struct peer given_up = peer_make(6, 0);

    (void)state;
    world_start(&w);
    struct datagram live = gateway_seal_request(&w, CONTROL_LIVE, NULL, 0);
    given_up.block.replaces = true;
    struct datagram late = keyblock_datagram(&w, &given_up);
    assert_int_equal(peer_install(&w, &p), COAP_CREATED);
    world_feed(&w, live); /* would drop the session */
    world_feed(&w, late); /* would take its slot */
    world_expect_silence(&w);
    assert_int_equal(w.node.sessions[0].block.session, 5);
}

static void test_ratchet_with_a_lost_acknowledgement(void **state)
{
    struct world w;
    struct peer first = peer_make(5, 0);
    struct peer second = peer_make(6, 1);

    (void)state;
    world_start(&w);
    uint8_t before[AES_KEY_LEN];
    memcpy(before, w.node.present->down_key, sizeof before);
    struct datagram block = keyblock_datagram(&w, &first);
    world_feed(&w, block);
    world_take(&w); /* lost */
    assert_memory_not_equal(w.node.present->down_key, before, sizeof before);

    world_feed(&w, block); /* repeated byte for byte under the step before */
    assert_int_equal(gateway_take_ack(&w), COAP_CREATED);
    assoc_ratchet_gateway(&w.gateway);
    assert_int_equal(peer_install(&w, &second), COAP_CREATED);
    assert_memory_equal(w.node.present->down_key, w.gateway.down_key, AES_KEY_LEN);

    world_feed(&w, block); /* its key is gone now */
    world_expect_silence(&w);
}

static void test_ratchet_when_the_gateway_gave_up(void **state)
{
    struct world w;
    struct peer lost = peer_make(5, 0);
    struct peer next = peer_make(6, 0);

    (void)state;
    world_start(&w);
    world_feed(&w, keyblock_datagram(&w, &lost));
    world_take(&w); /* never arrives: the gateway stays at its step */
    next.block.replaces = true;
    assert_int_equal(peer_install(&w, &next), COAP_CREATED);
    assert_int_equal(w.node.sessions[0].block.session, 6);
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, "\0\x06", 2), COAP_CHANGED);
    assert_false(w.node.present->has_before);
}

static void test_refused_keyblock_does_not_ratchet(void **state)
{
    struct world w;
    struct peer p = peer_make(5, NODE_SESSIONS); /* no such slot here */

    (void)state;
    world_start(&w);
    uint8_t step = w.node.present->step;
    assert_int_equal(peer_install(&w, &p), COAP_BAD_REQUEST);
    assert_int_equal(w.node.present->step, step);
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, NULL, 0), COAP_CHANGED);
}

static void test_bad_keyblocks_are_refused(void **state)
{
    struct world w;
    uint8_t block[KEYBLOCK_LEN];

    (void)state;
    world_start(&w);
    struct peer p = peer_make(5, 0);
    for (int variant = 0; variant < 6; variant++) {
        uint8_t len = KEYBLOCK_LEN;
        keyblock_encode(&p.block, block);
        if (variant == 0)
            block[2] = NODE_SESSIONS << 1; /* a slot that this node lacks */
        if (variant == 1)
            block[2] = KEYBLOCK_CLIENT;
        if (variant == 2)
            block[2] = 1 << 4; /* another suite */
        if (variant == 3)
            block[3] = KEYBLOCK_FIRST_SEND_SEQ - 1; /* would repeat the gateway's nonces */
        if (variant == 4)
            block[5] = 1; /* a scope that is not defined allows nothing */
        if (variant == 5)
            len--;
        assert_int_equal(gateway_request(&w, CONTROL_KEYBLOCK, block, len), COAP_BAD_REQUEST);
    }
    assert_int_equal(w.node.counters.installed, 0);
    assert_int_equal(gateway_request(&w, 'x', "?", 1), COAP_NOT_FOUND);
}

static void test_live_slot_needs_the_replaces_flag(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    struct peer old = world_peer(&w, 5, 0);
    struct peer new = peer_make(6, 0);
    struct node_session before = w.node.sessions[0];
    assert_int_equal(peer_install(&w, &new), COAP_UNAVAILABLE);
    assert_memory_equal(&w.node.sessions[0], &before, sizeof before);
    new.block.replaces = true;
    assert_int_equal(peer_install(&w, &new), COAP_CREATED);

    peer_send(&w, &old, RECORD_APPLICATION_DATA, "\x40\x00\x00\x01", 4);
    world_expect_silence(&w);
    assert_int_equal(w.node.counters.input[SSM_NOT_FOUND], 1);
}

static void test_session_number_is_not_installed_twice(void **state)
{
    struct world w;
    struct datagram d;

    (void)state;
    world_start(&w);
    struct peer p = world_peer(&w, 5, 0);
    peer_send(&w, &p, RECORD_APPLICATION_DATA, "\x40\x00\x00\x01", 4);
    peer_take(&w, &p, &d);
    struct node_session before = w.node.sessions[0];
    p.block.replaces = true;
    assert_int_equal(peer_install(&w, &p), COAP_BAD_REQUEST);
    p.block.slot = 1;
    assert_int_equal(peer_install(&w, &p), COAP_BAD_REQUEST);
    assert_memory_equal(&w.node.sessions[0], &before, sizeof before);
    assert_int_equal(w.node.sessions[1].block.session, 0);
}

static void test_live_list_drops_every_other_session(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    for (uint16_t i = 0; i < NODE_SESSIONS; i++)
        world_peer(&w, (uint16_t)(0x0105 + i), (uint8_t)i);
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, "\x01\x06\x01\x08\x7F\x7F", 6), COAP_CHANGED);
    assert_int_equal(w.node.sessions[0].block.session, 0);
    assert_int_equal(w.node.sessions[1].block.session, 0x0106);
    assert_int_equal(w.node.sessions[2].block.session, 0);
    assert_int_equal(w.node.sessions[3].block.session, 0x0108);
    const struct node_session zero = {0};
    assert_memory_equal(&w.node.sessions[0], &zero, sizeof zero); /* keys wiped */
    assert_int_equal(gateway_request(&w, CONTROL_LIVE, "\x01\x06\x01", 3), COAP_BAD_REQUEST);
    assert_int_equal(w.node.sessions[1].block.session, 0x0106);
    world_pass(&w, 20000);
    world_expect_silence(&w); /* the gateway knows: no report */
}

static void test_unused_session_ends_after_30_seconds(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    world_peer(&w, 5, 0);
    world_pass(&w, 29900);
    world_expect_silence(&w);
    world_pass(&w, 200);
    assert_int_equal(gateway_take_report(&w, 5, true), CONTROL_CLOSED_UNUSED);
    const struct node_session zero = {0};
    assert_memory_equal(&w.node.sessions[0], &zero, sizeof zero);
    world_pass(&w, 60000);
    world_expect_silence(&w); /* acknowledged: not reported again */
}

static void test_report_is_repeated_under_fresh_counters_then_reassociates(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    world_peer(&w, 5, 0);
    world_pass(&w, 100000);
    for (int i = 0; i < 4; i++) /* gateway_open accepts each counter once */
        assert_int_equal(gateway_take_report(&w, 5, false), CONTROL_CLOSED_UNUSED);
    struct datagram d = world_take(&w);
    gateway_read_request(&w, &d);
    while (w.port.sent_len > 0) {
        d = world_take(&w);
        gateway_read_request(&w, &d);
    }
    world_feed(&w, gateway_answer(&w));
    d = world_take(&w);
    gateway_read_confirm(&w, &d);
    world_feed(&w, gateway_seal_request(&w, CONTROL_LIVE, "\0\x05", 2)); /* the gateway still lists it */
    assert_int_equal(gateway_take_ack(&w), COAP_CHANGED);
    assert_int_equal(gateway_take_report(&w, 5, true), CONTROL_CLOSED_UNUSED);
    world_pass(&w, 60000);
    world_expect_silence(&w);
}

static void test_used_up_counter_reassociates(void **state)
{
    struct world w;

    (void)state;
    world_start(&w);
    w.node.present->sent = seq48_make(0, CONTROL_COUNTER_MAX);
    world_feed(&w, gateway_seal_request(&w, CONTROL_LIVE, NULL, 0));
    struct datagram d = world_take(&w);
    gateway_read_request(&w, &d);
    assert_int_equal(assoc_counter(&w.transcript), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyblock_and_acknowledgement_sizes),
        cmocka_unit_test(test_plaintext_of_a_keyblock_does_not_stay_in_the_buffer),
        cmocka_unit_test(test_every_altered_bit_installs_nothing),
        cmocka_unit_test(test_duplicate_changes_nothing_and_is_acknowledged_afresh),
        cmocka_unit_test(test_no_more_than_32_duplicates_are_acknowledged),
        cmocka_unit_test(test_older_duplicate_is_dropped),
        cmocka_unit_test(test_request_behind_a_later_one_is_dropped),
        cmocka_unit_test(test_ratchet_with_a_lost_acknowledgement),
        cmocka_unit_test(test_ratchet_when_the_gateway_gave_up),
        cmocka_unit_test(test_refused_keyblock_does_not_ratchet),
        cmocka_unit_test(test_bad_keyblocks_are_refused),
        cmocka_unit_test(test_live_slot_needs_the_replaces_flag),
        cmocka_unit_test(test_session_number_is_not_installed_twice),
        cmocka_unit_test(test_live_list_drops_every_other_session),
        cmocka_unit_test(test_unused_session_ends_after_30_seconds),
        cmocka_unit_test(test_report_is_repeated_under_fresh_counters_then_reassociates),
        cmocka_unit_test(test_used_up_counter_reassociates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
