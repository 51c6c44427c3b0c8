#include "ports.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum {
    P1IN = 0x20,
    P1OUT,
    P1DIR,
    P1IFG,
    P1IES,
    P1IE,
    P1SEL,
    P2IN = 0x28,
    P4OUT = 0x1D,
    P4DIR,
    P5OUT = 0x31,
    P5DIR
};

static struct stop stop;
static struct sht11 sensor;
static struct cc2420 chip;
static struct ports p;

static int setup(void **state)
{
    (void)state;
    stop = (struct stop){0};
    sht11_init(&sensor, 220, 450, &stop);
    cc2420_init(&chip, &stop);
    ports_init(&p, &sensor, &chip, NULL);
    ports_reset(&p, 0);
    return 0;
}

static void registers_keep_what_is_written(void **state)
{
    (void)state;
    for (uint16_t address = P1OUT; address <= P1SEL; address++) {
        ports_write(&p, address, 0x05, 0);
        assert_int_equal(ports_read(&p, address), 0x05);
    }
    assert_int_equal(ports_read(&p, P1IN) & 0x0F, 0x05); /* outputs read back */
    assert_int_equal(ports_read(&p, P2IN), 0x80);        /* the button is up */
    assert_true(ports_are_selected(&p, 1, 0x05));
    assert_false(ports_are_selected(&p, 1, 0x07));
}

/* Lit by a low output; an input lights nothing. */
static void leds_are_active_low(void **state)
{
    (void)state;
    ports_write(&p, P5OUT, 0x70, 0);
    ports_write(&p, P5DIR, 0x70, 0);
    assert_false(p.leds[0].is_on);
    ports_write(&p, P5OUT, 0x50, 0);
    assert_true(p.leds[1].is_on);
    assert_false(p.leds[0].is_on || p.leds[2].is_on);
    ports_write(&p, P5DIR, 0x00, 0);
    assert_false(p.leds[1].is_on);
    assert_int_equal(p.leds[1].changes, 2);
}

static void control_pins_reach_the_radio(void **state)
{
    (void)state;
    ports_write(&p, P4OUT, 0x60, 0);
    ports_write(&p, P4DIR, 0x64, 0);
    assert_true(chip.has_power && chip.is_out_of_reset && chip.is_selected);
    ports_write(&p, P4OUT, 0x24, 0);
    assert_true(chip.has_power);
    assert_false(chip.is_out_of_reset || chip.is_selected);
}

static void sensors_wire_is_pulled_by_both(void **state)
{
    (void)state;
    ports_write(&p, P1DIR, 0xC0, 0);
    ports_write(&p, P1OUT, 0x80, 0);
    assert_true(sensor.power && !sensor.clock && sensor.data);
    assert_true(ports_read(&p, P1IN) & 0x20);
    ports_write(&p, P1OUT, 0xC0, 0);
    ports_write(&p, P1DIR, 0xE0, 0);
    assert_true(sensor.clock && !sensor.data);
    ports_write(&p, P1DIR, 0xC0, 0);
    sensor.is_pulling = true;
    assert_false(ports_read(&p, P1IN) & 0x20);
}

/* The edge is what IES says (SLAU049 9.2.6). */
static void edges_interrupt(void **state)
{
    (void)state;
    ports_write(&p, P1IES, 0x20, 0);
    ports_write(&p, P1IFG, 0, 0);
    ports_write(&p, P1IE, 0x20, 0);
    assert_false(ports_interrupt(&p, 1));
    sensor.is_pulling = true;
    ports_refresh(&p, 0);
    assert_true(ports_interrupt(&p, 1));
    ports_write(&p, P1IFG, 0, 0);
    sensor.is_pulling = false;
    ports_refresh(&p, 0);
    assert_false(ports_interrupt(&p, 1));
    ports_write(&p, P1IES, 0x00, 0);
    sensor.is_pulling = true;
    ports_refresh(&p, 0);
    assert_false(ports_interrupt(&p, 1));
    sensor.is_pulling = false;
    ports_refresh(&p, 0);
    assert_true(ports_interrupt(&p, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(registers_keep_what_is_written, setup),
        cmocka_unit_test_setup(leds_are_active_low, setup),
        cmocka_unit_test_setup(control_pins_reach_the_radio, setup),
        cmocka_unit_test_setup(sensors_wire_is_pulled_by_both, setup),
        cmocka_unit_test_setup(edges_interrupt, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
