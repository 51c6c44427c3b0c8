#include "coapmsg.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

enum { BUFFER_LEN = 1024 };

static enum status decode(const uint8_t *message, size_t len)
{
    struct coapmsg m;

    return coapmsg_decode(message, len, &m);
}

#define DECODE(...) decode((uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

/* RFC 7252 appendix A, figure 16: GET coap://server/temperature and its piggybacked response. */
static void example_of_the_rfc(void **state)
{
    static const uint8_t REQUEST[] = {0x40, 0x01, 0x7d, 0x34, 0xbb, 't', 'e', 'm',
                                      'p',  'e',  'r',  'a',  't',  'u', 'r', 'e'};
    static const uint8_t RESPONSE[] = {0x60, 0x45, 0x7d, 0x34, 0xff, '2', '2', '.', '3', ' ', 'C'};
    uint8_t out[BUFFER_LEN];
    struct coapmsg m;
    size_t len;

    (void)state;
    assert_int_equal(coapmsg_decode(REQUEST, sizeof REQUEST, &m), SSM_OK);
    assert_int_equal(m.type, COAP_CON);
    assert_int_equal(m.code, COAP_GET);
    assert_int_equal(m.message_id, 0x7d34);
    assert_int_equal(m.token_len, 0);
    assert_int_equal(m.payload_len, 0);
    struct coap_option_walk option = coapmsg_options(&m);
    assert_true(coap_option_next(&option));
    assert_int_equal(option.number, COAP_OPTION_URI_PATH);
    assert_int_equal(option.len, 11);
    assert_memory_equal(option.value, "temperature", 11);
    assert_false(coap_option_next(&option));

    struct coap_builder b = coap_build(out, sizeof out, COAP_CON, COAP_GET, 0x7d34, NULL, 0);
    coap_add_option(&b, COAP_OPTION_URI_PATH, "temperature", 11);
    assert_int_equal(coap_finish(&b, &len), SSM_OK);
    assert_int_equal(len, sizeof REQUEST);
    assert_memory_equal(out, REQUEST, len);

    b = coap_build(out, sizeof out, COAP_ACK, COAP_CONTENT, 0x7d34, NULL, 0);
    coap_add_payload(&b, "22.3 C", 6);
    assert_int_equal(coap_finish(&b, &len), SSM_OK);
    assert_int_equal(len, sizeof RESPONSE);
    assert_memory_equal(out, RESPONSE, len);
    assert_int_equal(coapmsg_decode(out, len, &m), SSM_OK);
    assert_int_equal(m.payload_len, 6);
    assert_memory_equal(m.payload, "22.3 C", 6);
}

/* Deltas and lengths on both sides of 13 and 269, where the encoding grows (RFC 7252 3.1). */
static void option_sizes(void **state)
{
    static const uint16_t VALUES[] = {0, 1, 12, 13, 14, 268, 269, 270, 600};
    static uint8_t value[600];
    uint8_t out[2 * BUFFER_LEN];
    struct coapmsg m;
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)i;
    for (size_t d = 0; d < sizeof VALUES / sizeof VALUES[0]; d++) {
        for (size_t l = 0; l < sizeof VALUES / sizeof VALUES[0]; l++) {
            struct coap_builder b = coap_build(out, sizeof out, COAP_NON, COAP_PUT, 1, value, 8);
            coap_add_option(&b, VALUES[d], value, VALUES[l]);
            coap_add_option(&b, (uint16_t)(2 * VALUES[d]), value, 1);
            coap_add_payload(&b, "x", 1);
            assert_int_equal(coap_finish(&b, &len), SSM_OK);
            assert_int_equal(coapmsg_decode(out, len, &m), SSM_OK);
            assert_int_equal(m.token_len, 8);
            assert_memory_equal(m.token, value, 8);
            struct coap_option_walk option = coapmsg_options(&m);
            assert_true(coap_option_next(&option));
            assert_int_equal(option.number, VALUES[d]);
            assert_int_equal(option.len, VALUES[l]);
            assert_memory_equal(option.value, value, VALUES[l]);
            assert_true(coap_option_next(&option));
            assert_int_equal(option.number, 2 * VALUES[d]);
            assert_false(coap_option_next(&option));
            for (size_t cut = COAP_HEADER_LEN; cut < len; cut++) /* no prefix makes the decoder read on */
                if (coapmsg_decode(out, cut, &m) == SSM_OK)
                    assert_int_equal(m.payload_len, 0);
        }
    }
}

static void option_uints(void **state)
{
    static const struct {
        uint32_t value;
        uint16_t len;
    } CASES[] = {{0, 0},       {1, 1},        {255, 1},       {256, 2},       {0xFFFF, 2},
                 {0x10000, 3}, {0xFFFFFF, 3}, {0x1000000, 4}, {0xFFFFFFFF, 4}};
    uint8_t out[BUFFER_LEN];
    struct coapmsg m;
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct coap_builder b = coap_build(out, sizeof out, COAP_CON, COAP_GET, 1, NULL, 0);
        coap_add_option_uint(&b, COAP_OPTION_OBSERVE, CASES[i].value);
        assert_int_equal(coap_finish(&b, &len), SSM_OK);
        assert_int_equal(coapmsg_decode(out, len, &m), SSM_OK);
        struct coap_option_walk option = coapmsg_options(&m);
        assert_true(coap_option_next(&option));
        assert_int_equal(option.len, CASES[i].len);
        assert_true(coap_option_uint(&option) == CASES[i].value);
    }
    struct coap_option_walk five_bytes = {.value = (const uint8_t *)"\0\0\0\0\1", .len = 5};
    assert_true(coap_option_uint(&five_bytes) == 0xFFFFFFFF);
}

static void malformed(void **state)
{
    (void)state;
    assert_int_equal(DECODE(0x40, 1, 0, 1), SSM_OK);
    assert_int_equal(DECODE(0x40, 0, 0, 1), SSM_OK); /* Empty: a ping */
    assert_int_equal(DECODE(0x70, 0, 0, 1), SSM_OK); /* Reset */
    assert_int_equal(DECODE(0x40, 0, 0, 1, 0xFF, 1), SSM_MALFORMED);
    assert_int_equal(DECODE(0x41, 0, 0, 1, 7), SSM_MALFORMED);
    assert_int_equal(DECODE(0x00, 1, 0, 1), SSM_MALFORMED); /* versions 0, 2 and 3 */
    assert_int_equal(DECODE(0x80, 1, 0, 1), SSM_MALFORMED);
    assert_int_equal(DECODE(0xC0, 1, 0, 1), SSM_MALFORMED);
    for (uint8_t token_len = 9; token_len < 16; token_len++)
        assert_int_equal(
            DECODE((uint8_t)(0x40 | token_len), 1, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
            SSM_MALFORMED);
    assert_int_equal(DECODE(0x40, 1, 0, 1, 0xFF), SSM_MALFORMED);             /* marker without payload */
    assert_int_equal(DECODE(0x40, 1, 0, 1, 0xF0), SSM_MALFORMED);             /* reserved delta */
    assert_int_equal(DECODE(0x40, 1, 0, 1, 0xF1, 1), SSM_MALFORMED);          /* not a marker either */
    assert_int_equal(DECODE(0x40, 1, 0, 1, 0x0F, 1), SSM_MALFORMED);          /* reserved length */
    assert_int_equal(DECODE(0x40, 1, 0, 1, 0xE0, 0xFF, 0xFF), SSM_MALFORMED); /* number 65804 */
    assert_int_equal(DECODE(0x40, 1, 0, 1, 0xE0, 0xFE, 0xF2, 0x10), SSM_MALFORMED); /* 65535 + 1 */
    assert_int_equal(DECODE(0x40, 1, 0, 1, 0xE0, 0xFE, 0xF2, 0x00), SSM_OK);        /* 65535 twice */
}

static void truncated(void **state)
{
    static const uint8_t MESSAGE[] = {0x42, 1, 0, 1, 0xAA, 0xBB, 0xD1, 0,  'x', 0x1D, 0,    1, 2, 3,
                                      4,    5, 6, 7, 8,    9,    10,   11, 12,  13,   0x0E, 0, 0};

    (void)state;
    for (size_t len = 0; len < 6; len++)
        assert_int_equal(decode(MESSAGE, len), SSM_MALFORMED);
    assert_int_equal(decode(MESSAGE, 6), SSM_OK);
    for (size_t len = 7; len < 9; len++)
        assert_int_equal(decode(MESSAGE, len), SSM_MALFORMED);
    assert_int_equal(decode(MESSAGE, 9), SSM_OK);
    for (size_t len = 10; len < 24; len++)
        assert_int_equal(decode(MESSAGE, len), SSM_MALFORMED);
    assert_int_equal(decode(MESSAGE, 24), SSM_OK);
    for (size_t len = 25; len <= sizeof MESSAGE; len++) /* an option of 269 bytes that are not there */
        assert_int_equal(decode(MESSAGE, len), SSM_MALFORMED);
}

static void builder_never_overruns(void **state)
{
    enum { WHOLE = 4 + 3 + 6 + 4 + 8 };
    uint8_t out[64];

    (void)state;
    for (size_t cap = 0; cap <= WHOLE; cap++) {
        size_t len;
        memset(out, 0x77, sizeof out);
        struct coap_builder b = coap_build(out, cap, COAP_CON, COAP_POST, 1, (const uint8_t *)"tok", 3);
        coap_add_option(&b, COAP_OPTION_URI_PATH, "light", 5);
        coap_add_option_uint(&b, COAP_OPTION_BLOCK1, 0x1234);
        coap_add_payload(&b, "payload", 7);
        assert_int_equal(coap_finish(&b, &len), cap < WHOLE ? SSM_NO_ROOM : SSM_OK);
        assert_true(len <= cap);
        for (size_t i = cap; i < sizeof out; i++)
            assert_int_equal(out[i], 0x77);
    }
}

static void critical_options(void **state)
{
    (void)state;
    assert_true(coap_option_is_critical(COAP_OPTION_URI_PATH));
    assert_true(coap_option_is_critical(COAP_OPTION_BLOCK2));
    assert_false(coap_option_is_critical(COAP_OPTION_OBSERVE));
    assert_false(coap_option_is_critical(COAP_OPTION_CONTENT_FORMAT));
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(example_of_the_rfc), cmocka_unit_test(option_sizes),
        cmocka_unit_test(option_uints),       cmocka_unit_test(malformed),
        cmocka_unit_test(truncated),          cmocka_unit_test(builder_never_overruns),
        cmocka_unit_test(critical_options),
    };

    return cmocka_run_group_tests_name("coapmsg", TESTS, NULL, NULL);
}
