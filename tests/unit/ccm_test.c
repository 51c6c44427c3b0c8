#include "ccm.h"

#include "../vectors/ccm_vectors.h"
#include "../vectors/hex.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum { VECTOR_COUNT = sizeof CCM_VECTORS / sizeof CCM_VECTORS[0], BUFFER_LEN = 64 };

/* One vector in binary; the parameters point into it. */
struct loaded {
    uint8_t key[AES_KEY_LEN], nonce[CCM_NONCE_LEN_MAX], aad[BUFFER_LEN], plain[BUFFER_LEN],
        sealed[BUFFER_LEN];
    uint16_t plain_len;
    size_t sealed_len;
    struct ccm ccm;
};

static void load(const struct ccm_vector *v, struct loaded *out)
{
    hex_read(v->key, out->key);
    out->plain_len = (uint16_t)hex_read(v->plain, out->plain);
    out->sealed_len = hex_read(v->sealed, out->sealed);
    out->ccm = (struct ccm){
        .key = out->key,
        .nonce = out->nonce,
        .nonce_len = (uint8_t)hex_read(v->nonce, out->nonce),
        .tag_len = (uint8_t)v->tag_len,
        .aad = out->aad,
        .aad_len = (uint8_t)hex_read(v->aad, out->aad),
    };
    assert_int_equal(out->sealed_len, out->plain_len + v->tag_len);
}

static void known_answers_seal(void **state)
{
    struct loaded v;
    uint8_t data[BUFFER_LEN];

    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        load(&CCM_VECTORS[i], &v);
        memcpy(data, v.plain, v.plain_len);
        ccm_seal(&v.ccm, data, v.plain_len);
        assert_memory_equal(data, v.sealed, v.sealed_len);
    }
}

static void known_answers_open(void **state)
{
    struct loaded v;

    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        load(&CCM_VECTORS[i], &v);
        assert_int_equal(ccm_open(&v.ccm, v.sealed, v.plain_len), SSM_OK);
        assert_memory_equal(v.sealed, v.plain, v.plain_len);
    }
}

static void assert_refused_and_zeroed(const struct loaded *v, uint8_t *sealed)
{
    static const uint8_t ZEROS[BUFFER_LEN];

    assert_int_equal(ccm_open(&v->ccm, sealed, v->plain_len), SSM_BAD_TAG);
    assert_memory_equal(sealed, ZEROS, v->plain_len);
}

static void each_bit_of_the_sealed_message_counts(void **state)
{
    struct loaded v;
    uint8_t bad[BUFFER_LEN];

    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        load(&CCM_VECTORS[i], &v);
        for (size_t bit = 0; bit < 8 * v.sealed_len; bit++) {
            memcpy(bad, v.sealed, v.sealed_len);
            bad[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_refused_and_zeroed(&v, bad);
        }
    }
}

static void each_byte_of_key_nonce_and_aad_counts(void **state)
{
    struct loaded v;
    uint8_t copy[BUFFER_LEN];

    (void)state;
    load(&CCM_VECTORS[0], &v);
    struct {
        uint8_t *bytes;
        size_t len;
    } inputs[] = {{v.key, AES_KEY_LEN}, {v.nonce, v.ccm.nonce_len}, {v.aad, v.ccm.aad_len}};
    for (size_t i = 0; i < 3; i++) {
        for (size_t at = 0; at < inputs[i].len; at++) {
            memcpy(copy, v.sealed, v.sealed_len);
            inputs[i].bytes[at] ^= 1;
            assert_refused_and_zeroed(&v, copy);
            inputs[i].bytes[at] ^= 1;
        }
    }
}

/* "No associated data" and the flag for it are part of what is authenticated (RFC 3610 2.2). */
static void empty_inputs(void **state)
{
    static const uint8_t KEY[AES_KEY_LEN] = {1};
    static const uint8_t NONCE[12] = {2};
    struct ccm ccm = {.key = KEY, .nonce = NONCE, .nonce_len = sizeof NONCE, .tag_len = 8};
    uint8_t expected[8];
    uint8_t tag[8];

    (void)state;
    hex_read("4bf166c09ce77647", expected); /* OpenSSL's answer */
    ccm_seal(&ccm, tag, 0);
    assert_memory_equal(tag, expected, sizeof tag);
    assert_int_equal(ccm_open(&ccm, tag, 0), SSM_OK);
    ccm.aad = KEY;
    ccm.aad_len = 1;
    assert_int_equal(ccm_open(&ccm, tag, 0), SSM_BAD_TAG);
}

/* The block counter carries into its second byte after 255 blocks: the largest DTLS record needs 1,024. */
static void largest_record(void **state)
{
    static const uint8_t KEY[AES_KEY_LEN] = {3};
    static const uint8_t NONCE[12] = {4};
    static uint8_t data[16384 + 8];
    struct ccm ccm = {.key = KEY, .nonce = NONCE, .nonce_len = sizeof NONCE, .tag_len = 8};
    uint8_t expected[8];

    (void)state;
    hex_read("acaf79de110271a8", expected); /* OpenSSL's answer */
    ccm_seal(&ccm, data, 16384);
    assert_memory_equal(data + 16384, expected, sizeof expected);
    hex_read("174ce8731d2ec0c6", expected);
    assert_memory_equal(data + 16384 - 8, expected, sizeof expected);
    assert_int_equal(ccm_open(&ccm, data, 16384), SSM_OK);
    for (size_t i = 0; i < 16384; i++)
        assert_int_equal(data[i], 0);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(known_answers_seal),
        cmocka_unit_test(known_answers_open),
        cmocka_unit_test(each_bit_of_the_sealed_message_counts),
        cmocka_unit_test(each_byte_of_key_nonce_and_aad_counts),
        cmocka_unit_test(empty_inputs),
        cmocka_unit_test(largest_record),
    };

    return cmocka_run_group_tests_name("ccm", TESTS, NULL, NULL);
}
