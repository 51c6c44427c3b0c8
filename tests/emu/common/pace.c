#include "pace.h"

#include <time.h>

#define LAG_MAX PACE_SECOND

static uint64_t wall(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * PACE_SECOND + (uint64_t)t.tv_nsec;
}

void pace_start(struct pace *pace, bool is_unthrottled)
{
    *pace = (struct pace){.is_unthrottled = is_unthrottled, .origin = wall()};
}

uint64_t pace_limit(struct pace *pace, uint64_t now)
{
    uint64_t limit = wall() - pace->origin;

    if (pace->is_unthrottled)
        return UINT64_MAX;
    if (limit > now + LAG_MAX) {
        pace->origin += limit - now;
        return now;
    }
    return limit;
}
