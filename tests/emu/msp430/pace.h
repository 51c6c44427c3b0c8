/*
 * Runs the machine beside the host: holds virtual time to the wall clock, waits while the CPU sleeps, takes
 * bytes from the serial line and signals from outside.
 */
#ifndef EMU_PACE_H
#define EMU_PACE_H

#include "machine.h"

#include <signal.h>

/* Set by signal handlers; cleared here. */
struct pace_signals {
    volatile sig_atomic_t end, breaks, framing_errors;
};

/* Signals are blocked but while it waits: `open_mask` is the mask for that. Returns when the machine has
 * stopped. */
void pace_run(struct machine *machine, struct line *line, bool is_unthrottled, struct pace_signals *signals,
              const sigset_t *open_mask);

#endif
