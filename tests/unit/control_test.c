#include "control.h"

#include "assoc.h"
#include "keyblock.h"
#include "linkframe.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void request_round_trip(void **state)
{
    static const uint8_t PAYLOAD[KEYBLOCK_LEN] = {9, 8, 7};
    static const uint8_t EXPECTED[] = {0x40, 0x02, 0x12, 0x34, 0xB1, 'k', 0xFF, 9, 8, 7};
    uint8_t message[CONTROL_MESSAGE_MAX];
    struct control_message m;

    (void)state;
    for (size_t len = 1; len <= sizeof PAYLOAD; len++) {
        assert_int_equal(control_encode_request(CONTROL_KEYBLOCK, 0x1234, PAYLOAD, len, message), 7 + len);
        assert_memory_equal(message, EXPECTED, len < 3 ? 7 + len : sizeof EXPECTED);
        assert_int_equal(control_decode(message, 7 + len, &m), SSM_OK);
        assert_false(m.is_ack);
        assert_int_equal(m.code, COAP_POST);
        assert_int_equal(m.message_id, 0x1234);
        assert_int_equal(m.resource, CONTROL_KEYBLOCK);
        assert_int_equal(m.payload_len, len);
        assert_memory_equal(m.payload, PAYLOAD, len);
    }
}

/* "No sessions are live" is a list without entries, and CoAP knows no marker without payload. */
static void empty_live_list(void **state)
{
    static const uint8_t EXPECTED[] = {0x40, 0x02, 0, 5, 0xB1, 'l'};
    uint8_t message[CONTROL_MESSAGE_MAX];
    struct control_message m = {.payload_len = 9};

    (void)state;
    assert_int_equal(control_encode_request(CONTROL_LIVE, 5, NULL, 0, message), sizeof EXPECTED);
    assert_memory_equal(message, EXPECTED, sizeof EXPECTED);
    assert_int_equal(control_decode(message, sizeof EXPECTED, &m), SSM_OK);
    assert_int_equal(m.resource, CONTROL_LIVE);
    assert_null(m.payload);
    assert_int_equal(m.payload_len, 0);
}

static void ack_round_trip(void **state)
{
    static const uint8_t EXPECTED[] = {0x60, COAP_CHANGED, 0xAB, 0xCD};
    uint8_t message[COAP_HEADER_LEN];
    struct control_message m = {.payload_len = 9};

    (void)state;
    assert_int_equal(control_encode_ack(0xABCD, COAP_CHANGED, message), sizeof message);
    assert_memory_equal(message, EXPECTED, sizeof message);
    assert_int_equal(control_decode(message, sizeof message, &m), SSM_OK);
    assert_true(m.is_ack);
    assert_int_equal(m.code, COAP_CHANGED);
    assert_int_equal(m.message_id, 0xABCD);
    assert_int_equal(m.payload_len, 0);
}

/* What is written here is ordinary CoAP, which the general codec reads. */
static void it_is_coap(void **state)
{
    uint8_t message[CONTROL_MESSAGE_MAX];
    struct coapmsg m;

    (void)state;
    size_t len = control_encode_request(CONTROL_CLOSED, 77, "\1\2\3", 3, message);
    assert_int_equal(coapmsg_decode(message, len, &m), SSM_OK);
    assert_int_equal(m.type, COAP_CON);
    assert_int_equal(m.code, COAP_POST);
    assert_int_equal(m.message_id, 77);
    assert_int_equal(m.payload_len, 3);
    struct coap_option_walk option = coapmsg_options(&m);
    assert_true(coap_option_next(&option));
    assert_int_equal(option.number, COAP_OPTION_URI_PATH);
    assert_int_equal(option.len, 1);
    assert_int_equal(option.value[0], 'c');
    assert_false(coap_option_next(&option));
    assert_int_equal(control_encode_ack(77, COAP_FORBIDDEN, message), COAP_HEADER_LEN);
    assert_int_equal(coapmsg_decode(message, COAP_HEADER_LEN, &m), SSM_OK);
    assert_int_equal(m.type, COAP_ACK);
}

/* Each fits one IEEE 802.15.4 frame, unfragmented, at three hops. */
static void datagram_sizes(void **state)
{
    static const uint8_t BLOCK[KEYBLOCK_LEN];
    uint8_t message[CONTROL_MESSAGE_MAX];

    (void)state;
    size_t request =
        control_encode_request(CONTROL_KEYBLOCK, 1, BLOCK, sizeof BLOCK, message) + CONTROL_OVERHEAD;
    size_t ack = control_encode_ack(1, COAP_CHANGED, message) + CONTROL_OVERHEAD;
    assert_int_equal(request, 67);
    assert_int_equal(ack, 16);
    assert_true(request <= LINK_MTU_THREE_HOPS);
    assert_true(CONTROL_MESSAGE_MAX + CONTROL_OVERHEAD <= (int)LINK_MTU_THREE_HOPS);
    assert_true((int)ASSOC_MESSAGE_MAX <= (int)LINK_MTU_THREE_HOPS);
}

static enum status decode(const uint8_t *message, size_t len)
{
    struct control_message m;

    return control_decode(message, len, &m);
}

#define DECODE(...) decode((uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

static void malformed(void **state)
{
    uint8_t long_payload[7 + 49] = {0x40, 2, 0, 1, 0xB1, 'k', 0xFF};

    (void)state;
    assert_int_equal(DECODE(0x40, 2, 0, 1, 0xB1, 'k', 0xFF, 1), SSM_OK);
    assert_int_equal(decode(long_payload, 0), SSM_MALFORMED);
    assert_int_equal(DECODE(0x40, 2, 0), SSM_MALFORMED);
    assert_int_equal(DECODE(0x40, 2, 0, 1), SSM_MALFORMED);
    assert_int_equal(DECODE(0x40, 2, 0, 1, 0xB1), SSM_MALFORMED);
    assert_int_equal(DECODE(0x40, 2, 0, 1, 0xB1, 'k'), SSM_MALFORMED);       /* nothing to install */
    assert_int_equal(DECODE(0x40, 2, 0, 1, 0xB1, 'l', 0xFF), SSM_MALFORMED); /* marker without payload */
    assert_int_equal(DECODE(0x40, 2, 0, 1, 0xB1, 'k', 0xFE, 1), SSM_MALFORMED);
    assert_int_equal(DECODE(0x40, 2, 0, 1, 0xB2, 'k', 'k', 0xFF, 1), SSM_MALFORMED);
    assert_int_equal(DECODE(0x40, 1, 0, 1, 0xB1, 'k', 0xFF, 1), SSM_MALFORMED); /* GET */
    assert_int_equal(DECODE(0x50, 2, 0, 1, 0xB1, 'k', 0xFF, 1), SSM_MALFORMED); /* NON */
    assert_int_equal(DECODE(0x41, 2, 0, 1, 0xB1, 'k', 0xFF, 1), SSM_MALFORMED); /* token */
    assert_int_equal(DECODE(0x80, 2, 0, 1, 0xB1, 'k', 0xFF, 1), SSM_MALFORMED); /* version 2 */
    assert_int_equal(decode(long_payload, sizeof long_payload), SSM_MALFORMED);
    assert_int_equal(decode(long_payload, sizeof long_payload - 1), SSM_OK);
    assert_int_equal(DECODE(0x60, COAP_CHANGED, 0, 1), SSM_OK);
    assert_int_equal(DECODE(0x60, COAP_CHANGED, 0, 1, 0), SSM_MALFORMED);
    assert_int_equal(DECODE(0x60, COAP_EMPTY, 0, 1), SSM_MALFORMED);
    assert_int_equal(DECODE(0x60, COAP_POST, 0, 1), SSM_MALFORMED);
    assert_int_equal(DECODE(0x70, COAP_EMPTY, 0, 1), SSM_MALFORMED); /* RST */
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(request_round_trip), cmocka_unit_test(empty_live_list),
        cmocka_unit_test(ack_round_trip),     cmocka_unit_test(it_is_coap),
        cmocka_unit_test(datagram_sizes),     cmocka_unit_test(malformed),
    };

    return cmocka_run_group_tests_name("control", TESTS, NULL, NULL);
}
