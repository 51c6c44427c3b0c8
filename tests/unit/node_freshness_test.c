/* What begins anew begins without anything of what was before: nonces, keys, counters, windows. */
#include "node_world.h"

/* The nonce of a node's first request, on a board whose randomness begins there. */
static void first_nonce(uint16_t random, uint8_t nonce[ASSOC_NONCE_LEN])
{
    struct world w;

    world_init(&w);
    w.port.random = random;
    assert_int_equal(node_start(&w.node), SSM_OK);
    struct datagram d = world_take(&w);
    gateway_read_request(&w, &d);
    assert_int_equal(assoc_counter(&w.transcript), 1);
    memcpy(nonce, w.transcript.node_nonce, ASSOC_NONCE_LEN);
}

/* Storage may be restored from a copy: the counter then says the same as before, and entropy does not. */
static void test_a_restored_counter_does_not_repeat_a_nonce(void **state)
{
    uint8_t one[ASSOC_NONCE_LEN], two[ASSOC_NONCE_LEN];

    (void)state;
    first_nonce(1, one);
    first_nonce(2, two);
    assert_memory_equal(one, two, 4); /* the counter */
    assert_memory_not_equal(one + 4, two + 4, ASSOC_NONCE_LEN - 4);
}

/* The same request, answered twice: the node's keys depend on the gateway's nonce, too. */
static void test_keys_differ_with_the_gateways_nonce(void **state)
{
    struct assoc keys[2];

    (void)state;
    for (uint8_t i = 0; i < 2; i++) {
        struct world w;
        world_init(&w);
        w.port.random = 1;
        assert_int_equal(node_start(&w.node), SSM_OK);
        w.transcript.gateway_nonce[1] = i;
        world_associate(&w);
        keys[i] = *w.node.present;
    }
    assert_memory_not_equal(keys[0].down_key, keys[1].down_key, AES_KEY_LEN);
    assert_memory_not_equal(keys[0].up_key, keys[1].up_key, AES_KEY_LEN);
    assert_memory_not_equal(keys[0].tag_key, keys[1].tag_key, AES_KEY_LEN);
}

static void expect_number(struct world *w, struct peer *p, uint32_t number)
{
    struct datagram d;
    const struct seq48 expected = seq48_make(0, number);
    const struct record r = peer_take(w, p, &d);

    assert_memory_equal(&r.seq, &expected, sizeof expected);
}

/* A session in a slot that another one had: its own number 64, an empty window, and nobody heard yet. */
static void test_a_replaced_session_leaves_its_successor_nothing(void **state)
{
    static const uint8_t PING[] = {0x40, 0x00, 0x00,
                                   0x01}; /* Empty CON: answered by a Reset (RFC 7252 4.3) */
    struct world w;
    struct datagram d;

    (void)state;
    world_start(&w);
    struct peer old = world_peer(&w, 5, 0);
    old.send_seq = seq48_make(0, 100);
    peer_send(&w, &old, RECORD_APPLICATION_DATA, PING, sizeof PING);
    (void)peer_take(&w, &old, &d);

    struct peer p = peer_make(6, 0);
    p.block.replaces = true;
    assert_int_equal(peer_install(&w, &p), COAP_CREATED);
    assert_false(w.node.sessions[0].used);
    peer_send(&w, &old, RECORD_APPLICATION_DATA, PING, sizeof PING);
    world_expect_silence(&w);
    p.send_seq = seq48_make(0, 1);
    peer_send(&w, &p, RECORD_APPLICATION_DATA, PING, sizeof PING);
    expect_number(&w, &p, 64);
    p.send_seq = seq48_make(0, 99); /* behind the old one's highest number */
    peer_send(&w, &p, RECORD_APPLICATION_DATA, PING, sizeof PING);
    expect_number(&w, &p, 65);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_restored_counter_does_not_repeat_a_nonce),
        cmocka_unit_test(test_keys_differ_with_the_gateways_nonce),
        cmocka_unit_test(test_a_replaced_session_leaves_its_successor_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
