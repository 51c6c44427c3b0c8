#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "flow/keys_store_memory.h"
#include "nodes.h"

struct table {
    struct keys_memory store;
    struct delegation_env env;
    struct nodes nodes;
    struct node pool[MEMORY_NODES_MAX];
    struct node *by_name[MEMORY_NODES_MAX];
};

static struct table table;

static int setup(void **state)
{
    table = (struct table){0};
    table.env.config.max_nodes = MEMORY_NODES_MAX;
    table.env.config.node_slots = 4;
    table.env.store = memory_table(&table.store);
    table.nodes = (struct nodes){.env = &table.env, .pool = table.pool, .by_name = table.by_name};
    *state = &table.nodes;
    return 0;
}

static struct node *add(struct nodes *nodes, const char *name)
{
    const struct node_row *row = memory_add_node(&table.store, name, 1);

    assert_int_equal(nodes_add(nodes, row), SSM_OK);
    return nodes_find(nodes, row->id);
}

static void nodes_are_found_and_stand_in_order_of_name(void **state)
{
    struct nodes *nodes = *state;
    struct node *lamp = add(nodes, "lamp");
    struct node *door = add(nodes, "door");
    struct node *lamp2 = add(nodes, "lamp2");

    assert_ptr_equal(nodes->by_name[0], door);
    assert_ptr_equal(nodes->by_name[1], lamp);
    assert_ptr_equal(nodes->by_name[2], lamp2);
    assert_ptr_equal(nodes_find_name(nodes, "lamp", 4), lamp);
    assert_ptr_equal(nodes_find_name(nodes, "lamp2", 5), lamp2);
    assert_null(nodes_find_name(nodes, "lam", 3));
    assert_null(nodes_find(nodes, 9));
}

static void a_known_name_or_id_and_a_full_table_are_refused(void **state)
{
    struct nodes *nodes = *state;
    struct node_row row = {.id = 50, .name = memory_name("lamp")};

    add(nodes, "lamp");
    assert_int_equal(nodes_add(nodes, &row), SSM_EXISTS);
    row = (struct node_row){.id = 1, .name = memory_name("other")};
    assert_int_equal(nodes_add(nodes, &row), SSM_EXISTS);
    add(nodes, "a");
    add(nodes, "b");
    add(nodes, "c");
    row.id = 60;
    assert_int_equal(nodes_add(nodes, &row), SSM_NO_ROOM);
}

static void a_removed_node_is_wiped(void **state)
{
    static const struct node NOTHING;
    struct nodes *nodes = *state;
    struct node *lamp = add(nodes, "lamp");

    add(nodes, "door");
    nodes_remove(nodes, lamp);
    assert_null(nodes_find_name(nodes, "lamp", 4));
    assert_non_null(nodes_find_name(nodes, "door", 4));
    assert_int_equal(nodes->count, 1);
    assert_memory_equal(lamp, &NOTHING, sizeof NOTHING);
}

static void numbers_are_reserved_in_blocks_before_use(void **state)
{
    struct nodes *nodes = *state;
    struct node *lamp = add(nodes, "lamp");
    uint16_t number;

    for (uint16_t i = 1; i <= 600; i++) {
        assert_int_equal(nodes_take_session_number(nodes, lamp, &number), SSM_OK);
        assert_int_equal(number, i);
        assert_true(table.store.nodes[0].session_limit >= number);
        assert_true(table.store.nodes[0].session_limit <= number + 255);
    }
    table.store.is_broken = true;
    while (lamp->next_session <= lamp->row.session_limit)
        assert_int_equal(nodes_take_session_number(nodes, lamp, &number), SSM_OK);
    assert_int_equal(nodes_take_session_number(nodes, lamp, &number), SSM_IO);
}

static void numbers_go_on_behind_the_reserved_ones_after_a_start(void **state)
{
    struct nodes *nodes = *state;
    struct node_row row = {.id = 1, .name = memory_name("lamp"), .session_limit = 32};
    uint16_t number;

    memory_add_node(&table.store, "lamp", 1);
    assert_int_equal(nodes_add(nodes, &row), SSM_OK);
    assert_int_equal(nodes_take_session_number(nodes, nodes_find(nodes, 1), &number), SSM_OK);
    assert_int_equal(number, 33);
}

static void all_numbers_are_used_once_and_then_none(void **state)
{
    struct nodes *nodes = *state;
    struct node *lamp = add(nodes, "lamp");
    uint16_t number = 0;

    for (uint32_t i = 1; i <= 0xFFFF; i++) {
        assert_int_equal(nodes_take_session_number(nodes, lamp, &number), SSM_OK);
        assert_int_equal(number, i);
    }
    assert_int_equal(nodes_take_session_number(nodes, lamp, &number), SSM_EXHAUSTED);
    nodes_forget_sessions(nodes, lamp); /* the node has rebooted: none of them lives */
    assert_int_equal(nodes_take_session_number(nodes, lamp, &number), SSM_OK);
    assert_int_equal(number, 1);
}

static void numbers_do_not_start_again_while_there_are_plenty(void **state)
{
    struct nodes *nodes = *state;
    struct node *lamp = add(nodes, "lamp");
    uint16_t number;

    assert_int_equal(nodes_take_session_number(nodes, lamp, &number), SSM_OK);
    nodes_forget_sessions(nodes, lamp);
    assert_int_equal(nodes_take_session_number(nodes, lamp, &number), SSM_OK);
    assert_int_equal(number, 2);
}

static struct endpoint at_port(uint16_t port)
{
    return (struct endpoint){.addr = {[15] = 1}, .port = port};
}

static void occupy(struct node *node, uint8_t slot, uint16_t port)
{
    node->slots[slot] =
        (struct node_slot){.handle = (uint16_t)(slot + 1), .peer = at_port(port), .local = at_port(5684)};
}

static void the_slot_of_the_same_five_tuple_is_replaced(void **state)
{
    struct nodes *nodes = *state;
    struct node *lamp = add(nodes, "lamp");
    struct endpoint peer = at_port(4001), local = at_port(5684), other = at_port(5685);

    occupy(lamp, 0, 4000);
    occupy(lamp, 1, 4001);
    assert_int_equal(nodes_choose_slot(nodes, lamp, &peer, &local), 1);
    assert_true(nodes_slot_replaces(&lamp->slots[1]));
    assert_int_equal(nodes_choose_slot(nodes, lamp, &peer, &other), 2);
    assert_false(nodes_slot_replaces(&lamp->slots[2]));
}

static void a_slot_that_the_node_may_still_hold_is_taken_last_and_replaced(void **state)
{
    struct nodes *nodes = *state;
    struct node *lamp = add(nodes, "lamp");
    struct endpoint peer = at_port(4009), local = at_port(5684);

    occupy(lamp, 0, 4000);
    occupy(lamp, 1, 4001);
    nodes_free_slot(nodes, lamp, 1, false);
    assert_int_equal(nodes_choose_slot(nodes, lamp, &peer, &local), 2);
    occupy(lamp, 2, 4002);
    occupy(lamp, 3, 4003);
    assert_int_equal(nodes_choose_slot(nodes, lamp, &peer, &local), 0);
    assert_true(nodes_slot_replaces(&lamp->slots[0]));
    occupy(lamp, 0, 4000);
    assert_int_equal(nodes_choose_slot(nodes, lamp, &peer, &local), NODE_NO_SLOT);
    assert_int_equal(nodes_session_count(lamp), 4);
}

static void what_an_exchange_settles_is_known_to_the_node(void **state)
{
    struct nodes *nodes = *state;
    struct node *lamp = add(nodes, "lamp");

    occupy(lamp, 0, 4000);
    occupy(lamp, 1, 4001);
    nodes_free_slot(nodes, lamp, 1, false);
    nodes_exchange_begin(lamp, NODE_EXCHANGE_LIVE, 0, 0xFF);
    nodes_free_slot(nodes, lamp, 2, false); /* the list that is out still names it */
    nodes_exchange_end(nodes, lamp, true);
    assert_false(lamp->slots[0].is_stale);
    assert_true(lamp->slots[1].is_stale);
    nodes_exchange_begin(lamp, NODE_EXCHANGE_KEYBLOCK, 7, 1 << 3);
    nodes_exchange_end(nodes, lamp, false);
    assert_true(lamp->slots[3].is_stale);
    assert_false(lamp->slots[2].is_stale);
}

static void a_listed_session_keeps_its_number_from_being_used_again(void **state)
{
    struct nodes *nodes = *state;
    struct node *lamp = add(nodes, "lamp");
    const struct session_row row = {.node = 1, .handle = 500, .slot = 2};
    const struct session_row beyond = {.node = 1, .handle = 501, .slot = KEYBLOCK_SLOTS};
    const struct session_row next = {.node = 1, .handle = 502, .slot = 1};
    uint16_t number;

    nodes_restore_slot(lamp, &row);
    nodes_restore_slot(lamp, &beyond);
    assert_ptr_equal(nodes_find_slot(lamp, 500), &lamp->slots[2]);
    assert_null(nodes_find_slot(lamp, 501));
    assert_int_equal(nodes_take_session_number(nodes, lamp, &number), SSM_OK);
    assert_int_equal(number, 501);
    assert_true(table.store.nodes[0].session_limit >= 501);
    nodes_restore_slot(lamp, &next);
    assert_int_equal(nodes_take_session_number(nodes, lamp, &number), SSM_OK);
    assert_int_equal(number, 503);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nodes_are_found_and_stand_in_order_of_name, setup),
        cmocka_unit_test_setup(a_known_name_or_id_and_a_full_table_are_refused, setup),
        cmocka_unit_test_setup(a_removed_node_is_wiped, setup),
        cmocka_unit_test_setup(numbers_are_reserved_in_blocks_before_use, setup),
        cmocka_unit_test_setup(numbers_go_on_behind_the_reserved_ones_after_a_start, setup),
        cmocka_unit_test_setup(all_numbers_are_used_once_and_then_none, setup),
        cmocka_unit_test_setup(numbers_do_not_start_again_while_there_are_plenty, setup),
        cmocka_unit_test_setup(the_slot_of_the_same_five_tuple_is_replaced, setup),
        cmocka_unit_test_setup(a_slot_that_the_node_may_still_hold_is_taken_last_and_replaced, setup),
        cmocka_unit_test_setup(what_an_exchange_settles_is_known_to_the_node, setup),
        cmocka_unit_test_setup(a_listed_session_keeps_its_number_from_being_used_again, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
