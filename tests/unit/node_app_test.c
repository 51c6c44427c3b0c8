#include "node_coap_world.h"

static void interval_is_read_and_set(void **state)
{
    static const struct {
        const char *value;
        uint8_t code;
        uint16_t interval_s;
    } CASES[] = {
        {"2", COAP_CHANGED, 2},         {"3600", COAP_CHANGED, 3600},   {"0", COAP_CHANGED, 0},
        {"007", COAP_CHANGED, 7},       {"3601", COAP_BAD_REQUEST, 7},  {"", COAP_BAD_REQUEST, 7},
        {"-1", COAP_BAD_REQUEST, 7},    {"1.5", COAP_BAD_REQUEST, 7},   {"65537", COAP_BAD_REQUEST, 7},
        {"70000", COAP_BAD_REQUEST, 7}, {"5 s", COAP_BAD_REQUEST, 7},   {"4294967297", COAP_BAD_REQUEST, 7},
        {"a", COAP_BAD_REQUEST, 7},     {"00000011", COAP_CHANGED, 11},
    };
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    w.port.interval_s = 60;
    expect_payload(get(&w, &p, &x, "interval"), "60");
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(put(&w, &p, &x, "interval", CASES[i].value)->code, CASES[i].code);
        assert_int_equal(w.port.interval_s, CASES[i].interval_s);
    }
    expect_payload(get(&w, &p, &x, "interval"), "11");
}

static void readings_are_decimal_or_unknown(void **state)
{
    static const struct {
        int16_t tenths;
        const char *text;
    } CASES[] = {{0, "0.0"},      {5, "0.5"},        {-5, "-0.5"},        {10, "1.0"},
                 {1000, "100.0"}, {32767, "3276.7"}, {-32767, "-3276.7"}, {BOARD_UNKNOWN, "unknown"}};
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        w.port.temperature = CASES[i].tenths;
        expect_payload(get(&w, &p, &x, "temperature"), CASES[i].text);
    }
}

static void status_counts(void **state)
{
    char text[100];
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    w.node.counters.sealed = 9998;
    const struct coapmsg *m = get(&w, &p, &x, "status");
    memcpy(text, m->payload, m->payload_len);
    text[m->payload_len] = '\0';
    assert_string_equal(text, "associated=1 sealed=9998 board=n"); /* a block */
    w.node.counters.sealed = 65535;
    m = get(&w, &p, &x, "status");
    assert_memory_equal(m->payload, "associated=1 sealed=65535 board=", 32);
}

/* Registers for `path` under a token of one byte. */
static void observe(struct world *w, struct peer *p, struct exchange *x, const char *path, uint8_t token)
{
    x->builder =
        coap_build(x->bytes, sizeof x->bytes, COAP_CON, COAP_GET, ++next_message_id, &token, sizeof token);
    coap_add_option_uint(&x->builder, COAP_OPTION_OBSERVE, 0);
    request_path(x, path);
    request_send(w, p, x);
    take(w, p, x);
}

static void observers_are_told_once_in_an_interval(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);
    uint32_t told_ms = w.port.now_ms;

    (void)state;
    w.port.interval_s = 10;
    observe(&w, &p, &x, "temperature", 1);
    observe(&w, &p, &x, "humidity", 2);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(app_tick(&w.node, &told_ms), 10000);
        w.port.now_ms += 9999;
        assert_int_equal(app_tick(&w.node, &told_ms), 1);
        world_expect_silence(&w);
        w.port.now_ms += 1;
        assert_int_equal(app_tick(&w.node, &told_ms), 10000);
        assert_int_equal(take(&w, &p, &x)->token[0], 1);
        assert_int_equal(take(&w, &p, &x)->token[0], 2);
        world_expect_silence(&w);
    }
}

static void new_interval_counts_from_the_last_notification(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);
    uint32_t told_ms = w.port.now_ms;

    (void)state;
    w.port.interval_s = 3600;
    observe(&w, &p, &x, "temperature", 1);
    w.port.now_ms += 5000;
    assert_int_equal(app_tick(&w.node, &told_ms), 3595000);
    w.port.interval_s = 2;
    assert_int_equal(app_tick(&w.node, &told_ms), 2000);
    assert_int_equal(take(&w, &p, &x)->token[0], 1);
    w.port.interval_s = 0;
    w.port.now_ms += 100000;
    assert_int_equal(app_tick(&w.node, &told_ms), UINT32_MAX);
    world_expect_silence(&w);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(interval_is_read_and_set),
        cmocka_unit_test(readings_are_decimal_or_unknown),
        cmocka_unit_test(status_counts),
        cmocka_unit_test(observers_are_told_once_in_an_interval),
        cmocka_unit_test(new_interval_counts_from_the_last_notification),
    };

    return cmocka_run_group_tests_name("node_app", TESTS, NULL, NULL);
}
