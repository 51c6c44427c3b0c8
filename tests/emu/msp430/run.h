/*
 * Runs the machine beside the host: holds virtual time to the wall clock, waits while the CPU sleeps, takes
 * bytes from the serial line and signals from outside.
 */
#ifndef EMU_RUN_H
#define EMU_RUN_H

#include "machine.h"

/* Returns when the machine has stopped; that nothing can wake its CPU is a reason, too. */
void run_until_stop(struct machine *machine, struct line *line, bool is_unthrottled);

#endif
