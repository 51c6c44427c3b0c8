/*
 * What a run has cost, as a JSON object.
 */
#ifndef EMU_REPORT_H
#define EMU_REPORT_H

#include "machine.h"

/* Where the image has its stack: bare_stack_low and bare_stack_high, or all of RAM. */
struct report_stack {
    uint32_t low, high;
};

void report_write(FILE *file, const struct machine *machine, const struct report_stack *stack);

#endif
