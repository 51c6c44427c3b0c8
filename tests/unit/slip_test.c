#include "slip.h"

#include "seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

enum { SIZE = 94 };

struct line {
    struct slip_reader reader;
    uint8_t buffer[SIZE];
};

static void line_open(struct line *l)
{
    slip_reader_init(&l->reader, l->buffer, SIZE);
}

/* Feeds bytes of which none but the last may end a datagram; returns what the last one gave. */
static uint16_t feed(struct line *l, const uint8_t *bytes, size_t len)
{
    for (; len > 1; len--)
        assert_int_equal(slip_take(&l->reader, *bytes++), 0);
    return slip_take(&l->reader, *bytes);
}

#define FEED(l, ...) feed((l), (const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

static void encodes_as_rfc_1055(void **state)
{
    static const uint8_t DATAGRAM[] = {1, SLIP_END, SLIP_ESC, SLIP_ESC_END, SLIP_ESC_ESC, 2};
    static const uint8_t WIRE[] = {0xC0, 1, 0xDB, 0xDC, 0xDB, 0xDD, 0xDC, 0xDD, 2, 0xC0};
    uint8_t out[SLIP_ENCODED_MAX(sizeof DATAGRAM)];

    (void)state;
    assert_int_equal(slip_encode(DATAGRAM, sizeof DATAGRAM, out), sizeof WIRE);
    assert_memory_equal(out, WIRE, sizeof WIRE);
    assert_int_equal(slip_encode(DATAGRAM, 0, out), 2);
}

static void encoded_length_is_bounded(void **state)
{
    uint8_t datagram[SIZE];
    uint8_t out[SLIP_ENCODED_MAX(SIZE)];

    (void)state;
    memset(datagram, SLIP_END, sizeof datagram);
    assert_int_equal(slip_encode(datagram, SIZE, out), sizeof out);
}

static void reads_datagrams_and_ignores_empty_ones(void **state)
{
    struct line l;

    (void)state;
    line_open(&l);
    assert_int_equal(FEED(&l, SLIP_END, SLIP_END, 7, 8, SLIP_ESC, SLIP_ESC_END, SLIP_END), 3);
    assert_memory_equal(l.buffer, ((const uint8_t[]){7, 8, SLIP_END}), 3);
    assert_int_equal(FEED(&l, SLIP_END, 9, SLIP_ESC, SLIP_ESC_ESC, SLIP_END), 2);
    assert_memory_equal(l.buffer, ((const uint8_t[]){9, SLIP_ESC}), 2);
    assert_int_equal(l.reader.dropped, 0);
}

static void exactly_full_is_kept_and_one_more_is_dropped(void **state)
{
    struct line l;
    uint8_t bytes[SIZE + 2];

    (void)state;
    line_open(&l);
    memset(bytes, 5, sizeof bytes);
    bytes[SIZE] = SLIP_END;
    assert_int_equal(feed(&l, bytes, SIZE + 1), SIZE);
    bytes[SIZE] = 5;
    bytes[SIZE + 1] = SLIP_END;
    assert_int_equal(feed(&l, bytes, SIZE + 2), 0);
    assert_int_equal(l.reader.dropped, 1);
    assert_int_equal(FEED(&l, 6, SLIP_END), 1);
}

static void much_too_long_is_one_dropped_datagram(void **state)
{
    struct line l;

    (void)state;
    line_open(&l);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(slip_take(&l.reader, (uint8_t)(i % 0xC0)), 0);
    assert_int_equal(FEED(&l, SLIP_END), 0);
    assert_int_equal(l.reader.dropped, 1);
    assert_int_equal(FEED(&l, SLIP_END, 6, SLIP_END), 1);
    assert_int_equal(l.buffer[0], 6);
}

static void bad_escapes_drop_the_datagram(void **state)
{
    struct line l;

    (void)state;
    line_open(&l);
    assert_int_equal(FEED(&l, 1, SLIP_ESC, 2, 3, SLIP_END), 0);
    assert_int_equal(FEED(&l, 1, SLIP_ESC, SLIP_ESC, 3, SLIP_END), 0);
    assert_int_equal(FEED(&l, 1, SLIP_ESC, SLIP_END), 0);
    assert_int_equal(l.reader.dropped, 3);
    assert_int_equal(FEED(&l, 1, SLIP_END), 1);
}

static void spoiled_datagram_is_dropped_at_its_end(void **state)
{
    struct line l;

    (void)state;
    line_open(&l);
    assert_int_equal(FEED(&l, SLIP_END, 1, 2), 0);
    slip_spoil(&l.reader);
    assert_int_equal(l.reader.dropped, 0);
    assert_int_equal(FEED(&l, 3, SLIP_END), 0);
    assert_int_equal(l.reader.dropped, 1);
    assert_int_equal(FEED(&l, 4, SLIP_END), 1);
}

static void dropped_stops_at_its_maximum(void **state)
{
    struct line l;

    (void)state;
    line_open(&l);
    for (uint32_t i = 0; i < 65537; i++) {
        slip_spoil(&l.reader);
        assert_int_equal(FEED(&l, SLIP_END), 0);
    }
    assert_int_equal(l.reader.dropped, 65535);
}

/* Noise between datagrams may swallow none of them. */
static void random_datagrams_survive_noise_between_them(void **state)
{
    struct line l;
    uint8_t datagram[SIZE];
    uint8_t wire[SLIP_ENCODED_MAX(SIZE)];

    (void)state;
    seeded_start();
    line_open(&l);
    for (int round = 0; round < 5000; round++) {
        for (uint32_t noise = seeded_u32() % 300; noise > 0; noise--)
            slip_take(&l.reader, (uint8_t)seeded_u32());
        size_t len = 1 + seeded_u32() % SIZE;
        seeded_fill(datagram, len);
        size_t wire_len = slip_encode(datagram, len, wire);
        slip_take(&l.reader, wire[0]); /* ends the noise */
        assert_int_equal(feed(&l, wire + 1, wire_len - 1), len);
        assert_memory_equal(l.buffer, datagram, len);
    }
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(encodes_as_rfc_1055),
        cmocka_unit_test(encoded_length_is_bounded),
        cmocka_unit_test(reads_datagrams_and_ignores_empty_ones),
        cmocka_unit_test(exactly_full_is_kept_and_one_more_is_dropped),
        cmocka_unit_test(much_too_long_is_one_dropped_datagram),
        cmocka_unit_test(bad_escapes_drop_the_datagram),
        cmocka_unit_test(spoiled_datagram_is_dropped_at_its_end),
        cmocka_unit_test(dropped_stops_at_its_maximum),
        cmocka_unit_test(random_datagrams_survive_noise_between_them),
    };

    return cmocka_run_group_tests_name("slip", TESTS, NULL, NULL);
}
