/*
 * Time, sleep and the watchdog: a 32 kHz crystal counts, and keeps the oscillator of the CPU at its
 * frequency.
 */
#ifndef SSM_CLOCK_H
#define SSM_CLOCK_H

#include <stdint.h>

/* MCLK and SMCLK: 952 cycles in a period of ACLK, which is 32768 Hz / 8. */
enum { CLOCK_ACLK_HZ = 4096, CLOCK_CYCLES = 952 };
#define CLOCK_HZ ((uint32_t)CLOCK_CYCLES * CLOCK_ACLK_HZ)

/* Starts the watchdog, too: it resets the board after 8 s in which nobody slept. */
void clock_start(void);

/* Sleeps for about that long, at most 4 s; bytes are received meanwhile. */
void clock_wait_ms(uint16_t ms);

#endif
