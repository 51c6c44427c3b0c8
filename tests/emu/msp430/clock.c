#include "clock.h"

#include "cpu.h"

#include <string.h>

enum { DCOCTL_RESET = 0x60, BCSCTL1_RESET = 0x84, EIGHTHS = 8 };

/* BCSCTL1: XTS 0x40, DIVA 0x30, RSEL 0x07. BCSCTL2: SELM 0xC0, DIVM 0x30, SELS 0x08, DIVS 0x06, DCOR 0x01. */
enum { XTS = 0x40, SELS = 0x08, DCOR = 0x01, SELM_XT2 = 2, SELM_LFXT1 = 3 };

#define CRYSTAL_PERIOD (EIGHTHS * CLOCK_SECOND / CLOCK_CRYSTAL_HZ)

/* f(DCO3) of RSEL 0 to 7 in Hz, and the ratio of two neighbouring DCO steps. */
static const double DCO3_HZ[8] = {120e3, 190e3, 300e3, 490e3, 770e3, 1.2e6, 1.9e6, 2.9e6};
static const double DCO_STEP = 1.12;

static double tap_seconds(unsigned rsel, unsigned dco)
{
    double hz = DCO3_HZ[rsel];

    for (unsigned i = 3; i < dco; i++)
        hz *= DCO_STEP;
    for (unsigned i = dco; i < 3; i++)
        hz /= DCO_STEP;
    return 1 / hz;
}

/* Of 32 periods MOD are those of the next DCO step, unless there is none (SLAU049 4.2.5). */
static uint64_t dco_period(const struct clock *clock)
{
    unsigned rsel = clock->bcsctl1 & 7, dco = clock->dcoctl >> 5, mod = clock->dcoctl & 31;
    double seconds = tap_seconds(rsel, dco);

    if (dco < 7)
        seconds = (seconds * (32 - mod) + tap_seconds(rsel, dco + 1) * mod) / 32;
    return (uint64_t)(seconds * (double)CLOCK_SECOND + 0.5) * EIGHTHS;
}

static uint64_t wave_ticks(const struct clock_wave *wave, uint64_t now)
{
    if (wave->period == 0 || now <= wave->start)
        return wave->ticks;
    return wave->ticks + (now - wave->start) * EIGHTHS / wave->period;
}

static uint64_t wave_time_of(const struct clock_wave *wave, uint64_t tick)
{
    if (tick <= wave->ticks)
        return wave->start;
    if (wave->period == 0)
        return CLOCK_NEVER;
    return wave->start + ((tick - wave->ticks) * wave->period + EIGHTHS - 1) / EIGHTHS;
}

static void wave_set(struct clock_wave *wave, uint64_t period, uint64_t now)
{
    if (wave->period == period)
        return;
    wave->ticks = wave_ticks(wave, now);
    wave->start = now;
    wave->period = period;
}

static void update(struct clock *clock, uint64_t now)
{
    uint64_t dco = dco_period(clock);
    unsigned selm = clock->bcsctl2 >> 6, diva = clock->bcsctl1 >> 4 & 3;
    unsigned divm = clock->bcsctl2 >> 4 & 3, divs = clock->bcsctl2 >> 1 & 3;

    wave_set(&clock->waves[CLOCK_ACLK], clock->power_bits & CPU_OSCOFF ? 0 : CRYSTAL_PERIOD << diva, now);
    wave_set(&clock->waves[CLOCK_SMCLK], clock->power_bits & CPU_SCG1 ? 0 : dco << divs, now);
    wave_set(&clock->waves[CLOCK_MCLK], (selm == SELM_LFXT1 ? CRYSTAL_PERIOD : dco) << divm, now);
}

void clock_init(struct clock *clock, struct stop *stop)
{
    memset(clock, 0, sizeof *clock);
    clock->stop = stop;
    clock_reset(clock, 0);
}

void clock_reset(struct clock *clock, uint64_t now)
{
    clock->dcoctl = DCOCTL_RESET;
    clock->bcsctl1 = BCSCTL1_RESET;
    clock->bcsctl2 = 0;
    clock->power_bits = 0;
    update(clock, now);
}

uint8_t clock_read(const struct clock *clock, uint16_t address)
{
    switch (address) {
    case CLOCK_DCOCTL:
        return clock->dcoctl;
    case CLOCK_BCSCTL1:
        return clock->bcsctl1;
    default:
        return clock->bcsctl2;
    }
}

void clock_write(struct clock *clock, uint16_t address, uint8_t value, uint64_t now)
{
    if (address == CLOCK_DCOCTL)
        clock->dcoctl = value;
    else if (address == CLOCK_BCSCTL1)
        clock->bcsctl1 = value;
    else
        clock->bcsctl2 = value;
    if (clock->bcsctl1 & XTS || clock->bcsctl2 & (SELS | DCOR) || clock->bcsctl2 >> 6 == SELM_XT2)
        stop_ask(clock->stop, STOP_FAULT,
                 "BCSCTL1 0x%02x, BCSCTL2 0x%02x: only the DCO without resistor and the 32,768 Hz crystal "
                 "are modelled",
                 clock->bcsctl1, clock->bcsctl2);
    update(clock, now);
}

void clock_set_power(struct clock *clock, uint16_t power_bits, uint64_t now)
{
    clock->power_bits = power_bits;
    update(clock, now);
}

uint64_t clock_time_of_cycles(const struct clock *clock, uint64_t cycles)
{
    return wave_time_of(&clock->waves[CLOCK_MCLK], cycles);
}

uint64_t clock_cycles_until(const struct clock *clock, uint64_t time)
{
    const struct clock_wave *wave = &clock->waves[CLOCK_MCLK];

    if (time <= wave->start)
        return wave->ticks;
    if (time - wave->start >= UINT64_MAX / 16)
        return UINT64_MAX;
    return wave->ticks + ((time - wave->start) * EIGHTHS + wave->period - 1) / wave->period;
}

void clock_resume(struct clock *clock, uint64_t cycles, uint64_t now)
{
    clock->waves[CLOCK_MCLK].ticks = cycles;
    clock->waves[CLOCK_MCLK].start = now;
}

uint64_t clock_ticks(const struct clock *clock, enum clock_source source, uint64_t now)
{
    return source == CLOCK_UNCONNECTED ? 0 : wave_ticks(&clock->waves[source], now);
}

uint64_t clock_time_of(const struct clock *clock, enum clock_source source, uint64_t tick)
{
    return source == CLOCK_UNCONNECTED ? CLOCK_NEVER : wave_time_of(&clock->waves[source], tick);
}

uint64_t clock_half_period(const struct clock *clock, enum clock_source source)
{
    return clock->waves[source].period / (2 * EIGHTHS);
}

double clock_hz(const struct clock *clock, enum clock_source source)
{
    uint64_t period = clock->waves[source].period;

    return period == 0 ? 0 : (double)(CLOCK_SECOND * EIGHTHS) / (double)period;
}
