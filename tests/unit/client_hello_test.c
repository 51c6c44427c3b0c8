/* What is read of a stranger's ClientHello. */
#include "fake_engine.h"

#include "client_hello.h"

static bool read_hello(const uint8_t *bytes, size_t len, struct client_hello *out)
{
    struct reader r = reader_over(bytes, len);
    struct handshake_record record;

    return handshake_record_read(&r, &record) == SSM_OK && client_hello_read(&record, out);
}

static void suite_and_random_are_found(void **state)
{
    uint8_t hello[FAKE_HELLO_LEN];
    struct client_hello out;

    (void)state;
    fake_hello(0xC0A8, 7, hello);
    assert_true(read_hello(hello, sizeof hello, &out));
    assert_true(out.offers_psk);
    assert_ptr_equal(out.random, hello + FAKE_HELLO_RANDOM_AT);
    fake_hello(0xC0AE, 7, hello);
    assert_true(read_hello(hello, sizeof hello, &out));
    assert_false(out.offers_psk);
}

/* RFC 6347 4.2.1: the record sequence number of the hello comes back, and so does the number of its message.
 */
static void the_answer_carries_numbers_and_cookie(void **state)
{
    static const uint8_t BEGIN[] = {22, 0xFE, 0xFD, 0, 0, 1, 2, 3, 4, 5, 6,  0,    47,   3,
                                    0,  0,    35,   0, 9, 0, 0, 0, 0, 0, 35, 0xFE, 0xFD, 32};
    uint8_t hello[FAKE_HELLO_LEN];
    uint8_t cookie[HANDSHAKE_COOKIE_LEN];
    uint8_t answer[HELLO_VERIFY_REQUEST_LEN];
    struct client_hello out;

    (void)state;
    fake_hello(0xC0A8, 7, hello);
    memcpy(hello + 5, BEGIN + 5, 6);
    hello[18] = 9;
    assert_true(read_hello(hello, sizeof hello, &out));
    assert_int_equal(out.cookie_len, 0);
    memset(cookie, 0xC0, sizeof cookie);
    client_hello_ask_cookie(&out, cookie, answer);
    assert_true(sizeof answer <= sizeof hello); /* nothing is amplified */
    assert_int_equal(sizeof answer, sizeof BEGIN + sizeof cookie);
    assert_memory_equal(answer, BEGIN, sizeof BEGIN);
    assert_memory_equal(answer + sizeof BEGIN, cookie, sizeof cookie);
}

/* Every byte of the headers and lengths is set to every value that breaks it; random, versions, numbers,
 * suite and compression may be anything. */
static void what_is_no_whole_hello_in_clear_is_none(void **state)
{
    static const uint8_t BROKEN[] = {0, 4, 13, 14, 15, 16, 19, 20, 21, 22, 23, 24, 59, 60};
    uint8_t hello[FAKE_HELLO_LEN];
    struct client_hello out;

    (void)state;
    for (size_t i = 0; i < sizeof BROKEN; i++) {
        fake_hello(0xC0A8, 0, hello);
        hello[BROKEN[i]] ^= 0x80;
        if (read_hello(hello, sizeof hello, &out))
            fail_msg("byte %u", BROKEN[i]);
    }
    for (size_t len = 0; len < sizeof hello; len++) {
        fake_hello(0xC0A8, 0, hello);
        assert_false(read_hello(hello, len, &out));
    }
}

enum { RETURNING_MAX = FAKE_HELLO_LEN + 64 };

/* fake_hello() with 32 bytes of session ID and these bytes behind the suite; returns its length. */
static size_t returning_hello(const uint8_t *rest, size_t rest_len, uint8_t out[RETURNING_MAX])
{
    enum { SESSION_AT = FAKE_HELLO_RANDOM_AT + 32, TAIL_LEN = 5 /* cookie's length, suites */ };
    uint8_t plain[FAKE_HELLO_LEN];
    const size_t len = SESSION_AT + 1 + HANDSHAKE_SESSION_ID_LEN + TAIL_LEN + rest_len;

    assert_true(len <= RETURNING_MAX);
    fake_hello(0xC0A8, 7, plain);
    memcpy(out, plain, SESSION_AT);
    out[SESSION_AT] = HANDSHAKE_SESSION_ID_LEN;
    memset(out + SESSION_AT + 1, 0x1D, HANDSHAKE_SESSION_ID_LEN);
    memcpy(out + SESSION_AT + 1 + HANDSHAKE_SESSION_ID_LEN, plain + SESSION_AT + 1, TAIL_LEN);
    memcpy(out + len - rest_len, rest, rest_len);
    out[12] = (uint8_t)(len - 13);
    out[16] = out[24] = (uint8_t)(len - 25);
    return len;
}

static void session_id_and_extended_master_secret_are_found(void **state)
{
    static const struct {
        uint8_t rest[16];
        size_t len;
        bool is_offered;
    } CASES[] = {
        {{1, 0}, 2, false},                                     /* no extensions */
        {{1, 0, 0, 0}, 4, false},                               /* an empty list */
        {{1, 0, 0, 4, 0, 23, 0, 0}, 8, true},                   /* alone */
        {{1, 0, 0, 9, 0, 13, 0, 1, 23, 0, 23, 0, 0}, 13, true}, /* behind another */
        {{1, 0, 0, 8, 0, 13, 0, 4, 0, 23, 0, 0}, 12, false},    /* inside another */
        {{1, 0, 0, 4, 0, 23, 0, 1}, 8, false},                  /* cut short */
        {{1, 0, 0, 3, 0, 23, 0}, 7, false},                     /* its length, too */
        {{1, 0, 0}, 3, false},                                  /* the list's length */
        {{2, 0, 0, 0, 4, 0, 23, 0, 0}, 9, true},                /* two compression methods */
        {{255, 0, 0, 4, 0, 23, 0, 0}, 8, false},                /* more than there are */
    };
    uint8_t hello[RETURNING_MAX];
    struct client_hello out;

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        size_t len = returning_hello(CASES[i].rest, CASES[i].len, hello);

        assert_true(read_hello(hello, len, &out));
        assert_int_equal(out.session_id_len, HANDSHAKE_SESSION_ID_LEN);
        assert_int_equal(out.session_id[31], 0x1D);
        if (out.offers_extended_master_secret != CASES[i].is_offered)
            fail_msg("case %zu", i);
    }
    fake_hello(0xC0A8, 7, hello);
    assert_true(read_hello(hello, FAKE_HELLO_LEN, &out));
    assert_int_equal(out.session_id_len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suite_and_random_are_found),
        cmocka_unit_test(the_answer_carries_numbers_and_cookie),
        cmocka_unit_test(what_is_no_whole_hello_in_clear_is_none),
        cmocka_unit_test(session_id_and_extended_master_secret_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
