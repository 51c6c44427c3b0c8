/* Which server names mean what. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "server_name.h"

static bool matches(const char *asked, const char *name)
{
    return server_name_matches(asked, strlen(asked), name, strlen(name));
}

static void a_name_stands_for_itself_and_for_all_below_it(void **state)
{
    (void)state;
    assert_true(matches("kitchen", "kitchen"));
    assert_true(matches("kitchen.home.arpa", "kitchen"));
    assert_true(matches("KITCHEN.Home", "kitchen"));
    assert_true(matches("kitchen.2.lan", "kitchen.2"));
    assert_false(matches("kitchens", "kitchen"));
    assert_false(matches("kitche", "kitchen"));
    assert_false(matches("my.kitchen", "kitchen"));
    assert_false(matches("bitchen", "kitchen"));
    assert_false(matches("", "kitchen"));
    assert_false(matches("kitchen", ""));
    assert_false(matches(".kitchen", ""));
}

static void the_gateways_own_names_are_its_list_and_addresses(void **state)
{
    static const struct server_names OWN = {{{"gateway", 7}, {"localhost", 9}}, 2};
    static const struct {
        const char *asked;
        bool is_own;
    } CASES[] = {
        {"gateway", true},     {"Gateway.lan", true}, {"localhost", true}, {"192.0.2.1", true},
        {"2001:db8::1", true}, {"kitchen", false},    {"gateways", false}, {"kitchen.5", false},
        {"5", false},          {"", false},           {"kitchen5", false}, {"1.kitchen", false},
        {"localhos", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        if (server_name_is_own(&OWN, CASES[i].asked, strlen(CASES[i].asked)) != CASES[i].is_own)
            fail_msg("'%s'", CASES[i].asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_stands_for_itself_and_for_all_below_it),
        cmocka_unit_test(the_gateways_own_names_are_its_list_and_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
