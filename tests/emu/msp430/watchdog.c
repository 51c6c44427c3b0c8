#include "watchdog.h"

#include <stdbool.h>

enum { KEY = 0x5A, KEY_READ = 0x69 };

/* WDTNMI is not modelled. */
enum { HOLD = 0x80, NMI_BITS = 0x60, INTERVAL_MODE = 0x10, CLEAR = 0x08, ON_ACLK = 0x04, INTERVAL = 0x03 };

static enum clock_source source(const struct watchdog *watchdog)
{
    return watchdog->ctl & ON_ACLK ? CLOCK_ACLK : CLOCK_SMCLK;
}

static uint64_t interval(const struct watchdog *watchdog)
{
    static const uint16_t TICKS[] = {32768, 8192, 512, 64};

    return TICKS[watchdog->ctl & INTERVAL];
}

static void count(struct watchdog *watchdog, uint64_t now)
{
    uint64_t ticks = clock_ticks(watchdog->clock, source(watchdog), now);

    if ((watchdog->ctl & HOLD) == 0)
        watchdog->counted += ticks - watchdog->since;
    watchdog->since = ticks;
}

void watchdog_init(struct watchdog *watchdog, const struct clock *clock, struct sfr *sfr, struct stop *stop)
{
    *watchdog = (struct watchdog){.clock = clock, .sfr = sfr, .stop = stop};
}

void watchdog_reset(struct watchdog *watchdog, uint64_t now)
{
    watchdog->ctl = 0;
    watchdog->counted = 0;
    watchdog->since = clock_ticks(watchdog->clock, source(watchdog), now);
}

uint16_t watchdog_read(const struct watchdog *watchdog)
{
    return (uint16_t)(KEY_READ << 8 | watchdog->ctl);
}

void watchdog_write(struct watchdog *watchdog, uint16_t value, uint64_t now)
{
    if (value >> 8 != KEY) {
        watchdog->sfr->r[SFR_IFG1] |= SFR_WDT;
        watchdog->sfr->reset = RESET_WATCHDOG_KEY;
        return;
    }
    if (value & NMI_BITS)
        stop_ask(watchdog->stop, STOP_FAULT, "WDTCTL 0x%04x: the NMI pin is not modelled", value);
    count(watchdog, now);
    if (value & CLEAR)
        watchdog->counted = 0;
    watchdog->ctl = (uint8_t)(value & ~CLEAR);
    watchdog->since = clock_ticks(watchdog->clock, source(watchdog), now);
}

uint64_t watchdog_due(const struct watchdog *watchdog)
{
    uint64_t left = interval(watchdog) - watchdog->counted;

    if (watchdog->ctl & HOLD)
        return CLOCK_NEVER;
    if (watchdog->counted > interval(watchdog))
        left = 0;
    return clock_time_of(watchdog->clock, source(watchdog), watchdog->since + left);
}

void watchdog_run(struct watchdog *watchdog, uint64_t now)
{
    count(watchdog, now);
    watchdog->counted = 0;
    watchdog->sfr->r[SFR_IFG1] |= SFR_WDT;
    if ((watchdog->ctl & INTERVAL_MODE) == 0)
        watchdog->sfr->reset = RESET_WATCHDOG;
}
