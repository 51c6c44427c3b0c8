#include "run.h"

#include "pace.h"
#include "signals.h"

/* How far virtual time runs between two looks at the host, and the bounds of a wait. */
#define SLICE (10 * CLOCK_MS)
#define WAIT_MIN (CLOCK_MS / 2)
#define WAIT_MAX (10 * CLOCK_MS)

enum { PS_PER_NS = 1000 };

/* How far virtual time may go: CLOCK_NEVER if it is not held to the wall's. */
static uint64_t limit_of(struct pace *pace, const struct machine *m)
{
    uint64_t ns = pace_limit(pace, machine_now(m) / PS_PER_NS);

    return ns < CLOCK_NEVER / PS_PER_NS ? ns * PS_PER_NS : CLOCK_NEVER;
}

static void take_outside(struct machine *m, struct line *line)
{
    if (signals_end())
        stop_ask(&m->stop, STOP_SIGNAL, "signal");
    signals_take(line);
    line_poll(line);
}

static bool is_dead(struct machine *m, const struct line *line)
{
    return machine_next(m) == CLOCK_NEVER && !line->is_terminal;
}

/* How long to wait until the CPU has something to do, in the time of the wall; not at all while it lags. */
static uint64_t wait_time(struct machine *m, uint64_t limit)
{
    uint64_t next = machine_next(m);

    if (limit == CLOCK_NEVER && next == CLOCK_NEVER)
        return WAIT_MAX;
    if (machine_now(m) + SLICE < limit)
        return 0;
    if (next <= limit + WAIT_MIN)
        return WAIT_MIN;
    return next - limit > WAIT_MAX ? WAIT_MAX : next - limit;
}

/* No more than a slice at once: signals and input come in between. */
void run_until_stop(struct machine *m, struct line *line, bool is_unthrottled)
{
    struct pace pace;

    pace_start(&pace, is_unthrottled);
    while (m->stop.kind == STOP_NONE) {
        uint64_t limit = limit_of(&pace, m), slice = machine_now(m) + SLICE;

        take_outside(m, line);
        machine_run(m, limit < slice ? limit : slice);
        if (m->stop.kind == STOP_NONE)
            line_wait(line, wait_time(m, limit_of(&pace, m)) / PS_PER_NS);
        if (m->stop.kind == STOP_NONE && is_dead(m, line))
            stop_ask(&m->stop, STOP_CYCLES, "nothing can wake the CPU");
    }
}
