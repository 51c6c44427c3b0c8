#include "cycles.h"

enum { FOREIGN = 0, LOAD = 3, STORE = 2, MULTIPLY = 3, TO_PC = 2 /* more, for refilling the pipeline */ };

static uint32_t bits(uint32_t word, unsigned low, unsigned count)
{
    return word >> low & ((1u << count) - 1);
}

static uint32_t registers_in(uint32_t list)
{
    return (uint32_t)__builtin_popcount(list);
}

static uint32_t load_or_store(bool load)
{
    return load ? LOAD : STORE;
}

/* nS + 1N + 1I, or (n-1)S + 2N. */
static uint32_t block_transfer(bool load, uint32_t list, bool with_pc)
{
    return registers_in(list) + (load ? 2 : 1) + (load && with_pc ? TO_PC : 0);
}

static uint32_t thumb_alu(uint16_t h)
{
    uint32_t op = bits(h, 6, 4);

    if (op == 13)
        return MULTIPLY;
    return op == 2 || op == 3 || op == 4 || op == 7 ? 2 : 1; /* shifts by a register */
}

/* High registers, and BX. */
static uint32_t thumb_high(uint16_t h)
{
    uint32_t op = bits(h, 8, 2);
    bool to_pc = (h & 0x87) == 0x87;

    if (op == 3)
        return (h & 0x80) == 0 ? CYCLES_BRANCH : FOREIGN; /* BLX is ARMv5 */
    return to_pc && op != 1 ? 1 + TO_PC : 1;
}

static uint32_t thumb_misc(uint16_t h)
{
    if ((h & 0xFF00) == 0xB000)
        return 1;
    if ((h & 0xFE00) == 0xB400)
        return block_transfer(false, h & 0x1FF, false);
    if ((h & 0xFE00) == 0xBC00)
        return block_transfer(true, h & 0x1FF, (h & 0x100) != 0);
    return FOREIGN;
}

static uint32_t thumb_branch(uint16_t h)
{
    switch (bits(h, 11, 5)) {
    case 0x1C: /* B */
    case 0x1F: /* second half of BL */
        return CYCLES_BRANCH;
    case 0x1E: /* first half of BL */
        return 1;
    case 0x1D: /* BLX */
        return FOREIGN;
    default: /* B<cond>, SWI; 14 is undefined */
        return bits(h, 8, 4) == 14 ? FOREIGN : CYCLES_BRANCH;
    }
}

/* FOREIGN, or its cycles. */
static uint32_t thumb_cycles(uint16_t h)
{
    bool load = (h & 0x800) != 0;

    switch (bits(h, 12, 4)) {
    case 0x0:
    case 0x1:
    case 0x2:
    case 0x3:
    case 0xA:
        return 1;
    case 0x4:
        if (load)
            return LOAD;
        return (h & 0x400) == 0 ? thumb_alu(h) : thumb_high(h);
    case 0x5:
        return load_or_store(bits(h, 9, 3) >= 3);
    case 0x6:
    case 0x7:
    case 0x8:
    case 0x9:
        return load_or_store(load);
    case 0xB:
        return thumb_misc(h);
    case 0xC:
        return block_transfer(load, h & 0xFF, false);
    default:
        return thumb_branch(h);
    }
}

/* Multiplications, swaps, and transfers of half words and signed bytes. */
static uint32_t arm_extension(uint32_t w)
{
    bool load = (w & 1 << 20) != 0;

    if (bits(w, 5, 2) != 0) {
        if (!load && bits(w, 5, 2) != 1)
            return FOREIGN; /* LDRD and STRD */
        return load_or_store(load);
    }
    return bits(w, 23, 2) == 0 ? MULTIPLY : MULTIPLY + 1;
}

static uint32_t arm_data_processing(uint32_t w)
{
    bool is_immediate = (w & 1 << 25) != 0;
    bool is_test = bits(w, 23, 2) == 2;
    uint32_t cycles = !is_immediate && (w & 1 << 4) != 0 ? 2 : 1;

    return cycles + (!is_test && bits(w, 12, 4) == 15 ? TO_PC : 0);
}

static uint32_t arm_register_group(uint32_t w)
{
    if ((w & 0x0FFFFFF0) == 0x012FFF10)
        return CYCLES_BRANCH; /* BX */
    if ((w & 0x90) == 0x90)
        return arm_extension(w);
    if ((w & 0x01900000) == 0x01000000) /* a test without flags: MRS, MSR, and what came after ARMv4T */
        return (w & 0x0FBF0FFF) == 0x010F0000 || (w & 0x0FB0FFF0) == 0x0120F000 ? 1 : FOREIGN;
    return arm_data_processing(w);
}

/* FOREIGN, or its cycles. */
static uint32_t arm_cycles(uint32_t w)
{
    bool load = (w & 1 << 20) != 0;

    if (w >> 28 == 15)
        return FOREIGN;
    switch (bits(w, 25, 3)) {
    case 0:
        return arm_register_group(w);
    case 1:
        return (w & 0x01900000) == 0x01000000 && (w & 1 << 21) == 0 ? FOREIGN : arm_data_processing(w);
    case 2:
    case 3:
        if (bits(w, 25, 3) == 3 && (w & 0x10) != 0)
            return FOREIGN;
        return load_or_store(load) + (load && bits(w, 12, 4) == 15 ? TO_PC : 0);
    case 4:
        return block_transfer(load, w & 0xFFFF, (w & 0x8000) != 0);
    case 5:
        return CYCLES_BRANCH;
    default: /* coprocessors, of which there is none, and SWI */
        return bits(w, 24, 4) == 15 ? CYCLES_BRANCH : FOREIGN;
    }
}

static bool is_conditional_branch(uint32_t code, bool thumb)
{
    if (thumb)
        return bits(code, 12, 4) == 0xD && bits(code, 8, 4) < 14;
    return code >> 28 != 14 && bits(code, 25, 3) == 5;
}

struct block_cost cycles_of_block(const uint8_t *code, uint32_t size, bool thumb)
{
    struct block_cost cost = {.size = size};
    uint32_t width = thumb ? 2 : 4;

    for (uint32_t at = 0; at + width <= size; at += width) {
        uint32_t word = code[at] | (uint32_t)code[at + 1] << 8;
        uint32_t cycles;
        if (!thumb)
            word |= (uint32_t)code[at + 2] << 16 | (uint32_t)code[at + 3] << 24;
        cycles = thumb ? thumb_cycles((uint16_t)word) : arm_cycles(word);
        if (cycles == FOREIGN) {
            cost.is_foreign = true;
            cost.foreign_at = at;
            break;
        }
        cost.instructions++;
        cost.may_fall_through = is_conditional_branch(word, thumb);
        cost.cycles += cost.may_fall_through ? CYCLES_NOT_TAKEN : cycles;
    }
    return cost;
}
