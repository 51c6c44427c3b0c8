/* So many events a second, and so many at once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "budget.h"
#include "seeded.h"

static unsigned take_all(struct budget *b, const struct budget_rate *rate, uint64_t now_ms)
{
    unsigned count = 0;

    while (count < 1000000 && budget_take(b, rate, now_ms))
        count++;
    return count;
}

static void a_burst_and_then_the_rate(void **state)
{
    const struct budget_rate rate = budget_rate_of(10, 5);
    struct budget b = {0};
    uint64_t now_ms = 1000000;

    (void)state;
    assert_int_equal(take_all(&b, &rate, now_ms), 5);
    assert_int_equal(take_all(&b, &rate, now_ms + 99), 0);
    assert_int_equal(take_all(&b, &rate, now_ms + 100), 1);
    assert_int_equal(take_all(&b, &rate, now_ms + 450), 3);
    assert_int_equal(take_all(&b, &rate, now_ms + 3600000), 5);
}

static void without_limit_all_pass(void **state)
{
    const struct budget_rate rate = budget_rate_of(0, 5);
    struct budget b = {0};

    (void)state;
    assert_int_equal(take_all(&b, &rate, 0), 1000000);
}

/* Begun at any time, also where the microseconds wrap around; asked more often than a burst lasts. */
static void no_more_and_no_fewer_than_the_rate_allows(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++) {
        uint32_t per_s = 1 + seeded_u32() % 100;
        uint32_t burst = 2 + seeded_u32() % 60;
        const struct budget_rate rate = budget_rate_of(per_s, burst);
        uint64_t begin_ms = seeded_u32();
        uint64_t now_ms = begin_ms;
        struct budget b = {0};
        uint64_t count = 0;

        for (int step = 0; step < 1000; step++) {
            count += take_all(&b, &rate, now_ms);
            now_ms += seeded_u32() % (burst * 500 / per_s);
        }
        uint64_t due = (now_ms - begin_ms) * 1000 / rate.interval_us;
        assert_true(count <= due + burst);
        assert_true(count + burst + 1 >= due);
    }
}

static void an_old_debt_is_none(void **state)
{
    const struct budget_rate rate = budget_rate_of(1, 32);
    struct budget b = {0};

    (void)state;
    for (uint64_t days = 0; days < 100; days++) {
        uint64_t now_ms = days * 86400000 + 12345;

        assert_in_range(take_all(&b, &rate, now_ms), 0, 32);
        assert_int_equal(take_all(&b, &rate, now_ms + 32000), 32);
    }
}

static void a_debt_under_a_faster_rate_is_forgotten(void **state)
{
    const struct budget_rate fast = budget_rate_of(10, 100);
    const struct budget_rate slow = budget_rate_of(1, 1);
    struct budget b = {0};

    (void)state;
    assert_int_equal(take_all(&b, &fast, 5000), 100);
    assert_int_equal(take_all(&b, &slow, 5000), 1);
    assert_int_equal(take_all(&b, &slow, 5999), 0);
    assert_int_equal(take_all(&b, &slow, 6000), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_and_then_the_rate),
        cmocka_unit_test(without_limit_all_pass),
        cmocka_unit_test(no_more_and_no_fewer_than_the_rate_allows),
        cmocka_unit_test(an_old_debt_is_none),
        cmocka_unit_test(a_debt_under_a_faster_rate_is_forgotten),
    };

    seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
