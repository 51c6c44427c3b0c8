/*
 * Counts the cycles of chosen functions, from their first instruction to their return, both included, with
 * what they call. Cycles of interrupts that come in between are left out; a function that is called by an
 * interrupt handler is counted like any other.
 */
#ifndef EMU_MEASURE_H
#define EMU_MEASURE_H

#include "cpu.h"

enum { MEASURE_MAX = 32, MEASURE_DEPTH_MAX = 64, MEASURE_INTERRUPTS_MAX = 16 };

struct measure_function {
    const char *name;
    uint16_t address;
    uint64_t calls, min, max, sum, last; /* cycles */
};

/* A call that has not returned. */
struct measure_call {
    struct measure_function *function;
    uint16_t return_address, sp; /* what PC and SP are after the return */
    unsigned interrupt_depth;
    uint64_t start, left_out;
};

struct measure {
    struct measure_function functions[MEASURE_MAX];
    unsigned function_count;
    struct measure_call calls[MEASURE_DEPTH_MAX];
    unsigned depth;
    uint64_t interrupts[MEASURE_INTERRUPTS_MAX]; /* when they began */
    unsigned interrupt_depth;
    uint64_t interrupt_cycles;
    uint8_t marks[MEMORY_LEN]; /* 1 + the function that starts there */
};

/* False if there are too many. `name` stays the caller's. */
bool measure_add(struct measure *measure, const char *name, uint16_t address);
/* Before each instruction. */
void measure_step(struct measure *measure, const struct cpu *cpu);
/* An interrupt is accepted, and an interrupt handler has returned. */
void measure_interrupt(struct measure *measure, uint64_t cycles);
void measure_return(struct measure *measure, uint64_t cycles);
/* A reset: open calls are forgotten. */
void measure_reset(struct measure *measure);

#endif
