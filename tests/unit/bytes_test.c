#include "bytes.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void move_of_overlapping_areas(void **state)
{
    char forward[] = "abcdefgh";
    char backward[] = "abcdefgh";

    (void)state;
    bytes_move(forward + 2, forward, 6);
    assert_string_equal(forward, "ababcdef");
    bytes_move(backward, backward + 2, 6);
    assert_string_equal(backward, "cdefghgh");
}

static void fill_xor_wipe_stay_inside(void **state)
{
    uint8_t a[6] = {1, 1, 1, 1, 1, 1};
    static const uint8_t B[4] = {1, 2, 3, 4};

    (void)state;
    bytes_fill(a + 1, 0xFF, 4);
    assert_memory_equal(a, ((uint8_t[]){1, 0xFF, 0xFF, 0xFF, 0xFF, 1}), 6);
    bytes_xor(a + 1, B, 4);
    assert_memory_equal(a, ((uint8_t[]){1, 0xFE, 0xFD, 0xFC, 0xFB, 1}), 6);
    bytes_wipe(a + 1, 4);
    assert_memory_equal(a, ((uint8_t[]){1, 0, 0, 0, 0, 1}), 6);
}

static void equal_looks_at_every_bit(void **state)
{
    uint8_t a[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    uint8_t b[9];

    (void)state;
    memcpy(b, a, sizeof b);
    assert_true(bytes_equal(a, b, sizeof a));
    for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_false(bytes_equal(a, b, sizeof a));
        b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_true(bytes_equal(a, a + 1, 0));
}

static void reader_reads_big_endian(void **state)
{
    static const uint8_t WIRE[] = {1, 2, 3, 0x80, 0, 0, 5, 0xAB, 0xCD, 0xFF, 0xFE, 0xFD, 0xFC, 9, 8};
    struct reader r = reader_over(WIRE, sizeof WIRE);
    uint8_t rest[2];

    (void)state;
    assert_int_equal(reader_u8(&r), 1);
    assert_int_equal(reader_u16(&r), 0x0203);
    assert_int_equal(reader_u32(&r), 0x80000005);
    assert_non_null(reader_take(&r, 6));
    reader_copy(&r, rest, sizeof rest);
    assert_int_equal(rest[1], 8);
    assert_int_equal(r.left, 0);
    assert_int_equal(r.status, SSM_OK);
}

static void reader_error_sticks(void **state)
{
    static const uint8_t WIRE[] = {1, 2, 3};
    struct reader r = reader_over(WIRE, sizeof WIRE);
    uint8_t copy[2] = {7, 7};

    (void)state;
    assert_int_equal(reader_u32(&r), 0);
    assert_int_equal(r.status, SSM_TRUNCATED);
    assert_int_equal(reader_u8(&r), 0); /* though a byte is there */
    assert_int_equal(reader_u16(&r), 0);
    assert_null(reader_take(&r, 0));
    reader_copy(&r, copy, sizeof copy);
    assert_int_equal(copy[0] | copy[1], 0);
    assert_int_equal(r.status, SSM_TRUNCATED);
    assert_int_equal(r.left, sizeof WIRE);
}

static void writer_writes_big_endian(void **state)
{
    static const uint8_t EXPECTED[] = {1, 2, 3, 0x80, 0, 0, 5, 0xAB, 0xCD, 0xFF, 0xFE, 0xFD, 0xFC, 9, 8};
    uint8_t out[sizeof EXPECTED];
    struct writer w = writer_over(out, sizeof out);

    (void)state;
    writer_u8(&w, 1);
    writer_u16(&w, 0x0203);
    writer_u32(&w, 0x80000005);
    writer_bytes(&w, seq48_make(0xABCD, 0xFFFEFDFC).bytes, SEQ48_LEN);
    writer_bytes(&w, EXPECTED + 13, 2);
    assert_int_equal(w.status, SSM_OK);
    assert_int_equal(w.len, sizeof out);
    assert_memory_equal(out, EXPECTED, sizeof out);
}

static void writer_error_sticks(void **state)
{
    uint8_t out[3] = {7, 7, 7};
    struct writer w = writer_over(out, sizeof out);

    (void)state;
    writer_u32(&w, 1);
    assert_int_equal(w.status, SSM_NO_ROOM);
    writer_u8(&w, 1); /* though it would fit */
    writer_u16(&w, 1);
    assert_int_equal(w.len, 0);
    assert_memory_equal(out, ((uint8_t[]){7, 7, 7}), 3);
}

static void seq48_order(void **state)
{
    const struct seq48 ASCENDING[] = {
        seq48_make(0, 0), seq48_make(0, 1),      seq48_make(0, 0xFFFFFFFF),     seq48_make(1, 0),
        seq48_make(1, 5), seq48_make(0xFFFF, 0), seq48_make(0xFFFF, 0xFFFFFFFF)};
    enum { COUNT = sizeof ASCENDING / sizeof ASCENDING[0] };

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < COUNT; j++)
            assert_int_equal(seq48_is_after(&ASCENDING[i], &ASCENDING[j]), i > j);
    }
}

static void seq48_carries(void **state)
{
    struct seq48 s = seq48_make(0x00FF, 0xFFFFFFFE);

    (void)state;
    seq48_increment(&s);
    assert_memory_equal(s.bytes, seq48_make(0x00FF, 0xFFFFFFFF).bytes, SEQ48_LEN);
    seq48_increment(&s);
    assert_memory_equal(s.bytes, seq48_make(0x0100, 0).bytes, SEQ48_LEN);
    s = seq48_make(0xFFFF, 0xFFFFFFFF);
    seq48_increment(&s);
    assert_memory_equal(s.bytes, seq48_make(0, 0).bytes, SEQ48_LEN);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(move_of_overlapping_areas),
        cmocka_unit_test(fill_xor_wipe_stay_inside),
        cmocka_unit_test(equal_looks_at_every_bit),
        cmocka_unit_test(reader_reads_big_endian),
        cmocka_unit_test(reader_error_sticks),
        cmocka_unit_test(writer_writes_big_endian),
        cmocka_unit_test(writer_error_sticks),
        cmocka_unit_test(seq48_order),
        cmocka_unit_test(seq48_carries),
    };

    return cmocka_run_group_tests_name("bytes", TESTS, NULL, NULL);
}
