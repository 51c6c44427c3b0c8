#include "timer.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum {
    ON_ACLK = 0x0100,
    ON_SMCLK = 0x0200,
    BY_8 = 0x00C0,
    UP = 0x0010,
    CONTINUOUS = 0x0020,
    CLEAR = 4,
    IE = 2,
    IFG = 1
};
enum { CCIE = 0x10, CCIFG = 0x01, COV = 0x02, CCI = 0x08, CAPTURE_ACLK = 0x4000 | 0x1000 | 0x0100 };

static struct stop stop;
static struct clock c;
static struct timer a, b;

static int setup(void **state)
{
    (void)state;
    stop = (struct stop){0};
    clock_init(&c, &stop);
    timer_init(&a, 'A', 3, &c, &stop);
    timer_init(&b, 'B', 7, &c, &stop);
    return 0;
}

static uint64_t aclk(uint64_t tick)
{
    return clock_time_of(&c, CLOCK_ACLK, tick);
}

static uint16_t cctl(unsigned i)
{
    return (uint16_t)(TIMER_CCTL0 + 2 * i);
}

static uint16_t ccr(unsigned i)
{
    return (uint16_t)(TIMER_CCR0 + 2 * i);
}

/* CCIFG when the count comes to CCR0, TAIFG one count later, at zero (SLAU049 11.2.3). */
static void up_mode_counts_to_ccr0(void **state)
{
    (void)state;
    timer_write(&a, ccr(0), 99, 0);
    timer_write(&a, TIMER_CTL, ON_ACLK | UP | CLEAR, 0);
    assert_int_equal(timer_read(&a, TIMER_R, aclk(98)), 98);
    assert_false(timer_read(&a, cctl(0), aclk(98)) & CCIFG);
    assert_true(timer_read(&a, cctl(0), aclk(99)) & CCIFG);
    assert_false(timer_read(&a, TIMER_CTL, aclk(99)) & IFG);
    assert_true(timer_read(&a, TIMER_CTL, aclk(100)) & IFG);
    assert_int_equal(timer_read(&a, TIMER_R, aclk(100)), 0);
    assert_int_equal(timer_read(&a, TIMER_R, aclk(1050)), 50);
}

static void continuous_mode_wraps(void **state)
{
    (void)state;
    timer_write(&a, TIMER_CTL, ON_ACLK | CONTINUOUS | IE | CLEAR, 0);
    assert_int_equal(timer_due(&a), aclk(65536));
    assert_int_equal(timer_read(&a, TIMER_R, aclk(65535)), 65535);
    assert_false(timer_interrupts_others(&a));
    timer_sync(&a, aclk(65536));
    assert_true(timer_interrupts_others(&a));
    assert_int_equal(timer_read(&a, TIMER_R, aclk(65536 + 7)), 7);
    assert_int_equal(timer_take_vector(&a, aclk(65536 + 7)), 0x0A);
    assert_int_equal(timer_take_vector(&a, aclk(65536 + 7)), 0);
}

static void divider_divides(void **state)
{
    (void)state;
    timer_write(&a, TIMER_CTL, ON_ACLK | BY_8 | CONTINUOUS | CLEAR, 0);
    assert_int_equal(timer_read(&a, TIMER_R, aclk(807)), 100);
    assert_int_equal(timer_read(&a, TIMER_R, aclk(808)), 101);
}

static void compare_is_due_when_the_count_gets_there(void **state)
{
    (void)state;
    timer_write(&a, TIMER_CTL, ON_ACLK | CONTINUOUS | CLEAR, 0);
    timer_write(&a, ccr(1), 500, aclk(600));
    timer_write(&a, cctl(1), CCIE, aclk(600));
    assert_int_equal(timer_due(&a), aclk(65536 + 500));
    timer_write(&a, ccr(1), 700, aclk(600));
    assert_int_equal(timer_due(&a), aclk(700));
    timer_sync(&a, aclk(700));
    assert_true(timer_interrupts_others(&a));
    assert_int_equal(timer_due(&a), CLOCK_NEVER);
}

/* SLAU049 11.2.6: CCR1 before CCR2 before TAIFG; what is not enabled does not count. */
static void vector_goes_by_priority(void **state)
{
    (void)state;
    timer_write(&b, TIMER_CTL, ON_ACLK | IE | IFG, 0);
    timer_write(&b, cctl(2), CCIE | CCIFG, 0);
    timer_write(&b, cctl(3), CCIFG, 0);
    timer_write(&b, cctl(6), CCIE | CCIFG, 0);
    assert_int_equal(timer_take_vector(&b, 0), 4);
    assert_int_equal(timer_take_vector(&b, 0), 12);
    assert_int_equal(timer_take_vector(&b, 0), 14);
    assert_int_equal(timer_take_vector(&b, 0), 0);
    assert_true(timer_read(&b, cctl(3), 0) & CCIFG);
}

static void ccr0_has_its_own_interrupt(void **state)
{
    (void)state;
    timer_write(&a, cctl(0), CCIE | CCIFG, 0);
    assert_true(timer_interrupts_first(&a));
    assert_false(timer_interrupts_others(&a));
    timer_accept_first(&a);
    assert_false(timer_interrupts_first(&a));
}

/* How firmware measures the DCO: SMCLK between two edges of ACLK. */
static void aclk_is_captured(void **state)
{
    uint16_t first, second;
    uint64_t now = aclk(10) + 1;

    (void)state;
    timer_write(&a, TIMER_CTL, ON_SMCLK | CONTINUOUS | CLEAR, 0);
    timer_write(&a, cctl(2), CAPTURE_ACLK | CCIE, now);
    assert_int_equal(timer_due(&a), aclk(11));
    assert_false(timer_read(&a, cctl(2), aclk(11) - 1) & CCIFG);
    assert_true(timer_read(&a, cctl(2), aclk(11)) & CCIFG);
    first = timer_read(&a, ccr(2), aclk(11) + 5000);
    timer_write(&a, cctl(2), CAPTURE_ACLK, aclk(11) + 5000);
    second = timer_read(&a, ccr(2), aclk(12) + 12345);
    assert_in_range((uint16_t)(second - first), 23, 24); /* 770 kHz / 32,768 Hz = 23.5 */
    assert_false(timer_read(&a, cctl(2), aclk(12) + 12345) & COV);
}

static void second_capture_overflows(void **state)
{
    (void)state;
    timer_write(&b, TIMER_CTL, ON_SMCLK | CONTINUOUS | CLEAR, 0);
    timer_write(&b, cctl(6), CAPTURE_ACLK, 0);
    timer_sync(&b, aclk(1));
    assert_false(timer_read(&b, cctl(6), aclk(1)) & COV);
    assert_true(timer_read(&b, cctl(6), aclk(2)) & COV);
}

static void software_captures(void **state)
{
    enum { FROM_GROUND = 0x4000 | 0x2000 | 0x0100, FROM_SUPPLY = 0x4000 | 0x3000 | 0x0100 };

    (void)state;
    timer_write(&a, TIMER_CTL, ON_ACLK | CONTINUOUS | CLEAR, 0);
    timer_write(&a, cctl(1), FROM_GROUND, 0);
    timer_write(&a, cctl(1), FROM_SUPPLY, aclk(77));
    assert_int_equal(timer_read(&a, cctl(1), aclk(80)), FROM_SUPPLY | CCIFG | CCI);
    assert_int_equal(timer_read(&a, ccr(1), aclk(80)), 77);
}

static void what_is_not_modelled_is_a_fault(void **state)
{
    static const uint16_t WRONG[] = {ON_ACLK | 0x0030, 0x0000 | UP, 0x0300 | CONTINUOUS};

    (void)state;
    for (unsigned i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        stop = (struct stop){0};
        timer_write(&a, TIMER_CTL, WRONG[i], 0);
        assert_int_equal(stop.kind, STOP_FAULT);
    }
    stop = (struct stop){0};
    timer_write(&a, ccr(3), 0, 0);
    assert_int_equal(stop.kind, STOP_FAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(up_mode_counts_to_ccr0, setup),
        cmocka_unit_test_setup(continuous_mode_wraps, setup),
        cmocka_unit_test_setup(divider_divides, setup),
        cmocka_unit_test_setup(compare_is_due_when_the_count_gets_there, setup),
        cmocka_unit_test_setup(vector_goes_by_priority, setup),
        cmocka_unit_test_setup(ccr0_has_its_own_interrupt, setup),
        cmocka_unit_test_setup(aclk_is_captured, setup),
        cmocka_unit_test_setup(second_capture_overflows, setup),
        cmocka_unit_test_setup(software_captures, setup),
        cmocka_unit_test_setup(what_is_not_modelled_is_a_fault, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
