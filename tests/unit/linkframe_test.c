#include "linkframe.h"

#include "seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

enum {
    BODY_MAX = 80,
    BUFFER_LEN = LINK_RECORD_HEADER_MAX + RECORD_SEALED_HEADER_LEN + BODY_MAX + LINK_TAG_LEN
};

static const uint8_t TAG_KEY[LINK_TAG_KEY_LEN] = {0x3C, 1, 2, 3};

/* A frame under construction: the record's body has room for either header in front and for the relay tag
 * behind. */
struct frame {
    uint8_t buffer[BUFFER_LEN];
    struct record record;
};

static void frame_start(struct frame *f, uint8_t type, struct seq48 seq, uint16_t body_len)
{
    memset(f, 0, sizeof *f);
    f->record =
        (struct record){.type = type, .version = RECORD_VERSION_DTLS12_BYTES, .epoch = {0, 1}, .seq = seq};
    record_set_explicit_nonce(&f->record);
    f->record.body = f->buffer + LINK_RECORD_HEADER_MAX + RECORD_SEALED_HEADER_LEN;
    f->record.body_len = body_len;
    seeded_fill(f->record.body, body_len);
}

static void assert_same_record(const struct record *a, const struct record *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(record_version(a), record_version(b));
    assert_int_equal(record_epoch(a), record_epoch(b));
    assert_memory_equal(&a->seq, &b->seq, SEQ48_LEN);
    assert_memory_equal(a->explicit_nonce, b->explicit_nonce, RECORD_EXPLICIT_LEN);
    assert_ptr_equal(a->body, b->body);
    assert_int_equal(a->body_len, b->body_len);
}

/* Encodes, checks the header's length, decodes the same record again. */
static void assert_round_trip(struct frame *f, uint16_t handle, size_t header_len)
{
    uint8_t *start = linkframe_put_header(handle, &f->record);
    struct record decoded;
    uint16_t decoded_handle;

    assert_int_equal(f->record.body - start, header_len);
    assert_int_equal(link_kind_of(start, header_len), LINK_RECORD);
    assert_int_equal(linkframe_decode(start, header_len + f->record.body_len, &decoded_handle, &decoded),
                     SSM_OK);
    assert_int_equal(decoded_handle, handle);
    assert_same_record(&f->record, &decoded);
}

/* Every width of the sequence number, with and without explicit nonce, both content types. */
static void header_shapes(void **state)
{
    static const struct {
        uint16_t hi;
        uint32_t lo;
        size_t width;
    } SHAPES[] = {
        {0, 0, 2},          {0, 0xFFFF, 2}, {0, 0x10000, 3}, {0, 0xFFFFFF, 3},        {0, 0x1000000, 4},
        {0, 0xFFFFFFFF, 4}, {1, 0, 6},      {0x0100, 0, 6},  {0xFFFF, 0xFFFFFFFF, 6},
    };
    static const uint8_t TYPES[] = {RECORD_APPLICATION_DATA, RECORD_ALERT};
    struct frame f;

    (void)state;
    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
        for (size_t t = 0; t < sizeof TYPES; t++) {
            frame_start(&f, TYPES[t], seq48_make(SHAPES[i].hi, SHAPES[i].lo), 20);
            assert_round_trip(&f, 0x1234, 3 + SHAPES[i].width);
            f.record.explicit_nonce[7] ^= 1;
            assert_round_trip(&f, 0xFFFF, 3 + SHAPES[i].width + RECORD_EXPLICIT_LEN);
        }
    }
}

/* 13 bytes over the payload towards the node, 19 from it: header and both tags. */
static void overhead(void **state)
{
    struct frame f;

    (void)state;
    frame_start(&f, RECORD_APPLICATION_DATA, seq48_make(0, 64), 64 + RECORD_TAG_LEN);
    uint8_t *start = linkframe_put_header(1, &f.record);
    size_t down = (size_t)(f.record.body + f.record.body_len - start);
    assert_int_equal(down, 64 + 13);
    assert_true(down + LINK_TAG_LEN <= 64 + 20);
    assert_true(down <= LINK_MTU_THREE_HOPS);
}

static void known_bytes(void **state)
{
    static const uint8_t EXPECTED[] = {0x60 | 0x10 | 1 << 2 | 2, 0xBE, 0xEF, 1, 2, 3, 9, 8, 7, 6, 5, 4, 3, 2};
    struct frame f;

    (void)state;
    frame_start(&f, RECORD_ALERT, seq48_make(0, 0x010203), 10);
    memcpy(f.record.explicit_nonce, EXPECTED + 6, RECORD_EXPLICIT_LEN);
    assert_memory_equal(linkframe_put_header(0xBEEF, &f.record), EXPECTED, sizeof EXPECTED);
}

static void random_records(void **state)
{
    struct frame f;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        uint8_t shift = (uint8_t)(seeded_u32() % 32);
        struct seq48 seq =
            seq48_make((uint16_t)(seeded_u32() % 4 == 0 ? seeded_u32() : 0), seeded_u32() >> shift);
        uint32_t low = bytes_u32(seq.bytes + 2);
        size_t width = bytes_u16(seq.bytes) != 0 ? 6 : low > 0xFFFFFF ? 4 : low > 0xFFFF ? 3 : 2;
        bool is_explicit = seeded_u32() % 2 == 0;
        uint8_t type = seeded_u32() % 2 == 0 ? RECORD_ALERT : RECORD_APPLICATION_DATA;
        frame_start(&f, type, seq, (uint16_t)(RECORD_TAG_LEN + seeded_u32() % (BODY_MAX - RECORD_TAG_LEN)));
        if (is_explicit)
            f.record.explicit_nonce[seeded_u32() % 8] ^= 0x40;
        assert_round_trip(&f, (uint16_t)(1 + seeded_u32() % 0xFFFF), 3 + width + (is_explicit ? 8u : 0u));
    }
}

static void every_truncation_fails(void **state)
{
    struct frame f;
    struct record out;
    uint16_t handle;

    (void)state;
    frame_start(&f, RECORD_APPLICATION_DATA, seq48_make(0, 0x01020304), RECORD_TAG_LEN);
    f.record.explicit_nonce[0] = 9;
    uint8_t *start = linkframe_put_header(7, &f.record);
    size_t header_len = (size_t)(f.record.body - start);
    for (size_t len = 0; len < header_len + RECORD_TAG_LEN; len++)
        assert_int_equal(linkframe_decode(start, len, &handle, &out), SSM_TRUNCATED);
    assert_int_equal(linkframe_decode(start, header_len + RECORD_TAG_LEN, &handle, &out), SSM_OK);
}

static enum status decode(const uint8_t *header, size_t header_len)
{
    uint8_t frame[LINK_RECORD_HEADER_MAX + RECORD_TAG_LEN] = {0};
    struct record out;
    uint16_t handle;

    memcpy(frame, header, header_len);
    return linkframe_decode(frame, header_len + RECORD_TAG_LEN, &handle, &out);
}

#define DECODE(...) decode((uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

static void malformed_headers(void **state)
{
    (void)state;
    assert_int_equal(DECODE(0x60, 0, 1, 0, 64), SSM_OK);
    assert_int_equal(DECODE(0x61, 0, 1, 0, 64), SSM_MALFORMED); /* reserved bit */
    assert_int_equal(DECODE(0x60, 0, 0, 0, 64), SSM_MALFORMED); /* handle 0 */
    assert_int_equal(DECODE(0x40, 0, 1, 0, 64), SSM_MALFORMED); /* other kinds */
    assert_int_equal(DECODE(0x20, 0, 1, 0, 64), SSM_MALFORMED);
    assert_int_equal(DECODE(0xE0, 0, 1, 0, 64), SSM_MALFORMED);
    /* sequence numbers that a smaller width would hold */
    assert_int_equal(DECODE(0x64, 0, 1, 0, 0, 64), SSM_MALFORMED);
    assert_int_equal(DECODE(0x64, 0, 1, 1, 0, 64), SSM_OK);
    assert_int_equal(DECODE(0x68, 0, 1, 0, 1, 0, 64), SSM_MALFORMED);
    assert_int_equal(DECODE(0x68, 0, 1, 1, 0, 0, 64), SSM_OK);
    assert_int_equal(DECODE(0x6C, 0, 1, 0, 0, 1, 0, 0, 64), SSM_MALFORMED);
    assert_int_equal(DECODE(0x6C, 0, 1, 0, 1, 0, 0, 0, 64), SSM_OK);
    assert_int_equal(DECODE(0x6C, 0, 1, 1, 0, 0, 0, 0, 64), SSM_OK);
    /* an explicit nonce that goes without saying */
    assert_int_equal(DECODE(0x62, 0, 1, 0, 64, 0, 1, 0, 0, 0, 0, 0, 64), SSM_MALFORMED);
    assert_int_equal(DECODE(0x62, 0, 1, 0, 64, 0, 1, 0, 0, 0, 0, 0, 65), SSM_OK);
}

/* The frame as the node sends it, relay tag included; returns its start. */
static uint8_t *frame_from_node(struct frame *f, uint16_t handle, size_t *len)
{
    uint8_t *start = linkframe_put_header(handle, &f->record);

    linkframe_tag(TAG_KEY, handle, &f->record, f->record.body + f->record.body_len);
    *len = (size_t)(f->record.body - start) + f->record.body_len + LINK_TAG_LEN;
    return start;
}

static void relay_tag_verifies(void **state)
{
    struct frame f;
    struct record decoded;
    uint16_t handle;
    size_t len;

    (void)state;
    frame_start(&f, RECORD_APPLICATION_DATA, seq48_make(3, 64), 30);
    uint8_t *start = frame_from_node(&f, 77, &len);
    assert_int_equal(linkframe_decode(start, len, &handle, &decoded), SSM_OK);
    assert_int_equal(decoded.body_len, 30 + LINK_TAG_LEN);
    assert_int_equal(linkframe_check_tag(TAG_KEY, handle, &decoded), SSM_OK);
    assert_same_record(&f.record, &decoded);
}

/*
 * A forged or altered frame does not pass. Of the record's body the tag covers the last 8 bytes, the record's
 * own tag: an alteration further in front dies at the peer, and one of the type or the explicit nonce as
 * well.
 */
static void each_tampered_byte(void **state)
{
    struct frame f;
    struct record decoded;
    uint16_t handle;
    size_t len;

    (void)state;
    frame_start(&f, RECORD_APPLICATION_DATA, seq48_make(0, 64), 20);
    uint8_t *start = frame_from_node(&f, 77, &len);
    size_t body_at = (size_t)(f.record.body - start);
    for (size_t bit = 8; bit < 8 * len; bit++) { /* behind the flags */
        bool is_payload = bit / 8 >= body_at && bit / 8 < len - LINK_TAG_LEN - RECORD_TAG_LEN;
        start[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(linkframe_decode(start, len, &handle, &decoded), SSM_OK);
        assert_int_equal(linkframe_check_tag(TAG_KEY, handle, &decoded), is_payload ? SSM_OK : SSM_BAD_TAG);
        assert_int_equal(decoded.body_len, is_payload ? 20 : 20 + LINK_TAG_LEN);
        start[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void relay_tag_needs_room(void **state)
{
    struct frame f;

    (void)state;
    frame_start(&f, RECORD_APPLICATION_DATA, seq48_make(0, 64), RECORD_TAG_LEN + LINK_TAG_LEN - 1);
    assert_int_equal(linkframe_check_tag(TAG_KEY, 77, &f.record), SSM_MALFORMED);
    f.record.body_len++;
    assert_int_equal(linkframe_check_tag(TAG_KEY, 77, &f.record), SSM_BAD_TAG);
}

static void relay_tag_binds_key_handle_and_number(void **state)
{
    static const uint8_t OTHER_KEY[LINK_TAG_KEY_LEN] = {0x3C, 1, 2, 4};
    struct frame f;
    uint8_t tag[LINK_TAG_LEN];
    uint8_t other[LINK_TAG_LEN];

    (void)state;
    frame_start(&f, RECORD_APPLICATION_DATA, seq48_make(0, 64), 20);
    linkframe_tag(TAG_KEY, 77, &f.record, tag);
    linkframe_tag(OTHER_KEY, 77, &f.record, other);
    assert_memory_not_equal(tag, other, sizeof tag);
    linkframe_tag(TAG_KEY, 78, &f.record, other);
    assert_memory_not_equal(tag, other, sizeof tag);
    f.record.seq.bytes[1] = 1;
    linkframe_tag(TAG_KEY, 77, &f.record, other);
    assert_memory_not_equal(tag, other, sizeof tag);
}

/* RFC 6347 record -> link -> record: byte for byte what the peer sent, whatever its explicit nonce (rule of
 * the relay). */
static void dtls_record_survives_the_link(void **state)
{
    struct frame f;
    uint8_t before[BUFFER_LEN];
    struct record decoded;
    uint16_t handle;

    (void)state;
    for (int is_explicit = 0; is_explicit < 2; is_explicit++) {
        frame_start(&f, RECORD_APPLICATION_DATA, seq48_make(0, 0x12345), 33);
        f.record.explicit_nonce[3] ^= (uint8_t)is_explicit;
        uint8_t *dtls = record_put_header(&f.record);
        size_t dtls_len = (size_t)(f.record.body - dtls) + f.record.body_len;
        memcpy(before, dtls, dtls_len);

        uint8_t *start = linkframe_put_header(5, &f.record);
        size_t len = (size_t)(f.record.body - start) + f.record.body_len;
        assert_int_equal(linkframe_decode(start, len, &handle, &decoded), SSM_OK);
        assert_ptr_equal(record_put_header(&decoded), dtls);
        assert_memory_equal(dtls, before, dtls_len);
    }
}

static void handle_of(void **state)
{
    static const uint8_t RECORD[] = {0x60, 0x12, 0x34, 0x56};

    (void)state;
    assert_int_equal(linkframe_handle_of(RECORD, sizeof RECORD), 0x1234);
    assert_int_equal(linkframe_handle_of(RECORD, 3), 0x1234);
    assert_int_equal(linkframe_handle_of(RECORD, 2), 0);
}

static void kind_of(void **state)
{
    static const uint8_t REJOIN = 0x20;

    (void)state;
    assert_int_equal(link_kind_of(&REJOIN, 0), 0);
    assert_int_equal(link_kind_of(&REJOIN, 1), LINK_ASSOCIATION);
    assert_int_equal(link_kind_of((uint8_t[]){0x5F}, 1), LINK_CONTROL);
    assert_int_equal(link_kind_of((uint8_t[]){0x7F}, 1), LINK_RECORD);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(header_shapes),
        cmocka_unit_test(overhead),
        cmocka_unit_test(known_bytes),
        cmocka_unit_test(random_records),
        cmocka_unit_test(every_truncation_fails),
        cmocka_unit_test(malformed_headers),
        cmocka_unit_test(relay_tag_verifies),
        cmocka_unit_test(each_tampered_byte),
        cmocka_unit_test(relay_tag_needs_room),
        cmocka_unit_test(relay_tag_binds_key_handle_and_number),
        cmocka_unit_test(dtls_record_survives_the_link),
        cmocka_unit_test(handle_of),
        cmocka_unit_test(kind_of),
    };

    seeded_start();
    return cmocka_run_group_tests_name("linkframe", TESTS, NULL, NULL);
}
