#include "machine_world.h"

static void force(struct world *w, uint32_t sources)
{
    wr(w, ITC_BASE, ITC_INTFRC, sources);
}

static void sources_are_enabled_by_number(void **state)
{
    struct world *w = *state;

    force(w, 1u << ITC_TMR);
    assert_int_equal(rd(w, ITC_BASE, ITC_INTSRC), 1u << ITC_TMR);
    assert_int_equal(rd(w, ITC_BASE, ITC_NIPEND), 0);
    assert_false(itc_irq(&w->m.itc));
    wr(w, ITC_BASE, ITC_INTENNUM, ITC_TMR);
    assert_int_equal(rd(w, ITC_BASE, ITC_INTENABLE), 1u << ITC_TMR);
    assert_int_equal(rd(w, ITC_BASE, ITC_NIPEND), 1u << ITC_TMR);
    assert_true(itc_irq(&w->m.itc));
    wr(w, ITC_BASE, ITC_INTDISNUM, ITC_TMR);
    assert_false(itc_irq(&w->m.itc));
}

static void a_type_makes_an_interrupt_fast(void **state)
{
    struct world *w = *state;

    wr(w, ITC_BASE, ITC_INTENABLE, 1u << ITC_UART1 | 1u << ITC_TMR);
    wr(w, ITC_BASE, ITC_INTTYPE, 1u << ITC_TMR);
    force(w, 1u << ITC_TMR);
    assert_false(itc_irq(&w->m.itc));
    assert_true(itc_fiq(&w->m.itc));
    force(w, 1u << ITC_TMR | 1u << ITC_UART1);
    assert_int_equal(rd(w, ITC_BASE, ITC_NIPEND), 1u << ITC_UART1);
    assert_int_equal(rd(w, ITC_BASE, ITC_FIPEND), 1u << ITC_TMR);
    assert_int_equal(rd(w, ITC_BASE, ITC_FIVECTOR), ITC_TMR);
}

static void the_vector_is_the_highest_pending(void **state)
{
    struct world *w = *state;

    assert_int_equal(rd(w, ITC_BASE, ITC_NIVECTOR), UINT32_MAX);
    wr(w, ITC_BASE, ITC_INTENABLE, 0x7FF);
    force(w, 1u << ITC_UART1 | 1u << ITC_TMR);
    assert_int_equal(rd(w, ITC_BASE, ITC_NIVECTOR), ITC_TMR);
}

static void all_can_be_disabled_at_once(void **state)
{
    struct world *w = *state;

    wr(w, ITC_BASE, ITC_INTENABLE, 0x7FF);
    wr(w, ITC_BASE, ITC_INTTYPE, 1u << ITC_ASM);
    force(w, 1u << ITC_UART1 | 1u << ITC_ASM);
    wr(w, ITC_BASE, ITC_INTCNTL, ITC_NIAD);
    assert_false(itc_irq(&w->m.itc));
    assert_true(itc_fiq(&w->m.itc));
    wr(w, ITC_BASE, ITC_INTCNTL, ITC_FIAD);
    assert_true(itc_irq(&w->m.itc));
    assert_false(itc_fiq(&w->m.itc));
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup(sources_are_enabled_by_number, world_start),
        cmocka_unit_test_setup(a_type_makes_an_interrupt_fast, world_start),
        cmocka_unit_test_setup(the_vector_is_the_highest_pending, world_start),
        cmocka_unit_test_setup(all_can_be_disabled_at_once, world_start),
    };

    return cmocka_run_group_tests_name("itc", TESTS, NULL, NULL);
}
