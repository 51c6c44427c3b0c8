#include "node_coap_world.h"

static void test_get(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    const struct coapmsg *m = get(&w, &p, &x, "temperature");
    assert_int_equal(m->type, COAP_ACK);
    assert_int_equal(m->message_id, next_message_id);
    assert_int_equal(m->code, COAP_CONTENT);
    assert_int_equal(option(m, COAP_OPTION_CONTENT_FORMAT), COAP_FORMAT_TEXT);
    assert_int_equal(option(m, COAP_OPTION_BLOCK2), UINT32_MAX);
    expect_payload(m, "21.5");
    w.port.temperature = -7;
    expect_payload(get(&w, &p, &x, "temperature"), "-0.7");
    expect_payload(get(&w, &p, &x, "humidity"), "44.0");
    expect_payload(get(&w, &p, &x, "light"), "0");
}

static void test_non_confirmable_request_gets_a_non_confirmable_reply(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);
    uint16_t first;

    (void)state;
    request_begin(&x, COAP_NON, COAP_GET);
    request_path(&x, "light");
    assert_int_equal(exchange(&w, &p, &x)->type, COAP_NON);
    first = x.reply.message_id;
    request_begin(&x, COAP_NON, COAP_GET);
    request_path(&x, "light");
    assert_int_not_equal(exchange(&w, &p, &x)->message_id, first);
}

static void test_put(void **state)
{
    static const struct {
        const char *value;
        uint8_t code;
        const char *light;
    } CASES[] = {
        {"1", COAP_CHANGED, "1"},     {"0", COAP_CHANGED, "0"},       {"on", COAP_CHANGED, "1"},
        {"2", COAP_BAD_REQUEST, "1"}, {"off", COAP_CHANGED, "0"},     {"", COAP_BAD_REQUEST, "0"},
        {"o", COAP_BAD_REQUEST, "0"}, {"one", COAP_BAD_REQUEST, "0"},
    };
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(put(&w, &p, &x, "light", CASES[i].value)->code, CASES[i].code);
        expect_payload(get(&w, &p, &x, "light"), CASES[i].light);
    }
}

static void test_error_codes(void **state)
{
    static const char *const UNKNOWN[] = {"heat",      "temperatur", "temperatures", "a",
                                          "a/long/er", "",           ".well-known"};
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    for (size_t i = 0; i < sizeof UNKNOWN / sizeof *UNKNOWN; i++)
        assert_int_equal(get(&w, &p, &x, UNKNOWN[i])->code, COAP_NOT_FOUND);
    request_begin(&x, COAP_CON, COAP_GET); /* no path at all */
    assert_int_equal(exchange(&w, &p, &x)->code, COAP_NOT_FOUND);
    assert_int_equal(put(&w, &p, &x, "temperature", "1")->code, COAP_METHOD_NOT_ALLOWED);
    static const uint8_t METHODS[] = {COAP_POST, COAP_DELETE, 5, 31};
    for (size_t i = 0; i < sizeof METHODS; i++) {
        request_begin(&x, COAP_CON, METHODS[i]);
        request_path(&x, "light");
        assert_int_equal(exchange(&w, &p, &x)->code, COAP_METHOD_NOT_ALLOWED);
    }
}

/* GET (or PUT) of light with one more option. */
static uint8_t code_with_option(struct world *w, struct peer *p, uint8_t type, uint8_t method,
                                uint16_t number, uint32_t value)
{
    struct exchange x;

    request_begin(&x, type, method);
    if (number < COAP_OPTION_URI_PATH)
        coap_add_option_uint(&x.builder, number, value);
    request_path(&x, "light");
    if (number > COAP_OPTION_URI_PATH)
        coap_add_option_uint(&x.builder, number, value);
    if (method == COAP_PUT)
        coap_add_payload(&x.builder, "1", 1);
    return exchange(w, p, &x)->code;
}

static void test_options(void **state)
{
    struct world w;
    struct peer p = world_begin(&w);

    (void)state;
    /* Critical and unknown: refused, whatever the message's type (RFC 7252 5.4.1). */
    assert_int_equal(code_with_option(&w, &p, COAP_CON, COAP_GET, 1, 5), COAP_BAD_OPTION);
    assert_int_equal(code_with_option(&w, &p, COAP_CON, COAP_GET, 35, 5), COAP_BAD_OPTION);
    assert_int_equal(code_with_option(&w, &p, COAP_NON, COAP_GET, 9, 5), COAP_BAD_OPTION);
    assert_int_equal(code_with_option(&w, &p, COAP_CON, COAP_PUT, 5, 0), COAP_BAD_OPTION);
    /* Elective and unknown, or understood. */
    assert_int_equal(code_with_option(&w, &p, COAP_CON, COAP_GET, 2, 5), COAP_CONTENT);
    assert_int_equal(code_with_option(&w, &p, COAP_CON, COAP_GET, 258, 5), COAP_CONTENT);
    assert_int_equal(code_with_option(&w, &p, COAP_CON, COAP_GET, COAP_OPTION_URI_HOST, 'h'), COAP_CONTENT);
    assert_int_equal(code_with_option(&w, &p, COAP_CON, COAP_GET, COAP_OPTION_URI_PORT, 5684), COAP_CONTENT);
    assert_int_equal(code_with_option(&w, &p, COAP_CON, COAP_GET, COAP_OPTION_URI_QUERY, 'q'), COAP_CONTENT);
    /* Formats. */
    assert_int_equal(code_with_option(&w, &p, COAP_CON, COAP_GET, COAP_OPTION_ACCEPT, COAP_FORMAT_TEXT),
                     COAP_CONTENT);
    assert_int_equal(code_with_option(&w, &p, COAP_CON, COAP_GET, COAP_OPTION_ACCEPT, 50),
                     COAP_NOT_ACCEPTABLE);
    assert_int_equal(
        code_with_option(&w, &p, COAP_CON, COAP_PUT, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_TEXT),
        COAP_CHANGED);
    assert_int_equal(code_with_option(&w, &p, COAP_CON, COAP_PUT, COAP_OPTION_CONTENT_FORMAT, 50),
                     COAP_UNSUPPORTED_FORMAT);
    /* Impossible values (RFC 7252 5.4.3, RFC 7959 2.2). */
    assert_int_equal(code_with_option(&w, &p, COAP_CON, COAP_GET, COAP_OPTION_BLOCK2, 0x12345678),
                     COAP_BAD_OPTION);
    assert_int_equal(code_with_option(&w, &p, COAP_CON, COAP_GET, COAP_OPTION_BLOCK2, 7), COAP_BAD_REQUEST);
}

static void test_repeated_critical_option_is_refused(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    request_begin(&x, COAP_CON, COAP_GET);
    request_path(&x, "light");
    coap_add_option_uint(&x.builder, COAP_OPTION_ACCEPT, 0);
    coap_add_option_uint(&x.builder, COAP_OPTION_ACCEPT, 0);
    assert_int_equal(exchange(&w, &p, &x)->code, COAP_BAD_OPTION);
}

static void test_block1(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    static const struct {
        uint32_t block1;
        uint8_t code;
    } CASES[] = {{2, COAP_CHANGED}, {8 | 1, COAP_TOO_LARGE}, {1 << 4 | 1, COAP_TOO_LARGE}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        request_begin(&x, COAP_CON, COAP_PUT);
        request_path(&x, "light");
        coap_add_option_uint(&x.builder, COAP_OPTION_BLOCK1, CASES[i].block1);
        coap_add_payload(&x.builder, "1", 1);
        const struct coapmsg *m = exchange(&w, &p, &x);
        assert_int_equal(m->code, CASES[i].code);
        if (m->code == COAP_CHANGED)
            assert_int_equal(option(m, COAP_OPTION_BLOCK1), CASES[i].block1);
        else
            assert_int_equal(option(m, 60), 32); /* Size1: RFC 7252 5.10.9 */
    }
}

/* Fetches a resource block by block and gives its length; every block has the size asked for, at most 32. */
static size_t fetch(struct world *w, struct peer *p, const char *path, uint8_t szx, char *text, size_t cap)
{
    uint32_t size = szx == 0 ? 16 : 32;
    size_t len = 0;

    for (uint32_t more = 8, num = 0; more != 0; num++) {
        struct exchange x;
        request_begin(&x, COAP_CON, COAP_GET);
        request_path(&x, path);
        coap_add_option_uint(&x.builder, COAP_OPTION_BLOCK2, num << 4 | (num == 0 || szx < 1 ? szx : 1));
        const struct coapmsg *m = exchange(w, p, &x);
        assert_int_equal(m->code, COAP_CONTENT);
        uint32_t block = option(m, COAP_OPTION_BLOCK2);
        assert_int_equal(block >> 4, num);
        assert_int_equal(block & 7, size == 16 ? 0 : 1);
        more = block & 8;
        assert_true(more != 0 ? m->payload_len == size : m->payload_len <= size);
        assert_true(len + m->payload_len < cap);
        memcpy(text + len, m->payload, m->payload_len);
        len += m->payload_len;
    }
    text[len] = '\0';
    return len;
}

static void test_well_known_core_in_blocks(void **state)
{
    static const char LINKS[] =
        "</temperature>;rt=\"temperature\";ct=0;obs,</humidity>;rt=\"humidity\";ct=0;obs,"
        "</light>;rt=\"light\";ct=0,</interval>;rt=\"interval\";ct=0,</status>;rt=\"status\";ct=0,"
        "</a/long>;sz=200";
    struct world w;
    struct exchange x;
    char text[400];
    struct peer p = world_begin(&w);

    (void)state;
    const struct coapmsg *m = get(&w, &p, &x, ".well-known/core"); /* without Block2: the server begins */
    assert_int_equal(option(m, COAP_OPTION_CONTENT_FORMAT), COAP_FORMAT_LINK);
    assert_int_equal(option(m, COAP_OPTION_BLOCK2), 8 | 1);
    assert_int_equal(m->payload_len, 32);
    for (uint8_t szx = 0; szx <= 6; szx++) {
        fetch(&w, &p, ".well-known/core", szx, text, sizeof text);
        assert_string_equal(text, LINKS);
    }
}

static void test_long_representation_in_blocks(void **state)
{
    struct world w;
    char text[400];
    struct peer p = world_begin(&w);

    (void)state;
    assert_int_equal(fetch(&w, &p, "a/long", 1, text, sizeof text), WORLD_LONG_LEN);
    assert_memory_equal(text + 190, "line 0019\n", 10);
    assert_int_equal(fetch(&w, &p, "a/long", 0, text, sizeof text), WORLD_LONG_LEN);
    assert_memory_equal(text + 190, "line 0019\n", 10);
}

static void test_larger_block_is_answered_by_the_one_that_begins_there(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    request_begin(&x, COAP_CON, COAP_GET);
    request_path(&x, "a/long");
    coap_add_option_uint(&x.builder, COAP_OPTION_BLOCK2, 1 << 4 | 2); /* bytes 64 to 127 */
    const struct coapmsg *m = exchange(&w, &p, &x);
    assert_int_equal(option(m, COAP_OPTION_BLOCK2), 2 << 4 | 8 | 1);
    assert_memory_equal(m->payload, " 0006\nline ", 11);
}

static void test_block_behind_the_end_is_refused(void **state)
{
    static const uint32_t BLOCKS[] = {7 << 4 | 1, 13 << 4 | 0, 0xFFF0, 0xFFF6, 0x1006, 0xFFFFF6};
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    for (size_t i = 0; i < sizeof BLOCKS / sizeof *BLOCKS; i++) {
        request_begin(&x, COAP_CON, COAP_GET);
        request_path(&x, "a/long");
        coap_add_option_uint(&x.builder, COAP_OPTION_BLOCK2, BLOCKS[i]);
        assert_int_equal(exchange(&w, &p, &x)->code, COAP_BAD_OPTION);
    }
}

static void test_longest_reply_fits_one_frame_at_three_hops(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    w.node.sessions[0].send_seq = seq48_make(0x7FFF, 0);
    w.resources[APP_RESOURCES].is_observable = true;
    w.resources[APP_RESOURCES].format = 0x1234;
    w.node.observe_seq = 0xFFFFF0;
    request_begin(&x, COAP_CON, COAP_GET);
    coap_add_option_uint(&x.builder, COAP_OPTION_OBSERVE, 0);
    request_path(&x, "a/long");
    assert_int_equal(exchange(&w, &p, &x)->payload_len, 32);
    assert_true(x.datagram.len <= LINK_MTU_THREE_HOPS);
}

static void test_what_cannot_be_processed_is_rejected(void **state)
{
    static const uint8_t BAD[][6] = {
        {0x40, 0x00, 0x12, 0x34},             /* ping */
        {0x40, 0x45, 0x12, 0x34},             /* a response that nobody awaits */
        {0x40, 0x21, 0x12, 0x34},             /* reserved class */
        {0x49, 0x01, 0x12, 0x34},             /* token length 9 */
        {0x40, 0x01, 0x12, 0x34, 0xFF},       /* marker without payload */
        {0x40, 0x01, 0x12, 0x34, 0xF0, 0x00}, /* reserved option nibble */
        {0x40, 0x01, 0x12, 0x34, 0xB8, 'x'},  /* option cut off */
    };
    static const size_t LENGTHS[] = {4, 4, 4, 4, 5, 6, 6};
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        uint8_t bytes[6];
        memcpy(bytes, BAD[i], sizeof bytes);
        peer_send(&w, &p, RECORD_APPLICATION_DATA, bytes, LENGTHS[i]);
        const struct coapmsg *m = take(&w, &p, &x);
        assert_int_equal(m->type, COAP_RST);
        assert_int_equal(m->code, COAP_EMPTY);
        assert_int_equal(m->message_id, 0x1234);
        bytes[0] |= 0x10; /* NON: ignored (RFC 7252 4.3) */
        peer_send(&w, &p, RECORD_APPLICATION_DATA, bytes, LENGTHS[i]);
        bytes[0] ^= 0xC0; /* another version: ignored (RFC 7252 3) */
        peer_send(&w, &p, RECORD_APPLICATION_DATA, bytes, LENGTHS[i]);
        peer_send(&w, &p, RECORD_APPLICATION_DATA, bytes, 3);
        world_expect_silence(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_non_confirmable_request_gets_a_non_confirmable_reply),
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_error_codes),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_repeated_critical_option_is_refused),
        cmocka_unit_test(test_block1),
        cmocka_unit_test(test_well_known_core_in_blocks),
        cmocka_unit_test(test_long_representation_in_blocks),
        cmocka_unit_test(test_larger_block_is_answered_by_the_one_that_begins_there),
        cmocka_unit_test(test_block_behind_the_end_is_refused),
        cmocka_unit_test(test_longest_reply_fits_one_frame_at_three_hops),
        cmocka_unit_test(test_what_cannot_be_processed_is_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
