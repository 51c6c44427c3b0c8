/* The log: what strangers can cause is limited, and no byte of theirs controls a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Standard error, caught in a file. */
struct catch
{
    int saved;
    FILE *file;
    char text[8192];
};

static void catch_begin(struct catch *c)
{
    c->file = tmpfile();
    assert_non_null(c->file);
    c->saved = dup(STDERR_FILENO);
    dup2(fileno(c->file), STDERR_FILENO);
}

static void catch_end(struct catch *c)
{
    size_t len;

    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    rewind(c->file);
    len = fread(c->text, 1, sizeof c->text - 1, c->file);
    c->text[len] = '\0';
    fclose(c->file);
}

static void test_journal_prefix_and_level(void **state)
{
    struct catch c;

    (void)state;
    log_open("relay", LOG_FOR_JOURNAL, LOG_NOTICE);
    catch_begin(&c);
    log_line(LOG_ERR, "one %d", 1);
    log_line(LOG_NOTICE, "two");
    log_line(LOG_INFO, "three");
    catch_end(&c);
    assert_string_equal(c.text, "<3>relay: one 1\n<5>relay: two\n");
}

static void test_control_characters_are_replaced(void **state)
{
    struct catch c;

    (void)state;
    log_open("keys", LOG_FOR_JOURNAL, LOG_INFO);
    catch_begin(&c);
    log_line(LOG_INFO, "identity '%s'", "a\nb\x1b[2J\x7f");
    catch_end(&c);
    assert_string_equal(c.text, "<6>keys: identity 'a?b?[2J?'\n");
}

static void test_a_long_line_is_cut(void **state)
{
    char text[3000];
    struct catch c;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_open("keys", LOG_FOR_PEOPLE, LOG_INFO);
    catch_begin(&c);
    log_line(LOG_INFO, "%s", text);
    catch_end(&c);
    assert_int_equal(strlen(c.text), 1023);
    assert_int_equal(c.text[1022], '\n');
    assert_non_null(strstr(c.text, " keys info: xxx"));
}

static void test_limit(void **state)
{
    struct log_limit limit = {0};
    uint32_t suppressed;
    int passed = 0;

    (void)state;
    for (uint64_t ms = 100000; ms < 110000; ms += 100)
        passed += log_limit_pass(&limit, ms, &suppressed);
    assert_int_equal(passed, 5);
    assert_true(log_limit_pass(&limit, 110000, &suppressed));
    assert_int_equal(suppressed, 95);
    assert_true(log_limit_pass(&limit, 110001, &suppressed));
    assert_int_equal(suppressed, 0);
}

static void test_each_event_has_a_limit_of_its_own(void **state)
{
    struct catch c;

    (void)state;
    log_open("keys", LOG_FOR_JOURNAL, LOG_INFO);
    catch_begin(&c);
    for (int i = 0; i < 7; i++)
        log_event(LOG_INFO, 50000, "wrong key", ": %d", i);
    log_event(LOG_INFO, 50000, "unknown identity", "%s", "");
    log_event(LOG_INFO, 60000, "wrong key", ": %d", 7);
    catch_end(&c);
    assert_string_equal(c.text, "<6>keys: wrong key: 0\n<6>keys: wrong key: 1\n<6>keys: wrong key: 2\n"
                                "<6>keys: wrong key: 3\n<6>keys: wrong key: 4\n<6>keys: unknown identity\n"
                                "<6>keys: wrong key: 7 (2 more like this were not logged)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_journal_prefix_and_level),
        cmocka_unit_test(test_control_characters_are_replaced),
        cmocka_unit_test(test_a_long_line_is_cut),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_each_event_has_a_limit_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
