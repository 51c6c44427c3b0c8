#include "sht11.h"

#include "clock.h"
#include "f1611.h"

enum {
    DATA = 0x20, /* a resistor pulls it up */
    CLOCK = 0x40,
    POWER = 0x80,
    MEASURE_TEMPERATURE = 0x03, /* data sheet, table "commands" */
    MEASURE_HUMIDITY = 0x05,
    START_UP_MS = 12,
    POLL_MS = 10,
    POLLS_MAX = 40, /* 14 bits take 320 ms at most */
    HUMIDITY_MAX = 1000,
};

/* --- The wire: nobody drives data high --- */

static void data_release(void)
{
    P1DIR &= (uint8_t)~DATA;
}

static void data_pull(void)
{
    P1DIR |= DATA; /* its output is low */
}

static bool data_is_high(void)
{
    return (P1IN & DATA) != 0;
}

static void clock_high(void)
{
    P1OUT |= CLOCK;
}

static void clock_low(void)
{
    P1OUT &= (uint8_t)~CLOCK;
}

/* "Transmission start": data falls and rises, each while the clock is high. */
static void transmission_start(void)
{
    clock_high();
    data_pull();
    clock_low();
    clock_high();
    data_release();
    clock_low();
}

/* Shifts eight bits and the acknowledgement out and in at once: where 1 is sent, the other side may pull. */
static uint16_t shift(uint16_t bits)
{
    uint16_t in = 0;

    for (uint8_t i = 0; i < 9; i++) {
        if ((bits & 0x100) != 0)
            data_release();
        else
            data_pull();
        clock_high();
        in = (uint16_t)(in << 1 | data_is_high());
        clock_low();
        bits = (uint16_t)(bits << 1);
    }
    data_release();
    return in;
}

/* --- Measuring --- */

enum { READ = 0x1FE, READ_LAST = 0x1FF }; /* eight ones, and acknowledged or not: then no checksum follows */

static bool measure(uint8_t command, uint16_t *raw)
{
    uint8_t polls = 0;

    transmission_start();
    if ((shift((uint16_t)(command << 1 | 1)) & 1) != 0)
        return false; /* not acknowledged */
    do {
        if (polls++ == POLLS_MAX)
            return false;
        clock_wait_ms(POLL_MS);
    } while (data_is_high());
    uint16_t high = shift(READ) >> 1;
    *raw = (uint16_t)(high << 8 | shift(READ_LAST) >> 1);
    return true;
}

/* -39.6 C + 0.01 C * raw, at 14 bits and 3 V. */
static int16_t temperature_of(uint16_t raw)
{
    return (int16_t)((raw + 45) / 10 - 400);
}

/*
 * -2.0468 % + 0.0367 % * raw - 1.5955e-6 % * raw^2 + (temperature - 25 C) * (0.01 + 0.00008 * raw) % / C, at
 * 12 bits; here in tenths of a percent / 65536.
 */
static int16_t humidity_of(uint16_t raw, int16_t temperature)
{
    int32_t linear = (int32_t)(24052 - raw - raw / 32 - raw / 64) * raw - 1341391;
    int32_t humidity = linear + (int32_t)(655 + 5 * raw + raw / 4) * (temperature - 250);

    if (humidity < 0)
        return 0;
    uint16_t tenths = (uint16_t)((uint32_t)humidity >> 16);
    return tenths < HUMIDITY_MAX ? (int16_t)tenths : HUMIDITY_MAX;
}

bool sht11_measure(struct sht11_reading *out)
{
    uint16_t temperature;
    uint16_t humidity;

    P1OUT = POWER; /* where an output is low, and nothing else is on this port */
    P1DIR = CLOCK | POWER;
    clock_wait_ms(START_UP_MS);
    bool is_there = measure(MEASURE_TEMPERATURE, &temperature) && measure(MEASURE_HUMIDITY, &humidity);
    P1OUT = 0;
    if (!is_there)
        return false;
    out->temperature = temperature_of(temperature);
    out->humidity = humidity_of(humidity, out->temperature);
    return true;
}
