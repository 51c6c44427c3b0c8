/*
 * The core: Unicorn's ARM, kept to what an ARM7TDMI can, its interrupts and exceptions, and its cycles.
 *
 * Moves the machine's clock by what the code costs (cycles.h). The mask ROM is nothing but the eight vectors
 * that forward to the image. Code runs by blocks, from one branch to the next: an interrupt is taken between
 * two of them, and an abort where its block begins.
 */
#ifndef EMU_CPU_H
#define EMU_CPU_H

#include "machine.h"
#include "measure.h"

#define CPU_RAM_BASE 0x00400000u
enum { CPU_RAM_SIZE = 0x18000 };

struct cpu_counts {
    uint64_t instructions, cycles; /* executed; the core's clock stands while it waits */
    uint64_t interrupts, undefined, aborts;
};

struct cpu;

/* The core has stopped its clock (machine->crm.is_waiting): lets time pass until it runs again, or has to
 * end. */
typedef void cpu_wait_function(void *context);

/* `seed` fills the RAM that the image does not. NULL: a message is on stderr. */
struct cpu *cpu_create(struct machine *machine, const struct image *image, struct measure *measure,
                       uint64_t seed, cpu_wait_function *wait, void *context);
void cpu_destroy(struct cpu *c);

/* Loads the image again, as the mask ROM does after a reset, and starts it. RAM beside it keeps what it held.
 */
void cpu_reset(struct cpu *c);
/* Runs until the machine's clock has come to `until`, a reset is wanted or the power has failed. */
void cpu_run(struct cpu *c, uint64_t until);

struct cpu_counts cpu_counts(const struct cpu *c);
/* Copies out RAM. False: it is not RAM. */
bool cpu_peek(const struct cpu *c, uint32_t address, void *to, uint32_t len);

#endif
