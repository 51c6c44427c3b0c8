#include "record.h"

#include "../vectors/hex.h"
#include "../vectors/records_captured.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum { CAPTURED_COUNT = sizeof RECORDS_CAPTURED / sizeof RECORDS_CAPTURED[0], BUFFER_LEN = 256 };

struct loaded {
    struct record_key key;
    uint8_t wire[BUFFER_LEN];
    size_t wire_len;
    uint8_t plain[BUFFER_LEN];
    size_t plain_len;
};

static void load(const struct record_vector *v, struct loaded *out)
{
    hex_read(v->key, out->key.key);
    hex_read(v->iv, out->key.iv);
    out->wire_len = hex_read(v->record, out->wire);
    out->plain_len = hex_read(v->plain, out->plain);
}

static void peek_all(uint8_t *wire, size_t len, struct record *r)
{
    size_t used;

    assert_int_equal(record_peek(wire, len, r, &used), SSM_OK);
    assert_int_equal(used, len);
}

static void captured_records_open(void **state)
{
    struct loaded v;
    struct record r;

    (void)state;
    for (size_t i = 0; i < CAPTURED_COUNT; i++) {
        load(&RECORDS_CAPTURED[i], &v);
        peek_all(v.wire, v.wire_len, &r);
        assert_int_equal(record_version(&r), RECORD_VERSION_DTLS12);
        assert_int_equal(record_epoch(&r), 1);
        assert_true(record_explicit_nonce_is_implied(&r));
        assert_int_equal(record_open(&v.key, &r), SSM_OK);
        assert_int_equal(r.body_len, v.plain_len);
        assert_memory_equal(r.body, v.plain, v.plain_len);
    }
}

/* What we seal is, byte for byte, what those stacks sent. */
static void captured_records_seal(void **state)
{
    struct loaded v;
    struct record theirs;
    uint8_t buffer[BUFFER_LEN];

    (void)state;
    for (size_t i = 0; i < CAPTURED_COUNT; i++) {
        load(&RECORDS_CAPTURED[i], &v);
        peek_all(v.wire, v.wire_len, &theirs);
        struct record ours = theirs;
        memset(ours.explicit_nonce, 0, sizeof ours.explicit_nonce);
        ours.body = buffer + RECORD_SEALED_HEADER_LEN;
        ours.body_len = (uint16_t)v.plain_len;
        memcpy(ours.body, v.plain, v.plain_len);
        record_set_explicit_nonce(&ours);
        record_seal(&v.key, &ours);
        assert_ptr_equal(record_put_header(&ours), buffer);
        assert_int_equal(RECORD_SEALED_HEADER_LEN + ours.body_len, v.wire_len);
        assert_memory_equal(buffer, v.wire, v.wire_len);
    }
}

/*
 * RFC 6347 4.1.2.1: type, version, epoch, number, length, nonce, ciphertext and tag are all authenticated. A
 * flipped bit makes the record unreadable or unauthentic, and nothing of its plaintext stays behind.
 */
static void captured_records_tampered(void **state)
{
    static const uint8_t ZEROS[BUFFER_LEN];
    struct loaded v;
    struct record r;
    size_t used;

    (void)state;
    for (size_t i = 0; i < CAPTURED_COUNT; i++) {
        load(&RECORDS_CAPTURED[i], &v);
        for (size_t bit = 0; bit < 8 * v.wire_len; bit++) {
            uint8_t bad[BUFFER_LEN];
            memcpy(bad, v.wire, v.wire_len);
            bad[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            if (record_peek(bad, v.wire_len, &r, &used) != SSM_OK)
                continue;
            assert_int_equal(record_open(&v.key, &r), SSM_BAD_TAG);
            if (r.body_len >= RECORD_TAG_LEN)
                assert_memory_equal(r.body, ZEROS, r.body_len - RECORD_TAG_LEN);
        }
    }
}

/* wolfSSL, Pion and node-dtls-client send another explicit nonce than epoch || seq (RFC 6655 3 leaves it
 * open). */
static void explicit_nonce_is_taken_from_the_record(void **state)
{
    static const struct record_key KEY = {.key = {1, 2, 3}, .iv = {4, 5, 6, 7}};
    uint8_t buffer[BUFFER_LEN];
    struct record r = {.type = RECORD_APPLICATION_DATA,
                       .epoch = {0, 1},
                       .seq = {{0, 0, 0, 0, 0, 9}},
                       .explicit_nonce = {0xA5, 0x5A, 1, 2, 3, 4, 5, 6}};

    (void)state;
    r.body = buffer + RECORD_SEALED_HEADER_LEN;
    r.body_len = 5;
    memcpy(r.body, "21.5C", 5);
    assert_false(record_explicit_nonce_is_implied(&r));
    record_seal(&KEY, &r);
    assert_ptr_equal(record_put_header(&r), buffer);
    assert_memory_equal(buffer + RECORD_HEADER_LEN, r.explicit_nonce, RECORD_EXPLICIT_LEN);

    peek_all(buffer, (size_t)RECORD_SEALED_HEADER_LEN + 5 + RECORD_TAG_LEN, &r);
    assert_int_equal(record_open(&KEY, &r), SSM_OK);
    assert_int_equal(r.body_len, 5);
    assert_memory_equal(r.body, "21.5C", 5);
}

/* A zero-length record of type 23 is legal and counts as authentic. */
static void empty_plaintext(void **state)
{
    static const struct record_key KEY = {.key = {1}, .iv = {2}};
    uint8_t buffer[RECORD_SEALED_HEADER_LEN + RECORD_TAG_LEN];
    struct record r = {
        .type = RECORD_APPLICATION_DATA, .epoch = {0, 1}, .seq = seq48_make(0xFFFF, 0xFFFFFFFE)};

    (void)state;
    r.body = buffer + RECORD_SEALED_HEADER_LEN;
    record_set_explicit_nonce(&r);
    record_seal(&KEY, &r);
    assert_int_equal(r.body_len, RECORD_TAG_LEN);
    peek_all(record_put_header(&r), sizeof buffer, &r);
    assert_int_equal(bytes_u16(r.seq.bytes), 0xFFFF);
    assert_int_equal(bytes_u32(r.seq.bytes + 2), 0xFFFFFFFE);
    assert_int_equal(record_open(&KEY, &r), SSM_OK);
    assert_int_equal(r.body_len, 0);
}

static void peek_of_several_records(void **state)
{
    /* An alert in clear, then ChangeCipherSpec, in one datagram. */
    uint8_t datagram[] = {21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 5, 0, 2, 2, 40,
                          20, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1, 1};
    struct record r;
    size_t used;

    (void)state;
    assert_int_equal(record_peek(datagram, sizeof datagram, &r, &used), SSM_OK);
    assert_int_equal(used, 15);
    assert_int_equal(r.type, RECORD_ALERT);
    assert_int_equal(record_epoch(&r), 0);
    assert_int_equal(bytes_u32(r.seq.bytes + 2), 5);
    assert_int_equal(r.body_len, 2);
    assert_int_equal(r.body[1], 40);
    assert_ptr_equal(record_put_header(&r), datagram);
    peek_all(datagram + used, sizeof datagram - used, &r);
    assert_int_equal(r.type, RECORD_CHANGE_CIPHER_SPEC);
    assert_int_equal(record_version(&r), RECORD_VERSION_DTLS10);
}

/* Header of a protected record with that version and length. */
static enum status peek_of(uint16_t version, uint16_t length, size_t present)
{
    static uint8_t datagram[RECORD_HEADER_LEN + 0xFFFF];
    struct record r;
    size_t used;

    datagram[0] = RECORD_APPLICATION_DATA;
    bytes_put_u16(datagram + 1, version);
    bytes_put_u16(datagram + 3, 1);
    bytes_put_u16(datagram + 11, length);
    return record_peek(datagram, RECORD_HEADER_LEN + present, &r, &used);
}

static void peek_refuses(void **state)
{
    uint8_t header[RECORD_HEADER_LEN] = {23, 0xFE, 0xFD};
    struct record r;
    size_t used;

    (void)state;
    for (size_t len = 0; len < sizeof header; len++)
        assert_int_equal(record_peek(header, len, &r, &used), SSM_TRUNCATED);
    assert_int_equal(record_peek(header, sizeof header, &r, &used), SSM_OK); /* epoch 0, nothing inside */

    assert_int_equal(peek_of(RECORD_VERSION_DTLS12, 16, 16), SSM_OK);
    assert_int_equal(peek_of(RECORD_VERSION_DTLS12, 16, 15), SSM_TRUNCATED);
    assert_int_equal(peek_of(RECORD_VERSION_DTLS12, 15, 15), SSM_MALFORMED); /* no room for nonce and tag */
    assert_int_equal(peek_of(0x0303, 16, 16), SSM_MALFORMED);                /* TLS 1.2 */
    assert_int_equal(peek_of(RECORD_VERSION_DTLS12, RECORD_LEN_MAX, RECORD_LEN_MAX), SSM_OK);
    assert_int_equal(peek_of(RECORD_VERSION_DTLS12, RECORD_LEN_MAX + 1, RECORD_LEN_MAX + 1), SSM_MALFORMED);
}

static void open_refuses_a_body_without_tag(void **state)
{
    static const struct record_key KEY = {.key = {1}, .iv = {2}};
    uint8_t body[RECORD_TAG_LEN] = {0};
    struct record r = {.type = RECORD_APPLICATION_DATA,
                       .version = RECORD_VERSION_DTLS12_BYTES,
                       .epoch = {0, 1},
                       .body = body};

    (void)state;
    for (r.body_len = 0; r.body_len < RECORD_TAG_LEN; r.body_len++)
        assert_int_equal(record_open(&KEY, &r), SSM_BAD_TAG);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(captured_records_open),
        cmocka_unit_test(captured_records_seal),
        cmocka_unit_test(captured_records_tampered),
        cmocka_unit_test(explicit_nonce_is_taken_from_the_record),
        cmocka_unit_test(empty_plaintext),
        cmocka_unit_test(peek_of_several_records),
        cmocka_unit_test(peek_refuses),
        cmocka_unit_test(open_refuses_a_body_without_tag),
    };

    return cmocka_run_group_tests_name("record", TESTS, NULL, NULL);
}
