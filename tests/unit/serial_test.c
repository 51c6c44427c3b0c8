#include "serial.h"

#include "bare.h"
#include "linkframe.h"
#include "seeded.h"
#include "slip.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

enum { MAX = LINK_MTU_ONE_HOP };

static uint8_t sent[SLIP_ENCODED_MAX(MAX)];
static size_t sent_len;

void bare_uart_put(uint8_t byte)
{
    assert_true(sent_len < sizeof sent);
    sent[sent_len++] = byte;
}

static void receive(const uint8_t *bytes, size_t len)
{
    for (; len > 0; len--)
        serial_on_byte(*bytes++);
}

static void receive_datagram(const uint8_t *datagram, size_t len)
{
    uint8_t wire[SLIP_ENCODED_MAX(MAX)];

    receive(wire, slip_encode(datagram, len, wire));
}

/* The datagram of `len` bytes of `value`. */
static void receive_filled(uint8_t value, size_t len)
{
    uint8_t datagram[MAX];

    memset(datagram, value, len);
    receive_datagram(datagram, len);
}

static void expect_filled(uint8_t value, size_t len)
{
    uint8_t *datagram;

    assert_true(serial_is_waiting());
    assert_int_equal(serial_take(&datagram), len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(datagram[i], value);
    serial_release();
}

static void expect_nothing(void)
{
    uint8_t *datagram;

    assert_false(serial_is_waiting());
    assert_int_equal(serial_take(&datagram), 0);
}

/* Runs first: the module has but one state. */
static void nothing_is_kept_before_the_start(void **state)
{
    (void)state;
    receive_filled(1, 10);
    expect_nothing();
    serial_start();
    assert_int_equal(serial_dropped(), 0);
}

static void sends_frames(void **state)
{
    uint8_t datagram[MAX];
    uint8_t wire[SLIP_ENCODED_MAX(MAX)];

    (void)state;
    seeded_start();
    for (size_t len = 0; len <= MAX; len++) {
        seeded_fill(datagram, len);
        if (len > 3)
            memcpy(datagram, (const uint8_t[]){SLIP_END, SLIP_ESC, SLIP_ESC_END, SLIP_ESC_ESC}, 4);
        sent_len = 0;
        serial_send(datagram, len);
        assert_int_equal(sent_len, slip_encode(datagram, len, wire));
        assert_memory_equal(sent, wire, sent_len);
    }
}

static void receives_one_after_the_other(void **state)
{
    (void)state;
    for (uint8_t i = 1; i <= MAX; i++) {
        receive_filled(i, i);
        expect_filled(i, i);
        expect_nothing();
    }
}

static void second_datagram_waits_and_the_third_is_dropped(void **state)
{
    uint8_t *datagram;
    uint16_t dropped = serial_dropped();

    (void)state;
    receive_filled(1, 20);
    assert_int_equal(serial_take(&datagram), 20);
    receive_filled(2, 30); /* while the first one is worked on */
    receive_filled(3, 40);
    receive_filled(4, 50);
    for (int i = 0; i < 20; i++)
        assert_int_equal(datagram[i], 1);
    assert_int_equal(serial_dropped(), dropped + 2);
    serial_release();
    receive_filled(5, 60);
    expect_filled(2, 30);
    expect_filled(5, 60);
    expect_nothing();
}

/* A datagram whose beginning found no slot is lost as a whole, even if one becomes free meanwhile. */
static void datagram_without_its_beginning_is_dropped(void **state)
{
    uint16_t dropped = serial_dropped();

    (void)state;
    receive_filled(1, 20);
    receive_filled(2, 20);
    receive((const uint8_t[]){SLIP_END, 3, 3}, 3);
    expect_filled(1, 20);
    receive((const uint8_t[]){3, 3, SLIP_END}, 3);
    assert_int_equal(serial_dropped(), dropped + 1);
    expect_filled(2, 20);
    expect_nothing();
    receive_filled(4, 20);
    expect_filled(4, 20);
}

static void long_and_spoiled_datagrams_are_dropped_and_counted(void **state)
{
    uint16_t dropped = serial_dropped();
    uint16_t errors = serial_errors();

    (void)state;
    for (int i = 0; i < 2000; i++)
        serial_on_byte((uint8_t)(i & 0x7F));
    serial_on_byte(SLIP_END);
    assert_int_equal(serial_dropped(), dropped + 1);
    receive((const uint8_t[]){SLIP_END, 1, 2}, 3);
    serial_on_error();
    serial_on_error();
    receive((const uint8_t[]){3, SLIP_END}, 2);
    assert_int_equal(serial_errors(), errors + 2);
    assert_int_equal(serial_dropped(), dropped + 2);
    expect_nothing();
    receive_filled(7, MAX);
    expect_filled(7, MAX);
}

static void released_datagram_leaves_nothing_behind(void **state)
{
    uint8_t *datagram;

    (void)state;
    receive_filled(9, MAX);
    assert_int_equal(serial_take(&datagram), MAX);
    serial_release();
    for (size_t i = 0; i < MAX; i++)
        assert_int_equal(datagram[i], 0);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(nothing_is_kept_before_the_start),
        cmocka_unit_test(sends_frames),
        cmocka_unit_test(receives_one_after_the_other),
        cmocka_unit_test(second_datagram_waits_and_the_third_is_dropped),
        cmocka_unit_test(datagram_without_its_beginning_is_dropped),
        cmocka_unit_test(long_and_spoiled_datagrams_are_dropped_and_counted),
        cmocka_unit_test(released_datagram_leaves_nothing_behind),
    };

    return cmocka_run_group_tests_name("serial", TESTS, NULL, NULL);
}
