#include "machine_world.h"

enum { RISING = 1 << TMR_MODE_SHIFT, BY_1 = 8 << TMR_SOURCE_SHIFT, BY_128 = 15 << TMR_SOURCE_SHIFT };

static void counts_the_divided_clock(void **state)
{
    struct world *w = *state;

    wr(w, TMR_BASE, TMR_COMP1, 60000);
    wr(w, TMR_BASE, TMR_CTRL, RISING | BY_128);
    pass(w, 128 * 1000 - 1);
    assert_int_equal(rd(w, TMR_BASE, TMR_CNTR), 999);
    pass(w, 1);
    assert_int_equal(rd(w, TMR_BASE, TMR_CNTR), 1000);
    wr(w, TMR_BASE, TMR_CTRL, 0);
    pass(w, 1280);
    assert_int_equal(rd(w, TMR_BASE, TMR_CNTR), 1000); /* stopped */
}

static void to_the_compare_value_and_again(void **state)
{
    struct world *w = *state;

    wr(w, ITC_BASE, ITC_INTENNUM, ITC_TMR);
    wr(w, TMR_BASE, TMR_LOAD, 3);
    wr(w, TMR_BASE, TMR_CNTR, 3);
    wr(w, TMR_BASE, TMR_COMP1, 12);
    wr(w, TMR_BASE, TMR_SCTRL, TMR_TCFIE);
    wr(w, TMR_BASE, TMR_CTRL, RISING | BY_1 | TMR_LENGTH);
    pass(w, 8);
    assert_false(itc_irq(&w->m.itc));
    pass(w, 1);
    assert_true(itc_irq(&w->m.itc));
    pass(w, 1);
    assert_int_equal(rd(w, TMR_BASE, TMR_CNTR), 3);
    wr(w, TMR_BASE, TMR_SCTRL, TMR_TCFIE); /* clears the flag */
    assert_false(itc_irq(&w->m.itc));
    pass(w, 10 * 1000 - 2); /* ten counts a round */
    assert_int_equal(rd(w, TMR_BASE, TMR_CNTR), 11);
    pass(w, 1);
    assert_int_equal(rd(w, TMR_BASE, TMR_SCTRL), TMR_TCFIE | TMR_TCF);
}

static void without_length_it_counts_on(void **state)
{
    struct world *w = *state;

    wr(w, TMR_BASE, TMR_COMP1, 12);
    wr(w, TMR_BASE, TMR_CTRL, RISING | BY_1);
    pass(w, 0x10000 + 5);
    assert_int_equal(rd(w, TMR_BASE, TMR_CNTR), 5);
    assert_int_equal(rd(w, TMR_BASE, TMR_SCTRL), TMR_TCF);
}

static void once(void **state)
{
    struct world *w = *state;
    uint32_t timer1 = TMR_STRIDE;

    wr(w, TMR_BASE, timer1 + TMR_COMP1, 100);
    wr(w, TMR_BASE, timer1 + TMR_CTRL, RISING | BY_1 | TMR_ONCE);
    pass(w, 1000);
    assert_int_equal(rd(w, TMR_BASE, timer1 + TMR_CNTR), 100);
    assert_int_equal(rd(w, TMR_BASE, timer1 + TMR_SCTRL), TMR_TCF);
    wr(w, TMR_BASE, timer1 + TMR_SCTRL, 0);
    wr(w, TMR_BASE, timer1 + TMR_CNTR, 0);
    wr(w, TMR_BASE, timer1 + TMR_CTRL, RISING | BY_1 | TMR_ONCE);
    pass(w, 99);
    assert_int_equal(rd(w, TMR_BASE, timer1 + TMR_SCTRL), 0);
    pass(w, 1);
    assert_int_equal(rd(w, TMR_BASE, timer1 + TMR_SCTRL), TMR_TCF);
}

static void a_compare_value_may_be_preloaded(void **state)
{
    struct world *w = *state;

    wr(w, TMR_BASE, TMR_COMP1, 10);
    wr(w, TMR_BASE, TMR_CMPLD1, 20);
    wr(w, TMR_BASE, TMR_CSCTRL, TMR_CL1_ON_COMP1);
    wr(w, TMR_BASE, TMR_CTRL, RISING | BY_1);
    pass(w, 10);
    assert_int_equal(rd(w, TMR_BASE, TMR_COMP1), 20);
}

static void either_flag_interrupts(void **state)
{
    struct world *w = *state;

    wr(w, ITC_BASE, ITC_INTENNUM, ITC_TMR);
    wr(w, TMR_BASE, TMR_COMP1, 10);
    wr(w, TMR_BASE, TMR_CSCTRL, TMR_TCF1EN);
    wr(w, TMR_BASE, TMR_CTRL, RISING | BY_1);
    pass(w, 10);
    assert_true(itc_irq(&w->m.itc));
    wr(w, TMR_BASE, TMR_CSCTRL, TMR_TCF1EN);
    assert_false(itc_irq(&w->m.itc));
    assert_int_equal(rd(w, TMR_BASE, TMR_SCTRL), TMR_TCF);
}

static void each_timer_can_be_disabled(void **state)
{
    struct world *w = *state;

    wr(w, TMR_BASE, TMR_CTRL, RISING | BY_1);
    wr(w, TMR_BASE, 3 * TMR_STRIDE + TMR_CTRL, RISING | BY_1);
    assert_int_equal(rd(w, TMR_BASE, TMR_ENBL), 0xF);
    wr(w, TMR_BASE, TMR_ENBL, 0x8);
    pass(w, 50);
    assert_int_equal(rd(w, TMR_BASE, TMR_CNTR), 0);
    assert_int_equal(rd(w, TMR_BASE, 3 * TMR_STRIDE + TMR_CNTR), 50);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup(counts_the_divided_clock, world_start),
        cmocka_unit_test_setup(to_the_compare_value_and_again, world_start),
        cmocka_unit_test_setup(without_length_it_counts_on, world_start),
        cmocka_unit_test_setup(once, world_start),
        cmocka_unit_test_setup(a_compare_value_may_be_preloaded, world_start),
        cmocka_unit_test_setup(either_flag_interrupts, world_start),
        cmocka_unit_test_setup(each_timer_can_be_disabled, world_start),
    };

    return cmocka_run_group_tests_name("tmr", TESTS, NULL, NULL);
}
