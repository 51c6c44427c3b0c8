/*
 * Time: timer 0 counts milliseconds (bare_now_ms), timer 1 is an alarm.
 */
#ifndef SSM_ECONOTAG_CLOCK_H
#define SSM_ECONOTAG_CLOCK_H

#include <stdint.h>

/* Timer 0 interrupts that often, whatever happens. */
enum { CLOCK_PERIOD_MS = 200 };

void clock_start(void);
void clock_interrupt(void);
/* An interrupt in `ms`, at most CLOCK_PERIOD_MS, instead of the one asked for before. */
void clock_alarm(uint32_t ms);

#endif
