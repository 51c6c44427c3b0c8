#include "cpu.h"

/* Addressing modes of a source (SLAU049 3.3); a destination knows the first two. */
enum mode { MODE_REGISTER, MODE_INDEXED, MODE_INDIRECT, MODE_INCREMENT };

/* The upper four bits of an instruction with two operands. */
enum dual { MOV = 4, ADD, ADDC, SUBC, SUB, CMP, DADD, BIT, BIC, BIS, XOR, AND };

/* Bits 9 to 7 of an instruction with one operand. */
enum single { RRC, SWPB, RRA, SXT, PUSH, CALL, RETI };

/* SLAU049 3.4.4: by the mode of the source, and whether the destination is a register, PC or in memory. */
static const uint8_t DUAL_CYCLES[4][3] = {
    [MODE_REGISTER] = {1, 2, 4},
    [MODE_INDEXED] = {3, 3, 6},
    [MODE_INDIRECT] = {2, 2, 5},
    [MODE_INCREMENT] = {2, 3, 5},
};
static const uint8_t SHIFT_CYCLES[4] = {1, 4, 3, 3};
static const uint8_t PUSH_CYCLES[4] = {3, 5, 4, 5};
static const uint8_t CALL_CYCLES[4] = {4, 5, 4, 5};

enum { FLAGS = CPU_C | CPU_Z | CPU_N | CPU_V, JUMP_CYCLES = 2, PUSH_IMMEDIATE_CYCLES = 4, RETI_CYCLES = 5 };

static uint16_t fetch(struct cpu *cpu)
{
    uint16_t word = memory_fetch_word(cpu->memory, cpu->r[CPU_PC]);

    cpu->r[CPU_PC] = (uint16_t)(cpu->r[CPU_PC] + 2);
    return word;
}

static void stop_illegal(struct cpu *cpu)
{
    stop_ask(cpu->memory->stop, STOP_FAULT, "illegal instruction 0x%04x", cpu->opcode);
}

static uint16_t read(struct cpu *cpu, uint16_t address, bool is_byte)
{
    return is_byte ? memory_read_byte(cpu->memory, address) : memory_read_word(cpu->memory, address);
}

static void write(struct cpu *cpu, uint16_t address, uint16_t value, bool is_byte)
{
    if (is_byte)
        memory_write_byte(cpu->memory, address, (uint8_t)value);
    else
        memory_write_word(cpu->memory, address, value);
}

/* Bit 0 of PC and SP is always 0, and the constant generator keeps nothing. */
static void write_register(struct cpu *cpu, unsigned reg, uint16_t value, bool is_byte)
{
    if (is_byte)
        value &= 0xFF;
    if (reg <= CPU_SP)
        value &= 0xFFFE;
    if (reg != CPU_CG)
        cpu->r[reg] = value;
}

static void push(struct cpu *cpu, uint16_t value)
{
    cpu->r[CPU_SP] = (uint16_t)(cpu->r[CPU_SP] - 2);
    memory_write_word(cpu->memory, cpu->r[CPU_SP], value);
}

static uint16_t pop(struct cpu *cpu)
{
    uint16_t value = memory_read_word(cpu->memory, cpu->r[CPU_SP]);

    cpu->r[CPU_SP] = (uint16_t)(cpu->r[CPU_SP] + 2);
    return value;
}

static bool is_constant(unsigned reg, enum mode mode)
{
    return reg == CPU_CG || (reg == CPU_SR && mode >= MODE_INDIRECT);
}

/* The constant generator (SLAU049 3.2.4). */
static uint16_t constant(unsigned reg, enum mode mode)
{
    static const uint16_t CG1[4] = {0, 0, 4, 8}, CG2[4] = {0, 1, 2, 0xFFFF};

    return reg == CPU_SR ? CG1[mode] : CG2[mode];
}

/* x(Rn), or &x with SR as the register; PC stands at x itself. */
static uint16_t indexed_address(struct cpu *cpu, unsigned reg)
{
    uint16_t base = reg == CPU_SR ? 0 : cpu->r[reg];

    return (uint16_t)(base + fetch(cpu));
}

/* The address of an operand in memory: any mode but MODE_REGISTER. */
static uint16_t operand_address(struct cpu *cpu, unsigned reg, enum mode mode, bool is_byte)
{
    uint16_t address;

    if (mode == MODE_INDEXED)
        return indexed_address(cpu, reg);
    address = cpu->r[reg];
    if (mode == MODE_INCREMENT)
        cpu->r[reg] = (uint16_t)(address + (is_byte && reg > CPU_SP ? 1 : 2));
    return address;
}

static uint16_t read_source(struct cpu *cpu, unsigned reg, enum mode mode, bool is_byte)
{
    if (is_constant(reg, mode))
        return constant(reg, mode) & (is_byte ? 0xFF : 0xFFFF);
    if (mode == MODE_REGISTER)
        return cpu->r[reg] & (is_byte ? 0xFF : 0xFFFF);
    return read(cpu, operand_address(cpu, reg, mode, is_byte), is_byte);
}

static void set_flags(struct cpu *cpu, uint32_t result, uint32_t msb, bool carry, bool overflow)
{
    uint16_t sr = cpu->r[CPU_SR] & (uint16_t)~FLAGS;

    if (carry)
        sr |= CPU_C;
    if ((result & (2 * msb - 1)) == 0)
        sr |= CPU_Z;
    if (result & msb)
        sr |= CPU_N;
    if (overflow)
        sr |= CPU_V;
    cpu->r[CPU_SR] = sr;
}

static uint16_t add(struct cpu *cpu, uint32_t src, uint32_t dst, uint32_t carry, uint32_t msb)
{
    uint32_t sum = src + dst + carry;

    set_flags(cpu, sum, msb, (sum & 2 * msb) != 0, ((src ^ sum) & (dst ^ sum) & msb) != 0);
    return (uint16_t)sum;
}

/* Decimal digits with carry. V is undefined (SLAU049 3.4.6.19): it stays. */
static uint16_t add_decimal(struct cpu *cpu, uint32_t src, uint32_t dst, uint32_t carry, uint32_t msb)
{
    uint32_t sum = 0;

    for (unsigned shift = 0; (1u << shift) < 2 * msb; shift += 4) {
        uint32_t digit = (src >> shift & 15) + (dst >> shift & 15) + carry;

        carry = digit > 9;
        sum |= ((carry ? digit - 10 : digit) & 15) << shift;
    }
    set_flags(cpu, sum, msb, carry != 0, (cpu->r[CPU_SR] & CPU_V) != 0);
    return (uint16_t)sum;
}

static uint16_t set_logic_flags(struct cpu *cpu, uint32_t result, uint32_t msb, bool overflow)
{
    set_flags(cpu, result, msb, (result & (2 * msb - 1)) != 0, overflow);
    return (uint16_t)result;
}

static uint16_t calculate(struct cpu *cpu, enum dual operation, uint16_t src, uint16_t dst, bool is_byte)
{
    uint32_t msb = is_byte ? 0x80 : 0x8000;
    uint32_t inverse = ~(uint32_t)src & (2 * msb - 1);
    uint32_t carry = cpu->r[CPU_SR] & CPU_C;

    switch (operation) {
    case MOV:
        return src;
    case ADD:
        return add(cpu, src, dst, 0, msb);
    case ADDC:
        return add(cpu, src, dst, carry, msb);
    case SUBC:
        return add(cpu, inverse, dst, carry, msb);
    case SUB:
    case CMP:
        return add(cpu, inverse, dst, 1, msb);
    case DADD:
        return add_decimal(cpu, src, dst, carry, msb);
    case BIC:
        return (uint16_t)(dst & ~src);
    case BIS:
        return dst | src;
    case XOR:
        return set_logic_flags(cpu, dst ^ src, msb, (src & dst & msb) != 0);
    default: /* BIT, AND */
        return set_logic_flags(cpu, dst & src, msb, false);
    }
}

static void run_dual(struct cpu *cpu, uint16_t opcode)
{
    enum dual operation = (enum dual)(opcode >> 12);
    unsigned from = opcode >> 8 & 15, to = opcode & 15;
    enum mode mode = (enum mode)(opcode >> 4 & 3);
    bool is_byte = (opcode & 0x40) != 0, in_memory = (opcode & 0x80) != 0;
    unsigned place = in_memory ? 2 : to == CPU_PC;
    uint16_t src, dst, result, address = 0;

    if (in_memory && to == CPU_CG) {
        stop_illegal(cpu);
        return;
    }
    cpu->cycles += DUAL_CYCLES[is_constant(from, mode) ? MODE_REGISTER : mode][place];
    src = read_source(cpu, from, mode, is_byte);
    if (in_memory) {
        address = indexed_address(cpu, to);
        dst = operation == MOV ? 0 : read(cpu, address, is_byte);
    } else {
        dst = cpu->r[to] & (is_byte ? 0xFF : 0xFFFF);
    }
    result = calculate(cpu, operation, src, dst, is_byte);
    if (operation == CMP || operation == BIT)
        return;
    if (in_memory)
        write(cpu, address, result, is_byte);
    else
        write_register(cpu, to, result, is_byte);
}

/* RRC, SWPB, RRA, SXT. Immediate operands are not allowed (SLAU049 3.3.7). */
static void run_shift(struct cpu *cpu, enum single operation, unsigned reg, enum mode mode, bool is_byte)
{
    uint32_t msb = is_byte ? 0x80 : 0x8000, value, result;
    uint16_t address = 0;

    if (is_constant(reg, mode) || (reg == CPU_PC && mode == MODE_INCREMENT)) {
        stop_illegal(cpu);
        return;
    }
    cpu->cycles += SHIFT_CYCLES[mode];
    if (mode == MODE_REGISTER) {
        value = cpu->r[reg] & (2 * msb - 1);
    } else {
        address = operand_address(cpu, reg, mode, is_byte);
        value = read(cpu, address, is_byte);
    }
    if (operation == SWPB) {
        result = (value >> 8 | value << 8) & 0xFFFF;
    } else if (operation == SXT) {
        result = set_logic_flags(cpu, value & 0x80 ? value | 0xFF00 : value & 0xFF, msb, false);
    } else {
        bool top = operation == RRA ? (value & msb) != 0 : (cpu->r[CPU_SR] & CPU_C) != 0;

        result = value >> 1 | (top ? msb : 0);
        set_flags(cpu, result, msb, (value & 1) != 0, false);
    }
    if (mode == MODE_REGISTER)
        write_register(cpu, reg, (uint16_t)result, is_byte);
    else
        write(cpu, address, (uint16_t)result, is_byte);
}

/* SP moves before the operand is read (SLAU049 3.2.2: PUSH SP stores the new SP). */
static void run_push(struct cpu *cpu, unsigned reg, enum mode mode, bool is_byte)
{
    uint16_t value;

    if (is_constant(reg, mode))
        cpu->cycles += PUSH_CYCLES[MODE_REGISTER];
    else
        cpu->cycles += reg == CPU_PC && mode == MODE_INCREMENT ? PUSH_IMMEDIATE_CYCLES : PUSH_CYCLES[mode];
    cpu->r[CPU_SP] = (uint16_t)(cpu->r[CPU_SP] - 2);
    value = read_source(cpu, reg, mode, is_byte);
    write(cpu, cpu->r[CPU_SP], value, is_byte);
}

static void run_call(struct cpu *cpu, unsigned reg, enum mode mode)
{
    uint16_t target;

    cpu->cycles += CALL_CYCLES[is_constant(reg, mode) ? MODE_REGISTER : mode];
    cpu->r[CPU_SP] = (uint16_t)(cpu->r[CPU_SP] - 2);
    target = read_source(cpu, reg, mode, false);
    memory_write_word(cpu->memory, cpu->r[CPU_SP], cpu->r[CPU_PC]);
    write_register(cpu, CPU_PC, target, false);
}

static void run_single(struct cpu *cpu, uint16_t opcode)
{
    enum single operation = (enum single)(opcode >> 7 & 7);
    unsigned reg = opcode & 15;
    enum mode mode = (enum mode)(opcode >> 4 & 3);
    bool is_byte = (opcode & 0x40) != 0;
    bool has_byte_form = operation == RRC || operation == RRA || operation == PUSH;

    if (opcode >= 0x1400 || (is_byte && !has_byte_form) || (operation >= RETI && opcode != CPU_OPCODE_RETI)) {
        stop_illegal(cpu);
        return;
    }
    switch (operation) {
    case PUSH:
        run_push(cpu, reg, mode, is_byte);
        break;
    case CALL:
        run_call(cpu, reg, mode);
        break;
    case RETI:
        cpu->cycles += RETI_CYCLES;
        cpu->r[CPU_SR] = pop(cpu);
        write_register(cpu, CPU_PC, pop(cpu), false);
        break;
    default:
        run_shift(cpu, operation, reg, mode, is_byte);
    }
}

/* JNE, JEQ, JNC, JC, JN, JGE, JL, JMP. */
static bool jumps(uint16_t sr, unsigned condition)
{
    bool less = ((sr & CPU_N) != 0) != ((sr & CPU_V) != 0);

    switch (condition) {
    case 0:
        return (sr & CPU_Z) == 0;
    case 1:
        return (sr & CPU_Z) != 0;
    case 2:
        return (sr & CPU_C) == 0;
    case 3:
        return (sr & CPU_C) != 0;
    case 4:
        return (sr & CPU_N) != 0;
    case 5:
        return !less;
    case 6:
        return less;
    default:
        return true;
    }
}

static void run_jump(struct cpu *cpu, uint16_t opcode)
{
    int offset = opcode & 0x03FF;

    cpu->cycles += JUMP_CYCLES;
    if (offset >= 0x200)
        offset -= 0x400;
    if (jumps(cpu->r[CPU_SR], opcode >> 10 & 7))
        cpu->r[CPU_PC] = (uint16_t)(cpu->r[CPU_PC] + 2 * offset);
}

void cpu_step(struct cpu *cpu)
{
    uint16_t opcode;

    cpu->at = cpu->r[CPU_PC];
    opcode = fetch(cpu);
    cpu->opcode = opcode;
    cpu->instructions++;
    if (opcode >= 0x4000)
        run_dual(cpu, opcode);
    else if (opcode >= 0x2000)
        run_jump(cpu, opcode);
    else if (opcode >= 0x1000)
        run_single(cpu, opcode);
    else
        stop_illegal(cpu);
}

void cpu_interrupt(struct cpu *cpu, uint16_t vector)
{
    cpu->cycles += CPU_INTERRUPT_CYCLES;
    push(cpu, cpu->r[CPU_PC]);
    push(cpu, cpu->r[CPU_SR]);
    cpu->r[CPU_SR] &= CPU_SCG0;
    write_register(cpu, CPU_PC, memory_read_word(cpu->memory, vector), false);
}

void cpu_reset(struct cpu *cpu)
{
    cpu->cycles += CPU_RESET_CYCLES;
    cpu->r[CPU_SR] = 0;
    write_register(cpu, CPU_PC, memory_read_word(cpu->memory, MEMORY_RESET_VECTOR), false);
}
