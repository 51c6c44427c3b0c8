/*
 * Which nonce protects a record: the four implicit bytes and the eight that the record carries, whatever its
 * number is (RFC 6655 3). The other side is made by hand, so that sealing and opening cannot be wrong alike.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "ccm.h"
#include "record.h"

enum { TEXT_LEN = 5, RECORD_LEN = RECORD_SEALED_HEADER_LEN + TEXT_LEN + RECORD_TAG_LEN };

static const char TEXT[] = "21.5C";
static const struct record_key KEY = {.key = {1, 2, 3}, .iv = {4, 5, 6, 7}};
static const uint8_t ODD[RECORD_EXPLICIT_LEN] = {0xA5, 0x5A, 1, 2, 3, 4, 5, 6};
static const uint8_t IMPLIED[RECORD_EXPLICIT_LEN] = {0, 1, 0, 0, 0, 0, 0, 9};

/* Application data, epoch 1, number 9, protected under the nonce iv || explicit_nonce. */
static void record_make(const uint8_t explicit_nonce[RECORD_EXPLICIT_LEN], uint8_t out[RECORD_LEN])
{
    static const uint8_t HEADER[RECORD_HEADER_LEN] = {
        23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 9, 0, RECORD_LEN - RECORD_HEADER_LEN};
    static const uint8_t AAD[] = {0, 1, 0, 0, 0, 0, 0, 9, 23, 0xFE, 0xFD, 0, TEXT_LEN};
    uint8_t nonce[RECORD_IV_LEN + RECORD_EXPLICIT_LEN];
    const struct ccm ccm = {.key = KEY.key,
                            .nonce = nonce,
                            .nonce_len = sizeof nonce,
                            .tag_len = RECORD_TAG_LEN,
                            .aad = AAD,
                            .aad_len = sizeof AAD};

    memcpy(nonce, KEY.iv, RECORD_IV_LEN);
    memcpy(nonce + RECORD_IV_LEN, explicit_nonce, RECORD_EXPLICIT_LEN);
    memcpy(out, HEADER, sizeof HEADER);
    memcpy(out + RECORD_HEADER_LEN, explicit_nonce, RECORD_EXPLICIT_LEN);
    memcpy(out + RECORD_SEALED_HEADER_LEN, TEXT, TEXT_LEN);
    ccm_seal(&ccm, out + RECORD_SEALED_HEADER_LEN, TEXT_LEN);
}

static void expect_opens(const uint8_t explicit_nonce[RECORD_EXPLICIT_LEN])
{
    uint8_t datagram[RECORD_LEN];
    struct record r;
    size_t used;

    record_make(explicit_nonce, datagram);
    assert_int_equal(record_peek(datagram, sizeof datagram, &r, &used), SSM_OK);
    assert_int_equal(record_open(&KEY, &r), SSM_OK);
    assert_int_equal(r.body_len, TEXT_LEN);
    assert_memory_equal(r.body, TEXT, TEXT_LEN);
}

static void a_record_opens_under_the_nonce_that_it_carries(void **state)
{
    (void)state;
    expect_opens(IMPLIED);
    expect_opens(ODD);
}

static void a_record_is_sealed_under_its_number(void **state)
{
    uint8_t expected[RECORD_LEN], datagram[RECORD_LEN];
    struct record r = {.type = RECORD_APPLICATION_DATA, .epoch = {0, 1}, .body_len = TEXT_LEN};

    (void)state;
    record_make(IMPLIED, expected);
    r.seq = seq48_make(0, 9);
    r.body = datagram + RECORD_SEALED_HEADER_LEN;
    memcpy(r.body, TEXT, TEXT_LEN);
    record_set_explicit_nonce(&r);
    record_seal(&KEY, &r);
    assert_ptr_equal(record_put_header(&r), datagram);
    assert_memory_equal(datagram, expected, RECORD_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_opens_under_the_nonce_that_it_carries),
        cmocka_unit_test(a_record_is_sealed_under_its_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
