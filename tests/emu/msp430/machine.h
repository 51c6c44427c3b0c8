/*
 * The whole board: the CPU, its memory and every device, wired together. Runs the program in virtual time,
 * goes straight to the next event while the CPU sleeps, and accepts interrupts by priority (SLAU049 2.2).
 *
 * Knows nothing of the host: main.c feeds the serial line and holds virtual time to the wall clock.
 */
#ifndef EMU_MACHINE_H
#define EMU_MACHINE_H

#include "adc12.h"
#include "cc2420.h"
#include "clock.h"
#include "cpu.h"
#include "flash.h"
#include "line.h"
#include "measure.h"
#include "memory.h"
#include "multiplier.h"
#include "ports.h"
#include "sfr.h"
#include "sht11.h"
#include "timer.h"
#include "usart.h"
#include "watchdog.h"

enum { MACHINE_SLEEP_MODES = 5 };

struct machine {
    struct stop stop;
    struct memory memory;
    struct cpu cpu;
    struct clock clock;
    struct sfr sfr;
    struct multiplier multiplier;
    struct timer timer_a, timer_b;
    struct watchdog watchdog;
    struct flash flash;
    struct ports ports;
    struct usart spi, uart; /* USART0, USART1 */
    struct cc2420 cc2420;
    struct sht11 sht11;
    struct adc12 adc12;
    struct measure *measure; /* or NULL */
    FILE *trace;             /* one line an instruction, or NULL */
    uint16_t pending;        /* bit n: the interrupt whose vector stands at 0xFFE0 + 2n */
    bool is_ready;           /* GIE was set before the last instruction, so an interrupt may follow it */
    bool is_touched;         /* a device has been accessed: look at events and interrupts again */
    uint64_t cycle_limit;
    uint64_t slept_ps[MACHINE_SLEEP_MODES]; /* LPM0 to LPM4 */
    uint64_t resets[RESET_CAUSES];
    uint64_t interrupts; /* accepted */
    uint16_t stack_low;  /* the lowest SP seen in RAM */
};

/* What differs from board to board. */
struct machine_setup {
    int temperature_tenths, humidity_tenths;
    FILE *led_log, *trace;
    struct measure *measure;
};

/* A board without a program, before power-on; `line` is connected to its UART. */
void machine_init(struct machine *machine, const struct machine_setup *setup, struct line *line);
/* Power-on: after the program has been loaded. */
void machine_start(struct machine *machine);
/* Runs until virtual time is `until`, or until there is a reason to stop. */
void machine_run(struct machine *machine, uint64_t until);
/* Virtual time since power-on, in picoseconds. */
uint64_t machine_now(const struct machine *machine);
/* When the CPU has something to do again: now, unless it sleeps; CLOCK_NEVER if nothing will wake it. */
uint64_t machine_next(struct machine *machine);

#endif
