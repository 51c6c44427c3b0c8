/*
 * The 16-bit MSP430 core: 27 instructions, all addressing modes, the cycle counts of the MSP430x1xx Family
 * User's Guide (SLAU049). Runs one instruction at a time on a memory; knows no interrupt source and no time.
 */
#ifndef EMU_CPU_H
#define EMU_CPU_H

#include "memory.h"

enum cpu_register { CPU_PC, CPU_SP, CPU_SR, CPU_CG, CPU_REGISTERS = 16 };

enum cpu_sr {
    CPU_C = 0x0001,
    CPU_Z = 0x0002,
    CPU_N = 0x0004,
    CPU_GIE = 0x0008,
    CPU_OFF = 0x0010,
    CPU_OSCOFF = 0x0020,
    CPU_SCG0 = 0x0040,
    CPU_SCG1 = 0x0080,
    CPU_V = 0x0100,
    CPU_POWER_BITS = CPU_OFF | CPU_OSCOFF | CPU_SCG0 | CPU_SCG1,
};

enum {
    CPU_OPCODE_RETI = 0x1300,
    CPU_INTERRUPT_CYCLES = 6,
    CPU_RESET_CYCLES = 4,
};

struct cpu {
    uint16_t r[CPU_REGISTERS];
    uint16_t at;     /* where the last instruction stood */
    uint16_t opcode; /* its first word */
    uint64_t cycles;
    uint64_t instructions;
    struct memory *memory;
};

/* Runs one instruction. Its cycles are counted before it touches its operands. */
void cpu_step(struct cpu *cpu);
/* Accepts an interrupt: PC and SR are pushed, all bits of SR but SCG0 are cleared. */
void cpu_interrupt(struct cpu *cpu, uint16_t vector);
/* Starts at the reset vector with SR cleared; the other registers keep what they hold. */
void cpu_reset(struct cpu *cpu);

#endif
