#include "budget.h"

enum { US_PER_MS = 1000, US_PER_S = 1000000 };

struct budget_rate budget_rate_of(uint32_t per_s, uint32_t burst)
{
    uint32_t interval_us = per_s > 0 ? US_PER_S / per_s : 0;

    return (struct budget_rate){.interval_us = interval_us, .burst_us = interval_us * burst};
}

bool budget_take(struct budget *b, const struct budget_rate *rate, uint64_t now_ms)
{
    uint32_t now_us = (uint32_t)(now_ms * US_PER_MS);
    uint32_t owed_us = b->paid_us - now_us;

    if (owed_us > rate->burst_us) /* paid in the past, or owed under another rate */
        owed_us = 0;
    if (owed_us + rate->interval_us > rate->burst_us)
        return false;
    b->paid_us = now_us + owed_us + rate->interval_us;
    return true;
}
