/* The table of sessions that may be resumed: who is found, who gives way, and that nothing stays. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "resumption.h"

enum { ROOM = 4 };

static struct resumption_entry entries[ROOM];
static struct resumption table;

static int setup(void **state)
{
    (void)state;
    memset(entries, 0, sizeof entries);
    table = (struct resumption){.all = entries, .cap = ROOM};
    return 0;
}

static struct handshake_session session(uint8_t id)
{
    struct handshake_session s = {.len = 100};

    memset(s.id, id, sizeof s.id);
    memset(s.bytes, id, s.len);
    return s;
}

static struct resumption_entry *add(uint8_t id, uint64_t until_ms)
{
    const struct handshake_session s = session(id);
    struct resumption_entry *entry = resumption_add(&table, &s, until_ms);

    entry->node = id;
    entry->claim.subscriber = id;
    entry->handle = id;
    return entry;
}

static struct resumption_entry *find(uint8_t id, uint64_t now_ms)
{
    const struct handshake_session s = session(id);

    return resumption_find(&table, s.id, sizeof s.id, now_ms);
}

static bool is_wiped(size_t i)
{
    static const struct resumption_entry NOTHING;

    return memcmp(&entries[i], &NOTHING, sizeof NOTHING) == 0;
}

static void a_session_is_found_by_its_whole_id(void **state)
{
    struct handshake_session s = session(1);

    (void)state;
    assert_ptr_equal(find(1, 0), NULL);
    struct resumption_entry *entry = add(1, 1000);
    assert_ptr_equal(find(1, 0), entry);
    assert_memory_equal(entry->session.bytes, s.bytes, s.len);
    assert_null(find(2, 0));
    assert_null(resumption_find(&table, s.id, sizeof s.id - 1, 0));
    s.id[31] ^= 1;
    assert_null(resumption_find(&table, s.id, sizeof s.id, 0));
}

static void a_table_without_room_holds_nothing(void **state)
{
    (void)state;
    table.cap = 0;
    assert_null(find(0, 0)); /* what an empty entry would be found by */
    assert_int_equal(resumption_tick(&table, 5), UINT64_MAX);
}

static void its_time_over_it_is_neither_found_nor_left(void **state)
{
    (void)state;
    add(1, 1000);
    add(2, 3000);
    assert_int_equal(resumption_tick(&table, 999), 1000);
    assert_non_null(find(1, 999));
    assert_null(find(1, 1000)); /* before any tick */
    assert_int_equal(resumption_tick(&table, 1000), 3000);
    assert_true(is_wiped(0));
    assert_int_equal(table.count, 1);
    assert_int_equal(resumption_tick(&table, 3000), UINT64_MAX);
    assert_true(is_wiped(1));
    assert_int_equal(table.count, 0);
}

static void an_earlier_end_than_the_others_is_noticed(void **state)
{
    (void)state;
    add(1, 5000);
    assert_int_equal(resumption_tick(&table, 10), 5000);
    add(2, 1000);
    assert_int_equal(resumption_tick(&table, 20), 1000);
}

static void the_oldest_gives_way(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < ROOM; i++)
        add((uint8_t)(i + 1), 1000u + (i ^ 1u)); /* the second is the oldest */
    assert_int_equal(table.count, ROOM);
    add(9, 2000);
    assert_int_equal(table.count, ROOM);
    assert_null(find(2, 0));
    for (uint8_t i = 0; i < ROOM; i++)
        assert_true(i == 1 || find((uint8_t)(i + 1), 0) != NULL);
    assert_non_null(find(9, 0));
}

/* A longer secret of the one before does not stay behind a shorter one. */
static void nothing_of_who_gave_way_stays(void **state)
{
    struct handshake_session short_one = session(7);

    (void)state;
    table.cap = 1;
    add(1, 1000);
    short_one.len = 1;
    memset(short_one.bytes + 1, 0, sizeof short_one.bytes - 1);
    (void)resumption_add(&table, &short_one, 2000);
    for (size_t i = 1; i < sizeof entries[0].session.bytes; i++)
        assert_int_equal(entries[0].session.bytes[i], 0);
    assert_int_equal(entries[0].claim.subscriber, 0);
    assert_int_equal(entries[0].handle, 0);
}

static void what_is_removed_is_wiped_and_no_more(void **state)
{
    static const struct {
        uint32_t node;
        uint32_t subscriber;
        uint16_t handle;
        uint8_t goes; /* bit i: entry i */
    } CASES[] = {{1, 0, 0, 1}, {0, 2, 0, 2}, {3, 0, 3, 4}, {3, 0, 2, 0}, {2, 1, 0, 0}, {0, 0, 0, 7}};

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        setup(state);
        for (uint8_t id = 1; id <= 3; id++)
            add(id, 1000);
        resumption_forget_all(&table, CASES[i].node, CASES[i].subscriber, CASES[i].handle);
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(is_wiped(k), CASES[i].goes >> k & 1);
        assert_int_equal(table.count, 3 - __builtin_popcount(CASES[i].goes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_session_is_found_by_its_whole_id, setup),
        cmocka_unit_test_setup(a_table_without_room_holds_nothing, setup),
        cmocka_unit_test_setup(its_time_over_it_is_neither_found_nor_left, setup),
        cmocka_unit_test_setup(an_earlier_end_than_the_others_is_noticed, setup),
        cmocka_unit_test_setup(the_oldest_gives_way, setup),
        cmocka_unit_test_setup(nothing_of_who_gave_way_stays, setup),
        cmocka_unit_test_setup(what_is_removed_is_wiped_and_no_more, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
