#include "node_world.h"

/* A request under construction, and what came back. */
struct exchange {
    uint8_t bytes[80];
    struct coap_builder builder;
    struct datagram datagram;
    struct coapmsg reply;
};

static uint16_t next_message_id = 0x1000;
static const uint8_t TOKEN[] = {1, 2, 3, 4, 5, 6, 7, 8};

static void request_begin(struct exchange *x, uint8_t type, uint8_t code)
{
    x->builder = coap_build(x->bytes, sizeof x->bytes, type, code, ++next_message_id, TOKEN, sizeof TOKEN);
}

static void request_path(struct exchange *x, const char *path)
{
    while (path != NULL) {
        const char *slash = strchr(path, '/');
        size_t len = slash != NULL ? (size_t)(slash - path) : strlen(path);
        coap_add_option(&x->builder, COAP_OPTION_URI_PATH, path, (uint16_t)len);
        path = slash != NULL ? slash + 1 : NULL;
    }
}

static void request_send(struct world *w, struct peer *p, struct exchange *x)
{
    size_t len;

    assert_int_equal(coap_finish(&x->builder, &len), SSM_OK);
    peer_send(w, p, RECORD_APPLICATION_DATA, x->bytes, len);
}

/* Takes the next CoAP message of the node; it must fit a frame at three hops, which port_send asserts. */
static const struct coapmsg *take(struct world *w, struct peer *p, struct exchange *x)
{
    struct record r = peer_take(w, p, &x->datagram);

    assert_int_equal(r.type, RECORD_APPLICATION_DATA);
    assert_int_equal(coapmsg_decode(r.body, r.body_len, &x->reply), SSM_OK);
    return &x->reply;
}

static const struct coapmsg *exchange(struct world *w, struct peer *p, struct exchange *x)
{
    request_send(w, p, x);
    take(w, p, x);
    assert_int_equal(x->reply.token_len, sizeof TOKEN);
    assert_memory_equal(x->reply.token, TOKEN, sizeof TOKEN);
    world_expect_silence(w);
    return &x->reply;
}

static uint32_t option(const struct coapmsg *m, uint16_t number)
{
    struct coap_option_walk walk = coapmsg_options(m);

    while (coap_option_next(&walk))
        if (walk.number == number)
            return coap_option_uint(&walk);
    return UINT32_MAX;
}

static void expect_payload(const struct coapmsg *m, const char *text)
{
    assert_int_equal(m->payload_len, strlen(text));
    if (m->payload_len > 0)
        assert_memory_equal(m->payload, text, m->payload_len);
}

static const struct coapmsg *get(struct world *w, struct peer *p, struct exchange *x, const char *path)
{
    request_begin(x, COAP_CON, COAP_GET);
    request_path(x, path);
    return exchange(w, p, x);
}

static const struct coapmsg *put(struct world *w, struct peer *p, struct exchange *x, const char *path,
                                 const char *value)
{
    request_begin(x, COAP_CON, COAP_PUT);
    request_path(x, path);
    coap_add_payload(&x->builder, value, (uint16_t)strlen(value));
    return exchange(w, p, x);
}

static struct peer world_begin(struct world *w)
{
    world_start(w);
    return world_peer(w, 7, 0);
}

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
    w.port.temperature = INT16_MIN;
    expect_payload(get(&w, &p, &x, "temperature"), "-3276.8");
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
        "</light>;rt=\"light\";ct=0,</a/long>;sz=200";
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

/* --- Observe (RFC 7641) --- */

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

static void test_observe_sequence_wraps_at_24_bits(void **state)
{
    struct world w;
    struct exchange x;
    struct peer p = world_begin(&w);

    (void)state;
    w.node.observe_seq = 0xFFFFFF;
    assert_int_equal(option(observe(&w, &p, &x, "temperature", 0, 9), COAP_OPTION_OBSERVE), 0xFFFFFF);
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
        cmocka_unit_test(test_observe_notifies_in_order),
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
