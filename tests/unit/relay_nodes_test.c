/* What the relay holds of a node, and for how long. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "relay_nodes.h"

enum { NODE = 7, CAP = 2, SEALED_LEN = 67, WINDOW = 8 };

struct table {
    struct relay_nodes nodes;
    struct relay_node *node;
    uint8_t *block;
};

static int setup(void **state)
{
    struct table *t = calloc(1, sizeof *t);
    struct arena arena = {.block = NULL};

    relay_nodes_init(&t->nodes, &arena, CAP, 1);
    t->block = calloc(1, arena.used);
    assert_non_null(t->block);
    arena = (struct arena){.block = t->block};
    relay_nodes_init(&t->nodes, &arena, CAP, 1);
    t->node = relay_nodes_add(&t->nodes, NODE);
    assert_non_null(t->node);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct table *t = *state;

    free(t->block);
    free(t);
    return 0;
}

static bool holds_any_of(const struct relay_node *node, const uint8_t *secret, size_t len)
{
    for (size_t at = 0; at + WINDOW <= len; at++)
        if (memmem(node, sizeof *node, secret + at, WINDOW) != NULL)
            return true;
    return false;
}

static void the_sealed_key_block_is_wiped_when_its_repetition_ends(void **state)
{
    struct table *t = *state;
    uint8_t sealed[SEALED_LEN];

    for (size_t i = 0; i < sizeof sealed; i++)
        sealed[i] = (uint8_t)(0x80 + i);
    relay_node_repeat(t->node, 1, (struct span){.at = sealed, .len = sizeof sealed}, 500, 1000);
    assert_true(holds_any_of(t->node, sealed, sizeof sealed));
    relay_node_repeat_end(t->node);
    assert_int_equal(t->node->repeat.len, 0);
    assert_false(holds_any_of(t->node, sealed, sizeof sealed));
}

static void a_shorter_repetition_leaves_nothing_of_a_longer_one(void **state)
{
    struct table *t = *state;
    uint8_t sealed[SEALED_LEN];
    static const uint8_t SHORT[] = {1};

    for (size_t i = 0; i < sizeof sealed; i++)
        sealed[i] = (uint8_t)(0x80 + i);
    relay_node_repeat(t->node, 1, (struct span){.at = sealed, .len = sizeof sealed}, 500, 1000);
    relay_node_repeat(t->node, 0, (struct span){.at = SHORT, .len = sizeof SHORT}, 500, 1000);
    assert_false(holds_any_of(t->node, sealed, sizeof sealed));
}

static void a_node_that_is_removed_leaves_no_tag_key(void **state)
{
    struct table *t = *state;
    uint8_t first[LINK_TAG_KEY_LEN], second[LINK_TAG_KEY_LEN];

    for (uint8_t i = 0; i < LINK_TAG_KEY_LEN; i++) {
        first[i] = (uint8_t)(0x40 + i);
        second[i] = (uint8_t)(0xC0 + i);
    }
    relay_node_set_key(t->node, 1, first);
    relay_node_set_key(t->node, 2, second);
    assert_true(holds_any_of(t->node, first, sizeof first)); /* until a tag verifies under the second */
    relay_nodes_remove(&t->nodes, t->node);
    assert_false(holds_any_of(t->node, first, sizeof first));
    assert_false(holds_any_of(t->node, second, sizeof second));
}

int main(void)
{
#define TABLE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TABLE(the_sealed_key_block_is_wiped_when_its_repetition_ends),
        TABLE(a_shorter_repetition_leaves_nothing_of_a_longer_one),
        TABLE(a_node_that_is_removed_leaves_no_tag_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
