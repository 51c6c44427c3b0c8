#include "node_coap_world.h"

static const struct coapmsg *observe(struct world *w, struct peer *p, struct exchange *x, const char *path,
                                     uint32_t value, uint8_t token)
{
    x->builder = coap_build(x->bytes, sizeof x->bytes, COAP_CON, COAP_GET, ++next_message_id, &token, 1);
    coap_add_option_uint(&x->builder, COAP_OPTION_OBSERVE, value);
    request_path(x, path);
    request_send(w, p, x);
    return take(w, p, x);
}

static void reply_empty(struct world *w, struct peer *p, uint8_t type, uint16_t message_id)
{
    uint8_t bytes[4] = {(uint8_t)(0x40 | type << 4), 0, (uint8_t)(message_id >> 8), (uint8_t)message_id};

    peer_send(w, p, RECORD_APPLICATION_DATA, bytes, sizeof bytes);
}

static void change(struct world *w, int16_t temperature)
{
    w->port.temperature = temperature;
    node_resource_changed(&w->node, &w->resources[APP_TEMPERATURE]);
}

static void test_observe_notifies_in_order(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    const struct coapmsg *m = observe(&w, &p, &x, "temperature", 0, 9);
    uint32_t seq = option(m, COAP_OPTION_OBSERVE);
    assert_true(seq <= 0xFFFFFF);
    for (int16_t i = 0; i < 5; i++) {
        change(&w, (int16_t)(100 + i));
        m = take(&w, &p, &x);
        assert_int_equal(m->type, COAP_NON);
        assert_int_equal(m->code, COAP_CONTENT);
        assert_int_equal(m->token_len, 1);
        assert_int_equal(m->token[0], 9);
        assert_true(option(m, COAP_OPTION_OBSERVE) > seq);
        seq = option(m, COAP_OPTION_OBSERVE);
        char text[6] = {'1', '0', '.', (char)('0' + i)};
        expect_payload(m, text);
    }
    node_resource_changed(&w.node, &w.resources[APP_HUMIDITY]); /* not observed */
    world_expect_silence(&w);
}

static void test_observers_learn_of_a_put(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    w.resources[APP_LIGHT].is_observable = true;
    observe(&w, &p, &x, "light", 0, 9);
    request_begin(&x, COAP_CON, COAP_PUT);
    request_path(&x, "light");
    coap_add_payload(&x.builder, "1", 1);
    request_send(&w, &p, &x);
    const struct coapmsg *m = take(&w, &p, &x); /* the reply, and only then the notification */
    assert_int_equal(m->code, COAP_CHANGED);
    assert_memory_equal(m->token, TOKEN, sizeof TOKEN);
    m = take(&w, &p, &x);
    assert_int_equal(m->code, COAP_CONTENT);
    assert_int_equal(m->token_len, 1);
    assert_int_equal(m->token[0], 9);
    expect_payload(m, "1");
    world_expect_silence(&w);
    put(&w, &p, &x, "light", "2"); /* refused: nothing has changed */
}

static void test_observe_sequence_wraps_at_24_bits(void **state)
{
    static const uint32_t NUMBERS[] = {0, 1, 0xFF, 0x100, 0xFFFF, 0x10000, 0xFFFFFF}; /* of each length */
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    observe(&w, &p, &x, "temperature", 0, 9);
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        w.node.observe_seq = NUMBERS[i];
        change(&w, 1);
        assert_int_equal(option(take(&w, &p, &x), COAP_OPTION_OBSERVE), NUMBERS[i]);
    }
    change(&w, 1);
    assert_int_equal(option(take(&w, &p, &x), COAP_OPTION_OBSERVE), 0);
}

static void test_observe_ends_by_request_and_by_reset(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    observe(&w, &p, &x, "temperature", 0, 9);
    observe(&w, &p, &x, "temperature", 1, 8); /* another token: not registered */
    change(&w, 1);
    take(&w, &p, &x);
    assert_int_equal(option(observe(&w, &p, &x, "temperature", 1, 9), COAP_OPTION_OBSERVE), UINT32_MAX);
    change(&w, 2);
    world_expect_silence(&w);

    observe(&w, &p, &x, "temperature", 0, 9);
    change(&w, 3);
    take(&w, &p, &x);
    reply_empty(&w, &p, COAP_RST, (uint16_t)(x.reply.message_id + 1)); /* not its message */
    change(&w, 4);
    take(&w, &p, &x);
    reply_empty(&w, &p, COAP_RST, x.reply.message_id);
    change(&w, 5);
    world_expect_silence(&w);
}

static void test_observe_with_the_same_token_replaces(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_not_equal(option(observe(&w, &p, &x, "temperature", 0, 9), COAP_OPTION_OBSERVE),
                             UINT32_MAX);
    change(&w, 1);
    take(&w, &p, &x);
    world_expect_silence(&w);
}

static void test_observe_table_is_full(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    for (uint8_t token = 0; token < NODE_OBSERVERS; token++)
        assert_int_not_equal(option(observe(&w, &p, &x, "temperature", 0, token), COAP_OPTION_OBSERVE),
                             UINT32_MAX);
    const struct coapmsg *m =
        observe(&w, &p, &x, "temperature", 0, 99); /* answered like any GET (RFC 7641 4.1) */
    assert_int_equal(m->code, COAP_CONTENT);
    assert_int_equal(option(m, COAP_OPTION_OBSERVE), UINT32_MAX);
    change(&w, 1);
    for (int i = 0; i < NODE_OBSERVERS; i++)
        take(&w, &p, &x);
    world_expect_silence(&w);
}

static void test_observe_of_what_is_not_observable(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    assert_int_equal(option(observe(&w, &p, &x, "light", 0, 9), COAP_OPTION_OBSERVE), UINT32_MAX);
    node_resource_changed(&w.node, &w.resources[APP_LIGHT]);
    world_expect_silence(&w);
}

static void test_observe_with_a_refused_or_later_block_does_not_register(void **state)
{
    static const uint32_t BLOCKS[] = {7, 1 << 4 | 1};
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    w.resources[APP_RESOURCES].is_observable = true;
    for (size_t i = 0; i < sizeof BLOCKS / sizeof *BLOCKS; i++) {
        request_begin(&x, COAP_CON, COAP_GET);
        coap_add_option_uint(&x.builder, COAP_OPTION_OBSERVE, 0);
        request_path(&x, "a/long");
        coap_add_option_uint(&x.builder, COAP_OPTION_BLOCK2, BLOCKS[i]);
        assert_int_equal(option(exchange(&w, &p, &x), COAP_OPTION_OBSERVE), UINT32_MAX);
        node_resource_changed(&w.node, &w.resources[APP_RESOURCES]);
        world_expect_silence(&w);
    }
}

static void test_observe_ends_with_its_session(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    observe(&w, &p, &x, "temperature", 0, 9);
    struct peer next = peer_make(8, 0);
    next.block.replaces = true;
    assert_int_equal(peer_install(&w, &next), COAP_CREATED);
    change(&w, 1);
    world_pass(&w, 20000);
    change(&w, 2);
    world_expect_silence(&w);
    /* The entries are free again. */
    for (uint8_t token = 0; token < NODE_OBSERVERS; token++)
        assert_int_not_equal(option(observe(&w, &next, &x, "temperature", 0, token), COAP_OPTION_OBSERVE),
                             UINT32_MAX);
}

static void test_one_notification_a_minute_is_confirmable(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);
    unsigned confirmable = 0;

    (void)state;
    observe(&w, &p, &x, "temperature", 0, 9);
    for (int16_t i = 0; i < 60; i++) { /* five minutes */
        world_pass(&w, 5000);
        change(&w, i);
        if (take(&w, &p, &x)->type == COAP_CON) {
            confirmable++;
            reply_empty(&w, &p, COAP_ACK, x.reply.message_id);
        }
    }
    assert_in_range(confirmable, 4, 5);
    /* However rare the changes: RFC 7641 4.5. */
    world_pass(&w, 23u * 3600 * 1000);
    change(&w, 1);
    assert_int_equal(take(&w, &p, &x)->type, COAP_CON);
}

static void test_unacknowledged_notification_is_repeated_then_the_observer_dropped(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    observe(&w, &p, &x, "temperature", 0, 9);
    world_pass(&w, 61000);
    for (int16_t i = 0; i < 5; i++) {
        change(&w, (int16_t)(100 + i)); /* sent at once the first time, later with the next repetition */
        if (i > 0) {
            world_expect_silence(&w);
            world_pass(&w, 3100u << (i - 1));
        }
        const struct coapmsg *m = take(&w, &p, &x);
        assert_int_equal(m->type, COAP_CON);
        char text[6] = {'1', '0', '.', (char)('0' + i)};
        expect_payload(m, text);
        world_expect_silence(&w);
    }
    world_pass(&w, 60000);
    change(&w, 7);
    world_expect_silence(&w);
}

static void test_change_during_a_confirmable_notification_follows_its_acknowledgement(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    observe(&w, &p, &x, "temperature", 0, 9);
    world_pass(&w, 61000);
    change(&w, 100);
    assert_int_equal(take(&w, &p, &x)->type, COAP_CON);
    change(&w, 101);
    world_expect_silence(&w);
    reply_empty(&w, &p, COAP_ACK, x.reply.message_id);
    const struct coapmsg *m = take(&w, &p, &x);
    assert_int_equal(m->type, COAP_NON);
    expect_payload(m, "10.1");
    world_pass(&w, 50000);
    world_expect_silence(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_observe_notifies_in_order),
        cmocka_unit_test(test_observers_learn_of_a_put),
        cmocka_unit_test(test_observe_sequence_wraps_at_24_bits),
        cmocka_unit_test(test_observe_ends_by_request_and_by_reset),
        cmocka_unit_test(test_observe_with_the_same_token_replaces),
        cmocka_unit_test(test_observe_table_is_full),
        cmocka_unit_test(test_observe_of_what_is_not_observable),
        cmocka_unit_test(test_observe_with_a_refused_or_later_block_does_not_register),
        cmocka_unit_test(test_observe_ends_with_its_session),
        cmocka_unit_test(test_one_notification_a_minute_is_confirmable),
        cmocka_unit_test(test_unacknowledged_notification_is_repeated_then_the_observer_dropped),
        cmocka_unit_test(test_change_during_a_confirmable_notification_follows_its_acknowledgement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
