/*
 * Holds an emulation's time to the clock on the wall. Times are nanoseconds since its power-on.
 */
#ifndef EMU_PACE_H
#define EMU_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_SECOND UINT64_C(1000000000)

struct pace {
    bool is_unthrottled;
    uint64_t origin; /* the wall's time at power-on */
};

/* Power-on is now. */
void pace_start(struct pace *pace, bool is_unthrottled);
/*
 * How far the emulation may go, which has come to `now`: to the wall's time, or for ever if it is
 * unthrottled. When it lags by more than a second, it does not try to catch up.
 */
uint64_t pace_limit(struct pace *pace, uint64_t now);

#endif
