/*
 * The basic clock module (SLAU049 4) and what time it is. Time is counted in picoseconds since power-on; it
 * follows from the cycles that the CPU has run, and from how long it slept.
 *
 * ACLK is the 32,768 Hz crystal, MCLK and SMCLK the DCO or that crystal. Model figures: a DCO that follows
 * the typical values of the MSP430F1611's data sheet (SLAS368: f(DCO3) of each RSEL, 12 % a step of DCO,
 * mixed by MOD), does not drift, and starts within the 6 us that the data sheet allows; a crystal that
 * oscillates from power-on. A Tmote Sky has no second crystal and the firmware may not ask for one.
 */
#ifndef EMU_CLOCK_H
#define EMU_CLOCK_H

#include "stop.h"

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_SECOND UINT64_C(1000000000000)
#define CLOCK_MS (CLOCK_SECOND / 1000)
#define CLOCK_US (CLOCK_SECOND / 1000000)
#define CLOCK_NEVER UINT64_MAX
#define CLOCK_DCO_START (6 * CLOCK_US)

enum { CLOCK_CRYSTAL_HZ = 32768 };

enum clock_address { CLOCK_DCOCTL = 0x56, CLOCK_BCSCTL1 = 0x57, CLOCK_BCSCTL2 = 0x58 };

enum clock_source { CLOCK_ACLK, CLOCK_SMCLK, CLOCK_MCLK, CLOCK_SOURCES, CLOCK_UNCONNECTED = CLOCK_SOURCES };

/* Regular ticks from `start` on; periods are eighths of a picosecond, so that the crystal's is exact. */
struct clock_wave {
    uint64_t start;  /* when the tick `ticks` came */
    uint64_t ticks;  /* since power-on; for MCLK, the CPU's cycles */
    uint64_t period; /* 0: stopped */
};

struct clock {
    uint8_t dcoctl, bcsctl1, bcsctl2;
    uint16_t power_bits; /* of the CPU's SR */
    struct clock_wave waves[CLOCK_SOURCES];
    struct stop *stop;
};

void clock_init(struct clock *clock, struct stop *stop);
/* A reset at `now`. */
void clock_reset(struct clock *clock, uint64_t now);
uint8_t clock_read(const struct clock *clock, uint16_t address);
/* The devices that count ticks must have been brought up to `now`. */
void clock_write(struct clock *clock, uint16_t address, uint8_t value, uint64_t now);
/* Takes CPUOFF, OSCOFF, SCG0 and SCG1 of the CPU's status register. */
void clock_set_power(struct clock *clock, uint16_t power_bits, uint64_t now);

/* The time at which the CPU has run `cycles`. */
uint64_t clock_time_of_cycles(const struct clock *clock, uint64_t cycles);
/* The CPU cycles that are done when it is `time`, rounded up. */
uint64_t clock_cycles_until(const struct clock *clock, uint64_t time);
/* The CPU did nothing until `now`. */
void clock_resume(struct clock *clock, uint64_t cycles, uint64_t now);

/* How many ticks of `source` have come by `now`; stands still while the clock is stopped. */
uint64_t clock_ticks(const struct clock *clock, enum clock_source source, uint64_t now);
/* When tick number `tick` comes: CLOCK_NEVER while the clock is stopped. */
uint64_t clock_time_of(const struct clock *clock, enum clock_source source, uint64_t tick);
/* Half a period of `source`, 0 while it is stopped. */
uint64_t clock_half_period(const struct clock *clock, enum clock_source source);
/* What `source` runs at, 0 while it is stopped. */
double clock_hz(const struct clock *clock, enum clock_source source);

#endif
