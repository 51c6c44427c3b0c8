#include "watchdog.h"

#include "cpu.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum { KEY = 0x5A00, HOLD = 0x80, INTERVAL_MODE = 0x10, CLEAR = 0x08, ON_ACLK = 0x04, TICKS_64 = 3 };

static struct stop stop;
static struct clock c;
static struct sfr sfr;
static struct watchdog w;

static int setup(void **state)
{
    (void)state;
    stop = (struct stop){0};
    sfr = (struct sfr){0};
    clock_init(&c, &stop);
    watchdog_init(&w, &c, &sfr, &stop);
    watchdog_reset(&w, 0);
    return 0;
}

static void is_on_after_reset_with_32768_smclk(void **state)
{
    (void)state;
    assert_int_equal(watchdog_due(&w), clock_time_of(&c, CLOCK_SMCLK, 32768));
    watchdog_run(&w, watchdog_due(&w));
    assert_int_equal(sfr.reset, RESET_WATCHDOG);
    assert_true(sfr.r[SFR_IFG1] & SFR_WDT);
}

static void intervals_and_sources(void **state)
{
    static const unsigned TICKS[] = {32768, 8192, 512, 64};

    (void)state;
    for (uint16_t i = 0; i < 4; i++) {
        watchdog_write(&w, KEY | CLEAR | ON_ACLK | i, 0);
        assert_int_equal(watchdog_due(&w), clock_time_of(&c, CLOCK_ACLK, TICKS[i]));
    }
}

static void wrong_key_resets_and_the_key_reads_otherwise(void **state)
{
    (void)state;
    assert_int_equal(watchdog_read(&w), 0x6900);
    watchdog_write(&w, 0x6980, 0);
    assert_int_equal(sfr.reset, RESET_WATCHDOG_KEY);
    assert_true(sfr.r[SFR_IFG1] & SFR_WDT);
}

static void clearing_starts_anew(void **state)
{
    (void)state;
    watchdog_write(&w, KEY | CLEAR | ON_ACLK, 0);
    watchdog_write(&w, KEY | CLEAR | ON_ACLK, CLOCK_SECOND / 2);
    assert_int_equal(watchdog_due(&w), CLOCK_SECOND * 3 / 2);
    assert_int_equal(watchdog_read(&w), 0x6900 | ON_ACLK);
}

static void hold_keeps_what_was_counted(void **state)
{
    (void)state;
    watchdog_write(&w, KEY | CLEAR | ON_ACLK, 0);
    watchdog_write(&w, KEY | ON_ACLK, CLOCK_SECOND / 8);
    watchdog_write(&w, KEY | HOLD | ON_ACLK, CLOCK_SECOND / 4);
    assert_int_equal(watchdog_due(&w), CLOCK_NEVER);
    watchdog_write(&w, KEY | ON_ACLK, 10 * CLOCK_SECOND);
    assert_int_equal(watchdog_due(&w), 10 * CLOCK_SECOND + CLOCK_SECOND * 3 / 4);
}

/* SLAU049 10.2.5: what counts SMCLK does not count while that is off. */
static void stands_still_with_its_clock(void **state)
{
    (void)state;
    clock_set_power(&c, CPU_SCG1 | CPU_OFF, 0);
    assert_int_equal(watchdog_due(&w), CLOCK_NEVER);
}

static void interval_mode_interrupts_again_and_again(void **state)
{
    (void)state;
    watchdog_write(&w, KEY | CLEAR | ON_ACLK | INTERVAL_MODE | TICKS_64, 0);
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(watchdog_due(&w), clock_time_of(&c, CLOCK_ACLK, 64 * i));
        sfr.r[SFR_IFG1] = 0;
        watchdog_run(&w, watchdog_due(&w));
        assert_true(sfr.r[SFR_IFG1] & SFR_WDT);
        assert_int_equal(sfr.reset, RESET_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(is_on_after_reset_with_32768_smclk, setup),
        cmocka_unit_test_setup(intervals_and_sources, setup),
        cmocka_unit_test_setup(wrong_key_resets_and_the_key_reads_otherwise, setup),
        cmocka_unit_test_setup(clearing_starts_anew, setup),
        cmocka_unit_test_setup(hold_keeps_what_was_counted, setup),
        cmocka_unit_test_setup(stands_still_with_its_clock, setup),
        cmocka_unit_test_setup(interval_mode_interrupts_again_and_again, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
