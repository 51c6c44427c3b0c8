/*
 * How many events may pass: so many a second, and so many at once after a pause. Four bytes for each thing
 * that is counted; the rate is kept apart, because many share one.
 *
 * Knows neither what is counted nor who counts.
 */
#ifndef SSM_BUDGET_H
#define SSM_BUDGET_H

#include "bytes.h"

struct budget_rate {
    uint32_t interval_us; /* what one event costs; 0: there is no limit */
    uint32_t burst_us;    /* what may be owed */
};

/*
 * What is owed, as the moment at which it will be paid, in microseconds that wrap around. One that has not
 * been used for longer than an hour may, very seldom, seem to owe something; never more than a burst.
 */
struct budget {
    uint32_t paid_us;
};

/* per_s events a second, up to 1000000, and `burst` at once; per_s 0: no limit. */
struct budget_rate budget_rate_of(uint32_t per_s, uint32_t burst);
/* May one more event pass? Counts it then. */
bool budget_take(struct budget *b, const struct budget_rate *rate, uint64_t now_ms);

#endif
