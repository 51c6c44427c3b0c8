/*
 * What a block of code costs on an ARM7TDMI with memory that answers at once, and whether it may run there at
 * all.
 *
 * From the cycle tables of the ARM7TDMI's reference manual, with S, N and I cycles alike. A model: a
 * multiplication is taken to end after two steps, an instruction whose condition fails to cost as if it had
 * not, except a branch.
 */
#ifndef EMU_CYCLES_H
#define EMU_CYCLES_H

#include <stdbool.h>
#include <stdint.h>

enum { CYCLES_BRANCH = 3, CYCLES_NOT_TAKEN = 1, CYCLES_LOAD_PC = 5, CYCLES_EXCEPTION = 3 };

struct block_cost {
    uint32_t size;         /* bytes */
    uint32_t instructions; /* the two halves of a Thumb BL are two */
    uint32_t cycles;       /* a branch with a condition at its end counted as not taken */
    bool may_fall_through; /* that branch has a condition */
    bool is_foreign;     /* holds an instruction that ARMv4T has not: the rest of the block is not counted */
    uint32_t foreign_at; /* how many bytes stand before it */
};

/* `size` bytes of code in Thumb or ARM state, the branch last. */
struct block_cost cycles_of_block(const uint8_t *code, uint32_t size, bool thumb);

#endif
