/*
 * An emulated Econotag as a program runs it: the machine, its core, the line, the clock on the wall.
 */
#ifndef EMU_RUN_H
#define EMU_RUN_H

#include "cpu.h"
#include "line.h"

#include <signal.h>

struct run_options {
    const char *image_path, *line_link, *flash_path, *report_path;
    uint64_t cycles; /* of the clock, at which to end; 0: never */
    uint64_t cut_at; /* flash operation; 0: none */
    uint64_t seed;
    uint64_t battery_mv;
    bool is_at_max_speed;
    const char *measured[MEASURE_FUNCTIONS];
    unsigned measured_count;
};

/* Set by signal handlers. */
struct run_signals {
    volatile sig_atomic_t end, line_break, framing_error;
};

struct run {
    const struct run_options *options;
    struct run_signals *signals;
    struct machine machine;
    struct cpu *cpu;
    struct image *image;
    struct measure measure;
    struct line line;
    uint64_t waited; /* clock cycles for which the core waited for an interrupt */
    uint64_t started_ns;
};

/* Both are the caller's until run_end. False: a message is on stderr. */
bool run_start(struct run *r, const struct run_options *options, struct run_signals *signals);
/* Until a signal, the end of the cycles or the power cut. */
void run_until_end(struct run *r);
/* "signal", "cycles" or "power-cut". */
const char *run_stopped_by(const struct run *r);
void run_end(struct run *r);

#endif
