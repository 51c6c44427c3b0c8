#include "clock.h"

#include "cpu.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static struct stop stop;
static struct clock c;

static int setup(void **state)
{
    (void)state;
    stop = (struct stop){0};
    clock_init(&c, &stop);
    return 0;
}

static void crystal_is_exact(void **state)
{
    (void)state;
    assert_int_equal(clock_ticks(&c, CLOCK_ACLK, 3 * CLOCK_SECOND), 3 * 32768);
    assert_int_equal(clock_time_of(&c, CLOCK_ACLK, UINT64_C(32768) * 86400 * 10), CLOCK_SECOND * 86400 * 10);
    clock_write(&c, CLOCK_BCSCTL1, 0x80 | 0x30, 0); /* DIVA: by 8 */
    assert_int_equal(clock_ticks(&c, CLOCK_ACLK, CLOCK_SECOND), 4096);
}

/* SLAS368: 0.8 MHz or so after a reset, at most 4.9 MHz or so. */
static void dco_has_the_data_sheets_range(void **state)
{
    (void)state;
    assert_in_range((unsigned)clock_hz(&c, CLOCK_MCLK), 700000, 850000);
    clock_write(&c, CLOCK_BCSCTL1, 0x87, 0);
    clock_write(&c, CLOCK_DCOCTL, 0xE0, 0);
    assert_in_range((unsigned)clock_hz(&c, CLOCK_MCLK), 4000000, 5400000);
    clock_write(&c, CLOCK_BCSCTL1, 0x80, 0);
    clock_write(&c, CLOCK_DCOCTL, 0x60, 0);
    assert_in_range((unsigned)clock_hz(&c, CLOCK_MCLK), 80000, 150000);
}

static void dco_rises_with_its_registers(void **state)
{
    (void)state;
    for (unsigned rsel = 0; rsel < 8; rsel++) {
        double last = 0;

        clock_write(&c, CLOCK_BCSCTL1, (uint8_t)(0x80 | rsel), 0);
        for (unsigned dco = 0; dco <= 0xE0; dco++) { /* MOD does nothing at the last DCO */
            clock_write(&c, CLOCK_DCOCTL, (uint8_t)dco, 0);
            assert_true(clock_hz(&c, CLOCK_SMCLK) > last);
            last = clock_hz(&c, CLOCK_SMCLK);
        }
    }
    clock_write(&c, CLOCK_DCOCTL, 0x60, 0);
    for (unsigned rsel = 7; rsel > 0; rsel--) {
        double higher = clock_hz(&c, CLOCK_MCLK);

        clock_write(&c, CLOCK_BCSCTL1, (uint8_t)(0x80 | (rsel - 1)), 0);
        assert_true(clock_hz(&c, CLOCK_MCLK) < higher);
    }
}

static void dividers_and_sources(void **state)
{
    double dco = clock_hz(&c, CLOCK_MCLK);

    (void)state;
    clock_write(&c, CLOCK_BCSCTL2, 0x20 | 0x06, 0); /* MCLK by 4, SMCLK by 8 */
    assert_float_equal(clock_hz(&c, CLOCK_MCLK), dco / 4, 1);
    assert_float_equal(clock_hz(&c, CLOCK_SMCLK), dco / 8, 1);
    clock_write(&c, CLOCK_BCSCTL2, 0xC0, 0); /* MCLK from the crystal */
    assert_float_equal(clock_hz(&c, CLOCK_MCLK), 32768, 0.01);
}

/* SLAU049 2.3: SMCLK runs in LPM0 and LPM1, ACLK down to LPM3. */
static void each_power_bit_stops_its_clock(void **state)
{
    (void)state;
    clock_set_power(&c, CPU_OFF | CPU_SCG0, 0);
    assert_true(clock_hz(&c, CLOCK_SMCLK) > 0 && clock_hz(&c, CLOCK_ACLK) > 0);
    clock_set_power(&c, CPU_OFF | CPU_SCG1, 0);
    assert_true(clock_hz(&c, CLOCK_SMCLK) == 0 && clock_hz(&c, CLOCK_ACLK) > 0);
    clock_set_power(&c, CPU_OFF | CPU_OSCOFF, 0);
    assert_true(clock_hz(&c, CLOCK_SMCLK) > 0 && clock_hz(&c, CLOCK_ACLK) == 0);
}

static void power_bits_stop_clocks_and_ticks_stand_still(void **state)
{
    uint64_t ticks;

    (void)state;
    clock_set_power(&c, CPU_OFF | CPU_SCG1 | CPU_SCG0, CLOCK_SECOND);
    ticks = clock_ticks(&c, CLOCK_SMCLK, CLOCK_SECOND);
    assert_int_equal(clock_ticks(&c, CLOCK_SMCLK, 5 * CLOCK_SECOND), ticks);
    assert_int_equal(clock_time_of(&c, CLOCK_SMCLK, ticks + 1), CLOCK_NEVER);
    assert_int_equal(clock_ticks(&c, CLOCK_ACLK, 5 * CLOCK_SECOND), 5 * 32768);
    clock_set_power(&c, CPU_OFF | CPU_SCG1 | CPU_SCG0 | CPU_OSCOFF, 5 * CLOCK_SECOND);
    assert_int_equal(clock_ticks(&c, CLOCK_ACLK, 9 * CLOCK_SECOND), 5 * 32768);
    clock_set_power(&c, 0, 9 * CLOCK_SECOND);
    assert_int_equal(clock_ticks(&c, CLOCK_ACLK, 10 * CLOCK_SECOND), 6 * 32768);
    assert_in_range(clock_ticks(&c, CLOCK_SMCLK, 10 * CLOCK_SECOND) - ticks, 769999, 770001);
}

static void time_and_cycles_agree(void **state)
{
    uint64_t time = clock_time_of_cycles(&c, 1000001);

    (void)state;
    assert_int_equal(clock_cycles_until(&c, time), 1000001);
    assert_int_equal(clock_cycles_until(&c, time + 1), 1000002);
    clock_resume(&c, 1000001, time + CLOCK_SECOND);
    assert_int_equal(clock_time_of_cycles(&c, 1000001), time + CLOCK_SECOND);
}

static void missing_clocks_are_faults(void **state)
{
    (void)state;
    clock_write(&c, CLOCK_BCSCTL2, 0x80, 0);
    assert_int_equal(stop.kind, STOP_FAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(crystal_is_exact, setup),
        cmocka_unit_test_setup(dco_has_the_data_sheets_range, setup),
        cmocka_unit_test_setup(dco_rises_with_its_registers, setup),
        cmocka_unit_test_setup(dividers_and_sources, setup),
        cmocka_unit_test_setup(each_power_bit_stops_its_clock, setup),
        cmocka_unit_test_setup(power_bits_stop_clocks_and_ticks_stand_still, setup),
        cmocka_unit_test_setup(time_and_cycles_agree, setup),
        cmocka_unit_test_setup(missing_clocks_are_faults, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
