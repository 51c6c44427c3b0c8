#include "pace.h"

#include <poll.h>
#include <time.h>

/* How far virtual time runs between two looks at the host, and the bounds of a wait. */
#define SLICE (10 * CLOCK_MS)
#define WAIT_MIN (CLOCK_MS / 2)
#define WAIT_MAX (10 * CLOCK_MS)

enum { FRAMING_ERROR_BYTE = 0x7F };

static uint64_t wall_ps(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * CLOCK_SECOND + (uint64_t)now.tv_nsec * 1000;
}

static struct timespec to_timespec(uint64_t ps)
{
    return (struct timespec){.tv_sec = (time_t)(ps / CLOCK_SECOND),
                             .tv_nsec = (long)(ps % CLOCK_SECOND / 1000)};
}

/* Waits for input, a signal, or `ps`. While nobody has the terminal open, it is not worth asking. */
static void wait_for(const struct line *line, uint64_t ps, const sigset_t *open_mask)
{
    struct pollfd terminal = {.fd = line->is_terminal ? line->fd : -1, .events = POLLIN};
    struct timespec none = {0}, time = to_timespec(ps);
    bool is_closed = poll(&terminal, 1, 0) == 1 && (terminal.revents & POLLHUP) != 0;

    if (is_closed || line->count == LINE_QUEUE_LEN)
        terminal.fd = -1;
    ppoll(&terminal, 1, ps == 0 ? &none : &time, open_mask);
}

static void take_outside(struct machine *m, struct line *line, struct pace_signals *signals)
{
    if (signals->end)
        stop_ask(&m->stop, STOP_SIGNAL, "signal");
    if (signals->breaks) {
        signals->breaks = 0;
        line_push(line, LINE_BREAK);
    }
    if (signals->framing_errors) {
        signals->framing_errors = 0;
        line_push(line, LINE_BAD_STOP | FRAMING_ERROR_BYTE);
    }
    line_poll(line);
}

static bool is_dead(struct machine *m, const struct line *line)
{
    return machine_next(m) == CLOCK_NEVER && !line->is_terminal;
}

/* How long to wait until the CPU has something to do, in the time of the wall; not at all while it lags. */
static uint64_t wait_time(struct machine *m, uint64_t wall)
{
    uint64_t next = machine_next(m);

    if (machine_now(m) + SLICE < wall)
        return 0;
    if (next <= wall + WAIT_MIN)
        return WAIT_MIN;
    return next - wall > WAIT_MAX ? WAIT_MAX : next - wall;
}

/* Up to the time of the wall, but no more than a slice at once: signals and input come in between. */
static void run_with_wall(struct machine *m, const struct line *line, uint64_t origin,
                          const sigset_t *open_mask)
{
    uint64_t wall = wall_ps() - origin, slice = machine_now(m) + SLICE;

    machine_run(m, wall < slice ? wall : slice);
    if (m->stop.kind == STOP_NONE)
        wait_for(line, wait_time(m, wall_ps() - origin), open_mask);
}

void pace_run(struct machine *m, struct line *line, bool is_unthrottled, struct pace_signals *signals,
              const sigset_t *open_mask)
{
    uint64_t origin = wall_ps() - machine_now(m);

    while (m->stop.kind == STOP_NONE) {
        take_outside(m, line, signals);
        if (is_unthrottled) {
            machine_run(m, machine_now(m) + SLICE);
            wait_for(line, machine_next(m) == CLOCK_NEVER ? WAIT_MAX : 0, open_mask);
        } else {
            run_with_wall(m, line, origin, open_mask);
        }
        if (m->stop.kind == STOP_NONE && is_dead(m, line))
            stop_ask(&m->stop, STOP_CYCLES, "nothing can wake the CPU");
    }
}
