#include "adc12.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum {
    SHT0_192 = 0x0700,
    REF2_5V = 0x40,
    REFON = 0x20,
    ON = 0x10,
    ENC = 0x02,
    SC = 0x01,
    SHP = 0x0200,
    BUSY = 1
};
enum { SREF_1 = 0x10, TEMPERATURE = 10, HALF_SUPPLY = 11 };

static struct stop stop;
static struct clock c;
static struct adc12 adc;

static int setup(void **state)
{
    (void)state;
    stop = (struct stop){0};
    clock_init(&c, &stop);
    adc12_init(&adc, 253, &c, &stop);
    return 0;
}

/* Converts `mctl` `wait` after the reference was turned on. */
static uint16_t convert(uint16_t ctl0, uint8_t mctl, uint64_t wait)
{
    adc12_write(&adc, ADC12_CTL0, ctl0, 0);
    adc12_write(&adc, ADC12_CTL1, SHP, 0);
    adc12_write(&adc, ADC12_MCTL0, mctl, 0);
    adc12_write(&adc, ADC12_CTL0, (uint16_t)(ctl0 | ENC | SC), wait);
    assert_true(adc12_read(&adc, ADC12_CTL1) & BUSY);
    adc12_run(&adc);
    assert_false(adc12_read(&adc, ADC12_CTL1) & BUSY);
    return adc12_read(&adc, ADC12_MEM0);
}

/* N = 4095 * V / 1.5 V, V = 986 mV + 3.55 mV * 25.3 (SLAU049 17.2.1, SLAS368). */
static void temperature_channel_gives_the_temperature(void **state)
{
    (void)state;
    assert_int_equal(convert(SHT0_192 | REFON | ON, SREF_1 | TEMPERATURE, 17 * CLOCK_MS), 2937);
}

static void half_the_supply_is_half_the_scale(void **state)
{
    (void)state;
    assert_int_equal(convert(SHT0_192 | ON, HALF_SUPPLY, 0), 2048);
    setup(state);
    assert_int_equal(convert(SHT0_192 | REF2_5V | REFON | ON, SREF_1 | HALF_SUPPLY, 17 * CLOCK_MS), 2457);
}

/* 192 + 13 clocks of 5 MHz. */
static void conversion_takes_its_time(void **state)
{
    (void)state;
    adc12_write(&adc, ADC12_CTL0, SHT0_192 | ON, 0);
    adc12_write(&adc, ADC12_CTL1, SHP, 0);
    adc12_write(&adc, ADC12_CTL0, SHT0_192 | ON | ENC | SC, 0);
    assert_int_equal(adc12_due(&adc), 41 * CLOCK_US);
    assert_int_equal(adc12_read(&adc, ADC12_CTL0) & SC, 0);
}

static void haste_spoils_the_result(void **state)
{
    (void)state;
    assert_int_equal(convert(SHT0_192 | REFON | ON, SREF_1 | TEMPERATURE, 16 * CLOCK_MS), 4095);
    setup(state);
    assert_int_equal(convert(REFON | ON, SREF_1 | TEMPERATURE, 17 * CLOCK_MS),
                     4095); /* samples for 4 clocks */
    setup(state);
    assert_int_equal(convert(SHT0_192 | ON, SREF_1 | TEMPERATURE, 17 * CLOCK_MS), 4095); /* no reference */
}

static void flag_interrupts_and_goes_with_the_result(void **state)
{
    (void)state;
    adc12_write(&adc, ADC12_IE, 1, 0);
    assert_false(adc12_interrupts(&adc));
    adc12_write(&adc, ADC12_CTL0, SHT0_192 | ON, 0);
    adc12_write(&adc, ADC12_CTL1, SHP, 0);
    adc12_write(&adc, ADC12_CTL0, SHT0_192 | ON | ENC | SC, 0);
    adc12_run(&adc);
    assert_true(adc12_interrupts(&adc));
    adc12_read(&adc, ADC12_MEM0);
    assert_false(adc12_interrupts(&adc));
    adc12_write(&adc, ADC12_IFG, 1, 0);
    assert_int_equal(adc12_read(&adc, ADC12_IV), 6);
    assert_int_equal(adc12_read(&adc, ADC12_IV), 0);
}

static void sequences_are_faults(void **state)
{
    (void)state;
    adc12_write(&adc, ADC12_CTL1, SHP | 0x0006, 0);
    adc12_write(&adc, ADC12_CTL0, SHT0_192 | ON | ENC | SC, 0);
    assert_int_equal(stop.kind, STOP_FAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(temperature_channel_gives_the_temperature, setup),
        cmocka_unit_test_setup(half_the_supply_is_half_the_scale, setup),
        cmocka_unit_test_setup(conversion_takes_its_time, setup),
        cmocka_unit_test_setup(haste_spoils_the_result, setup),
        cmocka_unit_test_setup(flag_interrupts_and_goes_with_the_result, setup),
        cmocka_unit_test_setup(sequences_are_faults, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
