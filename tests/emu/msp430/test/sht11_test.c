/* A master on two wires, as the sensor's data sheet describes it. */
#include "sht11.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum { TEMPERATURE = 0x03, HUMIDITY = 0x05, WRITE_STATUS = 0x06, READ_STATUS = 0x07, RESET = 0x1E };

static struct stop stop;
static struct sht11 sensor;
static uint64_t now;

static void drive(bool clock, bool data)
{
    now += CLOCK_US;
    sht11_drive(&sensor, true, clock, data, now);
}

static void start(void)
{
    drive(false, true);
    drive(true, true);
    drive(true, false);
    drive(false, false);
    drive(true, false);
    drive(true, true);
    drive(false, true);
}

/* Whether the sensor acknowledged. */
static bool send(uint8_t byte)
{
    bool is_acknowledged;

    for (int bit = 7; bit >= 0; bit--) {
        drive(false, byte >> bit & 1);
        drive(true, byte >> bit & 1);
        drive(false, byte >> bit & 1);
    }
    drive(false, true);
    drive(true, true);
    is_acknowledged = !sht11_data(&sensor);
    drive(false, true);
    return is_acknowledged;
}

static uint8_t receive(bool acknowledges)
{
    uint8_t byte = 0;

    for (unsigned i = 0; i < 8; i++) {
        drive(true, true);
        byte = (uint8_t)(byte << 1 | sht11_data(&sensor));
        drive(false, true);
    }
    drive(false, !acknowledges);
    drive(true, !acknowledges);
    drive(false, !acknowledges);
    drive(false, true);
    return byte;
}

/* The checksum by the data sheet's table method, bit by bit over what came and the command. */
static uint8_t checksum(uint8_t command, const uint8_t *bytes, unsigned len)
{
    uint8_t crc = 0, reversed = 0;

    for (unsigned i = 0; i <= len; i++) {
        uint8_t byte = i == 0 ? command : bytes[i - 1];

        for (unsigned bit = 0; bit < 8; bit++) {
            bool out = (crc >> 7 ^ (byte >> (7 - bit) & 1)) & 1;

            crc = (uint8_t)(crc << 1 ^ (out ? 0x31 : 0));
        }
    }
    for (unsigned bit = 0; bit < 8; bit++)
        reversed |= (uint8_t)((crc >> bit & 1) << (7 - bit));
    return reversed;
}

static int setup(void **state)
{
    (void)state;
    stop = (struct stop){0};
    now = CLOCK_SECOND;
    sht11_init(&sensor, 253, 512, &stop);
    drive(false, true);
    now += 11 * CLOCK_MS;
    return 0;
}

/* Waits until data is low and reads the result and its checksum. */
static uint16_t measure(uint8_t command, uint64_t longest)
{
    uint8_t bytes[2];

    start();
    assert_true(send(command));
    assert_true(sht11_data(&sensor));
    assert_in_range(sht11_due(&sensor), now, now + longest);
    now = sht11_due(&sensor);
    sht11_run(&sensor);
    assert_false(sht11_data(&sensor));
    bytes[0] = receive(true);
    bytes[1] = receive(true);
    assert_int_equal(receive(false), checksum(command, bytes, 2));
    assert_true(sht11_data(&sensor));
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void temperature_is_what_was_set(void **state)
{
    (void)state;
    assert_int_equal(measure(TEMPERATURE, 320 * CLOCK_MS), 6490); /* -39.6 + 64.90 = 25.3 */
    sensor.temperature_tenths = -105;
    assert_int_equal(measure(TEMPERATURE, 320 * CLOCK_MS), 2910);
}

static void humidity_is_what_was_set(void **state)
{
    unsigned so = measure(HUMIDITY, 80 * CLOCK_MS);
    double linear = -2.0468 + 0.0367 * so - 1.5955e-6 * so * so;
    double humidity = linear + (25.3 - 25) * (0.01 + 0.00008 * so);

    (void)state;
    assert_float_equal(humidity, 51.2, 0.05);
}

static void status_register_is_kept(void **state)
{
    uint8_t status;

    (void)state;
    start();
    assert_true(send(WRITE_STATUS));
    assert_true(send(0x02)); /* do not reload calibration */
    start();
    assert_true(send(READ_STATUS));
    status = receive(true);
    assert_int_equal(status, 0x02);
    receive(false); /* its checksum starts from the status */
    start();
    assert_true(send(RESET));
    now += 11 * CLOCK_MS;
    start();
    assert_true(send(READ_STATUS));
    status = receive(true);
    assert_int_equal(status, 0);
    assert_int_equal(receive(false), checksum(READ_STATUS, &status, 1));
}

static void no_answer_before_it_is_ready(void **state)
{
    (void)state;
    sht11_drive(&sensor, false, false, true, now);
    drive(false, true);
    now += 10 * CLOCK_MS;
    start();
    assert_false(send(TEMPERATURE));
    now += CLOCK_MS;
    start();
    assert_true(send(TEMPERATURE));
}

static void unknown_command_is_not_acknowledged(void **state)
{
    (void)state;
    start();
    assert_false(send(0x1F));
    start();
    assert_false(send(0x83)); /* another address */
}

/* Nine clocks with data high and a start bring it back from anywhere. */
static void connection_can_be_reset(void **state)
{
    (void)state;
    start();
    for (unsigned i = 0; i < 5; i++) {
        drive(true, false);
        drive(false, false);
    }
    drive(false, true);
    for (unsigned i = 0; i < 9; i++) {
        drive(true, true);
        drive(false, true);
    }
    assert_int_equal(measure(TEMPERATURE, 320 * CLOCK_MS), 6490);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(temperature_is_what_was_set, setup),
        cmocka_unit_test_setup(humidity_is_what_was_set, setup),
        cmocka_unit_test_setup(status_register_is_kept, setup),
        cmocka_unit_test_setup(no_answer_before_it_is_ready, setup),
        cmocka_unit_test_setup(unknown_command_is_not_acknowledged, setup),
        cmocka_unit_test_setup(connection_can_be_reset, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
