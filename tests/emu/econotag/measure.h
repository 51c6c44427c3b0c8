/*
 * How many cycles functions take, with what they call and without interrupts: from their first instruction to
 * their return.
 */
#ifndef EMU_MEASURE_H
#define EMU_MEASURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { MEASURE_FUNCTIONS = 16, MEASURE_DEPTH = 16 };

struct measured {
    const char *name;
    uint32_t address;
    uint64_t calls, total, least, most, last;
};

/* A call under way. */
struct measured_call {
    struct measured *function;
    uint32_t back_at, stack;
    uint64_t since;
};

struct measure {
    struct measured functions[MEASURE_FUNCTIONS];
    unsigned function_count;
    struct measured_call calls[MEASURE_DEPTH];
    unsigned depth;
    bool is_in_interrupt;
    struct measured_call interrupt; /* likewise, where it came */
    uint64_t interrupt_cycles;
};

void measure_add(struct measure *m, const char *name, uint32_t address);
/* A block of code begins at `address`, where the functions' entries and returns are; `sp` and `lr` as there.
 */
void measure_block(struct measure *m, uint32_t address, uint32_t sp, uint32_t lr, uint64_t cycles);
/* An interrupt comes before the block at `address`. */
void measure_interrupt(struct measure *m, uint32_t address, uint32_t sp, uint64_t cycles);
/* The chip has been reset: no call is under way. */
void measure_reset(struct measure *m);
/* Its JSON object. */
void measure_print(const struct measure *m, FILE *out);

#endif
