/*
 * An emulated Econotag as a program runs it: the machine, its core, the line, the clock on the wall.
 */
#ifndef EMU_RUN_H
#define EMU_RUN_H

#include "cpu.h"
#include "line.h"
#include "options.h"
#include "pace.h"

struct run {
    const struct options *options;
    struct machine machine;
    struct cpu *cpu;
    struct image image;
    struct measure measure;
    struct line line;
    uint64_t waited; /* clock cycles for which the core waited for an interrupt */
    struct pace pace;
};

/* The options are the caller's until run_end. False: a message is on stderr. */
bool run_start(struct run *r, const struct options *options, uint16_t battery_mv);
/* Until a signal, the end of the cycles or the power cut. */
void run_until_end(struct run *r);
/* "signal", "cycles" or "power-cut". */
const char *run_stopped_by(const struct run *r);
void run_end(struct run *r);

#endif
