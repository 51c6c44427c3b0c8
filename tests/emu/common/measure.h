/*
 * How many cycles functions take, with what they call: from their first instruction to their return.
 *
 * Cycles of interrupts that come in between are left out; a function that is called by an interrupt handler
 * is counted like any other.
 */
#ifndef EMU_MEASURE_H
#define EMU_MEASURE_H

#include "image.h"

#include <stdio.h>

enum { MEASURE_FUNCTIONS = 32, MEASURE_DEPTH = 64 };

struct measured {
    const char *name;
    uint32_t address;
    uint64_t calls, total, least, most, last; /* cycles */
};

/* Where the program is, or goes on after a return: PC and SP. */
struct measure_place {
    uint32_t address, stack;
};

/* A call or an interrupt that has not returned. */
struct measure_call {
    struct measured *function;
    struct measure_place back;
    uint64_t since;
};

struct measure {
    struct measured functions[MEASURE_FUNCTIONS];
    unsigned function_count;
    struct measure_call calls[MEASURE_DEPTH];
    unsigned depth;
    bool is_in_interrupt;
    struct measure_call interrupt; /* the outermost */
    uint64_t interrupt_cycles;
};

/* Counts for a function; `name` stays the caller's. At most MEASURE_FUNCTIONS of them. */
void measure_add(struct measure *m, const char *name, uint32_t address);
/* Counts for functions of the image. False: it has no such one, and standard error says so. */
bool measure_add_all(struct measure *m, const struct image *image, const char *const *names, unsigned count);
/* The core comes to `at`, an instruction or a block of them. If a function begins there, it goes back to
 * `back`. */
void measure_step(struct measure *m, struct measure_place at, struct measure_place back, uint64_t cycles);
/* An interrupt is accepted, and will go back to `at`. */
void measure_interrupt(struct measure *m, struct measure_place at, uint64_t cycles);
/* A reset: open calls are forgotten. */
void measure_reset(struct measure *m);
/* Members of a JSON object: "interrupt_cycles", and "measured" by function. */
void measure_print(const struct measure *m, FILE *out);

#endif
