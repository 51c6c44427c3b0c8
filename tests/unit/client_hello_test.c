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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suite_and_random_are_found),
        cmocka_unit_test(what_is_no_whole_hello_in_clear_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
