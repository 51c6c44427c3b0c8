#include "machine_world.h"

enum { COP_2_STEPS = 1 << CRM_COP_TIMEOUT_SHIFT | CRM_COP_EN };

static void the_watchdog_resets_when_nobody_feeds_it(void **state)
{
    struct world *w = *state;

    wr(w, CRM_BASE, CRM_COP_CNTL, COP_2_STEPS);
    pass(w, 2 * CRM_COP_STEP - 1);
    assert_int_equal(w->m.crm.wanted, CRM_RESET_NONE);
    assert_int_equal(rd(w, CRM_BASE, CRM_COP_CNTL) >> 16, 1); /* steps gone by */
    pass(w, 1);
    assert_int_equal(w->m.crm.wanted, CRM_RESET_COP);
    machine_reset(&w->m);
    assert_int_equal(w->m.resets[CRM_RESET_COP], 1);
    assert_int_equal(rd(w, CRM_BASE, CRM_COP_CNTL), 0);
}

static void only_the_key_feeds_it(void **state)
{
    struct world *w = *state;

    wr(w, CRM_BASE, CRM_COP_CNTL, COP_2_STEPS);
    pass(w, CRM_COP_STEP);
    wr(w, CRM_BASE, CRM_COP_SERVICE, CRM_COP_SERVICE_KEY);
    pass(w, 2 * CRM_COP_STEP - 1);
    assert_int_equal(w->m.crm.wanted, CRM_RESET_NONE);
    wr(w, CRM_BASE, CRM_COP_SERVICE, 1);
    pass(w, 1);
    assert_int_equal(w->m.crm.wanted, CRM_RESET_COP);
}

static void write_protection_lasts(void **state)
{
    struct world *w = *state;

    wr(w, CRM_BASE, CRM_COP_CNTL, COP_2_STEPS | CRM_COP_WP);
    wr(w, CRM_BASE, CRM_COP_CNTL, 0);
    pass(w, 2 * CRM_COP_STEP);
    assert_int_equal(w->m.crm.wanted, CRM_RESET_COP);
}

static void reset_by_software_wants_its_key(void **state)
{
    struct world *w = *state;

    wr(w, CRM_BASE, CRM_SW_RST, 0x87651235);
    assert_int_equal(w->m.crm.wanted, CRM_RESET_NONE);
    wr(w, CRM_BASE, CRM_SW_RST, CRM_SW_RST_KEY);
    assert_int_equal(w->m.crm.wanted, CRM_RESET_SOFTWARE);
}

static void regulators_take_their_time(void **state)
{
    struct world *w = *state;

    wr(w, CRM_BASE, CRM_VREG_CNTL, 0xF04);
    pass(w, 10 * CRM_VREG_START_TIME);
    assert_int_equal(rd(w, CRM_BASE, CRM_STATUS), 0);
    wr(w, CRM_BASE, CRM_VREG_CNTL, 0xFF8);
    pass(w, CRM_VREG_START_TIME - 1);
    assert_int_equal(rd(w, CRM_BASE, CRM_STATUS), 0);
    pass(w, 1);
    assert_int_equal(rd(w, CRM_BASE, CRM_STATUS), CRM_VREG_1P8V_RDY | CRM_VREG_1P5V_RDY);
}

static void the_core_waits_for_any_enabled_interrupt(void **state)
{
    struct world *w = *state;

    wr(w, CRM_BASE, CRM_BS_CNTL, CRM_WAIT4IRQ); /* bus stealing is off */
    assert_false(w->m.crm.is_waiting);
    wr(w, CRM_BASE, CRM_BS_CNTL, CRM_BS_EN | CRM_WAIT4IRQ);
    assert_true(w->m.crm.is_waiting);
    wr(w, ITC_BASE, ITC_INTFRC, 1u << ITC_TMR);
    assert_true(w->m.crm.is_waiting); /* not enabled */
    wr(w, ITC_BASE, ITC_INTENNUM, ITC_TMR);
    assert_false(w->m.crm.is_waiting);
    assert_int_equal(rd(w, CRM_BASE, CRM_BS_CNTL), CRM_BS_EN);
    wr(w, CRM_BASE, CRM_BS_CNTL, CRM_BS_EN | CRM_WAIT4IRQ); /* one is pending */
    assert_false(w->m.crm.is_waiting);
}

static void leds_are_pins_44_and_45(void **state)
{
    struct world *w = *state;

    wr(w, GPIO_BASE, GPIO_DATA_SET + 4, 1u << 12);
    assert_false(gpio_is_driven(&w->m.gpio, GPIO_LED_RED)); /* still an input */
    wr(w, GPIO_BASE, GPIO_PAD_DIR_SET + 4, 3u << 12);
    assert_true(gpio_is_driven(&w->m.gpio, GPIO_LED_RED));
    assert_false(gpio_is_driven(&w->m.gpio, GPIO_LED_GREEN));
    assert_int_equal(rd(w, GPIO_BASE, GPIO_DATA + 4), 1u << 12);
    wr(w, GPIO_BASE, GPIO_DATA_RESET + 4, 1u << 12);
    assert_false(gpio_is_driven(&w->m.gpio, GPIO_LED_RED));
}

/* 1.2 V of 3.3 V, less what a measurement is too low by. */
static void the_battery_is_measured_against_the_reference(void **state)
{
    struct world *w = *state;

    wr(w, ADC_BASE, ADC_PRESCALE, 23);
    wr(w, ADC_BASE, ADC_ON_TIME, 10);
    wr(w, ADC_BASE, ADC_CONVERT_TIME, 40);
    wr(w, ADC_BASE, ADC_SEQ_1, ADC_SEQ_BATT);
    wr(w, ADC_BASE, ADC_CONTROL, ADC_CONTROL_ON);
    assert_int_equal(rd(w, ADC_BASE, ADC_FIFO_STATUS), ADC_FIFO_EMPTY);
    pass(w, 24 * 51);
    assert_int_equal(rd(w, ADC_BASE, ADC_FIFO_STATUS), 1);
    assert_int_equal(rd(w, ADC_BASE, ADC_FIFO_READ), 8 << 12 | 4095 * 1200 / (3300 - 183));
    pass(w, 24 * 51 * 20);
    assert_int_equal(rd(w, ADC_BASE, ADC_FIFO_STATUS), 8 | ADC_FIFO_FULL);
    wr(w, ADC_BASE, ADC_CONTROL, 0);
    pass(w, 24 * 51 * 20);
    for (unsigned i = 0; i < 8; i++)
        rd(w, ADC_BASE, ADC_FIFO_READ);
    assert_int_equal(rd(w, ADC_BASE, ADC_FIFO_STATUS), ADC_FIFO_EMPTY);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup(the_watchdog_resets_when_nobody_feeds_it, world_start),
        cmocka_unit_test_setup(only_the_key_feeds_it, world_start),
        cmocka_unit_test_setup(write_protection_lasts, world_start),
        cmocka_unit_test_setup(reset_by_software_wants_its_key, world_start),
        cmocka_unit_test_setup(regulators_take_their_time, world_start),
        cmocka_unit_test_setup(the_core_waits_for_any_enabled_interrupt, world_start),
        cmocka_unit_test_setup(leds_are_pins_44_and_45, world_start),
        cmocka_unit_test_setup(the_battery_is_measured_against_the_reference, world_start),
    };

    return cmocka_run_group_tests_name("crm", TESTS, NULL, NULL);
}
