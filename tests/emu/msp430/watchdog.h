/*
 * The watchdog timer (SLAU049 10): its key, watchdog and interval mode, hold. On after each reset.
 */
#ifndef EMU_WATCHDOG_H
#define EMU_WATCHDOG_H

#include "clock.h"
#include "sfr.h"

enum { WATCHDOG_CTL = 0x120 };

struct watchdog {
    uint8_t ctl;
    uint64_t counted; /* ticks of the interval that had passed at tick `since` */
    uint64_t since;
    const struct clock *clock;
    struct sfr *sfr;
    struct stop *stop;
};

void watchdog_init(struct watchdog *watchdog, const struct clock *clock, struct sfr *sfr, struct stop *stop);
void watchdog_reset(struct watchdog *watchdog, uint64_t now);
uint16_t watchdog_read(const struct watchdog *watchdog);
/* A wrong key asks for a reset. */
void watchdog_write(struct watchdog *watchdog, uint16_t value, uint64_t now);
/* When watchdog_run is due. */
uint64_t watchdog_due(const struct watchdog *watchdog);
/* The interval is over: a reset in watchdog mode, WDTIFG in interval mode. */
void watchdog_run(struct watchdog *watchdog, uint64_t now);

#endif
