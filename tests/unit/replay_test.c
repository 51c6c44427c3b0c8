#include "replay.h"

#include "seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

struct step {
    uint64_t number;
    bool accepted;
};

static struct seq48 seq_of(uint64_t number)
{
    return seq48_make((uint16_t)(number >> 32), (uint32_t)number);
}

static void assert_verdicts(const struct step *steps, size_t count)
{
    struct replay window = {0};

    for (size_t i = 0; i < count; i++) {
        struct seq48 number = seq_of(steps[i].number);
        if (replay_accept(&window, &number) != steps[i].accepted)
            fail_msg("step %zu: number %llu", i, (unsigned long long)steps[i].number);
        assert_false(replay_accept(&window, &number));
    }
}

#define ASSERT_VERDICTS(...)                                                                                 \
    do {                                                                                                     \
        static const struct step STEPS[] = {__VA_ARGS__};                                                    \
        assert_verdicts(STEPS, sizeof STEPS / sizeof STEPS[0]);                                              \
    } while (0)

/* One stack sends its Finished with number 5 and its first data with number 1. */
static void first_number_is_any(void **state)
{
    (void)state;
    ASSERT_VERDICTS({5, true}, {1, true}, {0, true}, {5, false}, {1, false}, {2, true}, {6, true});
}

static void edges_of_the_window(void **state)
{
    (void)state;
    ASSERT_VERDICTS({100, true}, {37, true}, {36, false}, {101, true}, {37, false}, {38, true}, {99, true},
                    {99, false});
}

/* Bits are shared modulo 64: a jump must forget what it skips over, and all of it when it is longer than the
 * window. */
static void jumps(void **state)
{
    (void)state;
    ASSERT_VERDICTS({10, true}, {137, true}, {10, false}, {74, true}, {73, false}, {138, true}, {75, true});
    ASSERT_VERDICTS({0, true}, {63, true}, {64, true}, {0, false}, {1, true}, {127, true}, {64, false},
                    {65, true});
    ASSERT_VERDICTS({1, true}, {2, true}, {3, true}, {66, true}, {3, false}, {4, true}, {65, true});
    ASSERT_VERDICTS({7, true}, {7 + (1ull << 40), true}, {7, false}, {6 + (1ull << 40), true},
                    {7 + (1ull << 40), false});
}

static void carry_from_low_to_high_word(void **state)
{
    (void)state;
    ASSERT_VERDICTS({0xFFFFFFF0, true}, {0x100000010, true}, {0xFFFFFFF0, false}, {0xFFFFFFFF, true},
                    {0x100000000, true}, {0xFFFFFFD1, true}, {0xFFFFFFD0, false}, {0xFFFFFFFF, false});
}

static void ends_of_the_number_space(void **state)
{
    (void)state;
    ASSERT_VERDICTS({0, true}, {0, false}, {0xFFFFFFFFFFFF, true}, {0, false}, {0xFFFFFFFFFFFE, true},
                    {0xFFFFFFFFFFC0, true}, {0xFFFFFFFFFFBF, false}, {0xFFFFFFFFFFFF, false});
}

static void refusal_changes_nothing(void **state)
{
    const struct seq48 numbers[] = {seq_of(100), seq_of(100), seq_of(36)};
    struct replay window = {0};
    struct replay before;

    (void)state;
    assert_true(replay_accept(&window, &numbers[0]));
    memcpy(&before, &window, sizeof before);
    assert_false(replay_accept(&window, &numbers[1]));
    assert_false(replay_accept(&window, &numbers[2]));
    assert_memory_equal(&window, &before, sizeof before);
}

/* Against a model that remembers every number. */
static void random_walk_agrees_with_a_model(void **state)
{
    enum { SPAN = 4096 };
    static bool seen[SPAN];

    (void)state;
    seeded_start();
    for (int round = 0; round < 20; round++) {
        struct replay window = {0};
        uint64_t base = (uint64_t)seeded_u32() << 8;
        int64_t highest = -1;
        uint64_t at = 0;
        memset(seen, 0, sizeof seen);
        for (int i = 0; i < 4000; i++) {
            uint64_t number = at + seeded_u32() % 80;
            number = number > 70 ? number - 70 : 0;
            if (seeded_u32() % 50 == 0)
                number += seeded_u32() % 150;
            if (number >= SPAN)
                break;
            bool expected =
                !seen[number] && ((int64_t)number > highest || highest - (int64_t)number < REPLAY_WIDTH);
            struct seq48 wire = seq_of(base + number);
            assert_int_equal(replay_accept(&window, &wire), expected);
            seen[number] = true;
            if ((int64_t)number > highest)
                highest = (int64_t)number;
            at = (uint64_t)highest;
        }
    }
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(first_number_is_any),
        cmocka_unit_test(edges_of_the_window),
        cmocka_unit_test(jumps),
        cmocka_unit_test(carry_from_low_to_high_word),
        cmocka_unit_test(ends_of_the_number_space),
        cmocka_unit_test(refusal_changes_nothing),
        cmocka_unit_test(random_walk_agrees_with_a_model),
    };

    return cmocka_run_group_tests_name("replay", TESTS, NULL, NULL);
}
