#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access.h"

static const uint32_t GRANTED[] = {3, 5, 9};

static void a_nodes_port_leads_to_that_node_if_it_is_granted(void **state)
{
    uint32_t node = 0;

    (void)state;
    assert_int_equal(access_decide(5, GRANTED, 3, &node), ACCESS_GRANTED);
    assert_int_equal(node, 5);
    assert_int_equal(access_decide(9, GRANTED, 3, &node), ACCESS_GRANTED);
    assert_int_equal(node, 9);
}

static void a_refusal_names_no_node(void **state)
{
    uint32_t node = 77;

    (void)state;
    assert_int_equal(access_decide(4, GRANTED, 3, &node), ACCESS_NOT_GRANTED);
    assert_int_equal(access_decide(9, GRANTED, 2, &node), ACCESS_NOT_GRANTED);
    assert_int_equal(access_decide(3, GRANTED, 0, &node), ACCESS_NOT_GRANTED);
    assert_int_equal(node, 77);
}

static void the_shared_port_needs_exactly_one_grant(void **state)
{
    uint32_t node = 77;

    (void)state;
    assert_int_equal(access_decide(ACCESS_SHARED_PORT, GRANTED, 0, &node), ACCESS_NO_NODE);
    assert_int_equal(access_decide(ACCESS_SHARED_PORT, GRANTED, 2, &node), ACCESS_SEVERAL_NODES);
    assert_int_equal(node, 77);
    assert_int_equal(access_decide(ACCESS_SHARED_PORT, GRANTED, 1, &node), ACCESS_GRANTED);
    assert_int_equal(node, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nodes_port_leads_to_that_node_if_it_is_granted),
        cmocka_unit_test(a_refusal_names_no_node),
        cmocka_unit_test(the_shared_port_needs_exactly_one_grant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
