/*
 * The CPU against `mspdebug sim`, instruction by instruction: random instructions on random registers and
 * memory, and after each one the same registers, at the end the same memory.
 *
 * Where mspdebug differs from the MSP430x1xx Family User's Guide, and what is done about it:
 *  - PUSH and CALL read their operand before they move SP; the guide moves SP first. SP is no operand of them
 * here.
 *  - PC and SP may become odd; on the chip bit 0 is always 0. Bit 0 of what is written there is masked here.
 *  - R3 keeps what is written to it, though nothing can read it. R3 is not compared.
 *  - DADD sets V, which the guide leaves undefined. V is not compared after DADD, and digits are decimal.
 *  - PUSH.B clears the upper byte of the stacked word; the chip writes a byte. Both are set equal afterwards.
 *  - @SP+ with a byte moves SP by one; the chip keeps it even. There is no such operand here.
 *  - RETI masks the upper four bits of SR, which the chip does not have. They are 0 here.
 */
#include "mspdebug.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum {
    CASES = 20000,
    CODE = 0x3000,
    DATA = 0x2000,
    DATA_LEN = 0x0800,
    FLAGS = CPU_C | CPU_Z | CPU_N | CPU_V,
    DADD = 0xA,
    PUSH_B = 0x1240,
    KEPT_SR = FLAGS | CPU_GIE, /* the others would stop the clock */
};

struct world {
    struct memory memory;
    struct stop stop;
    struct cpu cpu;
    struct mspdebug session;
    uint64_t random;
};

/* What is known of an instruction before it runs. */
struct instruction {
    uint16_t words[3];
    unsigned len;
    bool is_dadd;
};

/* What a step must have led to. */
struct expectation {
    uint16_t words[3], r[CPU_REGISTERS], sr_mask;
};

static struct expectation expectations[CASES];

static uint32_t pick(struct world *w, uint32_t below)
{
    w->random = w->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(w->random >> 33) % below;
}

static uint16_t pick_word(struct world *w)
{
    static const uint16_t EDGES[] = {0x0000, 0x0001, 0x007F, 0x0080, 0x00FF,
                                     0x0100, 0x7FFF, 0x8000, 0x8080, 0xFFFF};

    return pick(w, 4) == 0 ? EDGES[pick(w, sizeof EDGES / sizeof EDGES[0])] : (uint16_t)pick(w, 0x10000);
}

static uint16_t pick_address(struct world *w, bool is_byte)
{
    return (uint16_t)(DATA + 0x10 + (pick(w, DATA_LEN - 0x20) & ~(is_byte ? 0u : 1u)));
}

static uint16_t pick_decimal(struct world *w)
{
    return (uint16_t)(pick(w, 10) << 12 | pick(w, 10) << 8 | pick(w, 10) << 4 | pick(w, 10));
}

static void set_register(struct world *w, unsigned reg, uint16_t value)
{
    w->cpu.r[reg] = value;
    fprintf(w->session.file, "set %u 0x%x\n", reg, value);
}

static void set_word(struct world *w, uint16_t address, uint16_t value)
{
    address &= 0xFFFE;
    w->memory.bytes[address] = (uint8_t)value;
    w->memory.bytes[address + 1] = (uint8_t)(value >> 8);
    fprintf(w->session.file, "mw 0x%x 0x%x 0x%x\n", address, value & 0xFF, value >> 8);
}

static bool is_data(uint16_t address, bool is_byte)
{
    return address >= DATA + 0x10 && address < DATA + DATA_LEN - 0x10 && (is_byte || (address & 1) == 0);
}

/* Makes `reg` point to data and returns where. */
static uint16_t point(struct world *w, unsigned reg, bool is_byte)
{
    if (!is_data(w->cpu.r[reg], is_byte))
        set_register(w, reg, pick_address(w, is_byte));
    return w->cpu.r[reg];
}

static bool is_constant(unsigned reg, unsigned mode)
{
    return reg == CPU_CG || (reg == CPU_SR && mode >= 2);
}

/* x(reg), &x or x(PC), where x makes it an address in the data; the register holds `base` by then. */
static void make_indexed(struct world *w, struct instruction *i, unsigned reg, uint16_t base, bool is_byte)
{
    uint16_t address = pick_address(w, is_byte);

    if (reg == CPU_SR)
        base = 0;
    else if (reg == CPU_PC)
        base = (uint16_t)(CODE + 2 * i->len);
    if (i->is_dadd)
        set_word(w, address, pick_decimal(w));
    i->words[i->len++] = (uint16_t)(address - base);
}

/*
 * Prepares an operand, in decimal digits for DADD, and appends its word. `base` is what the register holds
 * before the operand is read; returns what it holds then.
 */
static uint16_t make_operand(struct world *w, struct instruction *i, unsigned reg, unsigned mode,
                             uint16_t base, bool is_byte)
{
    uint16_t address;

    if (is_constant(reg, mode))
        return base;
    if (mode == 1) {
        make_indexed(w, i, reg, base, is_byte);
        return base;
    }
    if (mode == 0) {
        if (i->is_dadd)
            set_register(w, reg, pick_decimal(w));
        return w->cpu.r[reg];
    }
    if (reg == CPU_PC) { /* an immediate */
        i->words[i->len++] = i->is_dadd ? pick_decimal(w) : pick_word(w);
        return base;
    }
    address = point(w, reg, is_byte);
    if (i->is_dadd)
        set_word(w, address, pick_decimal(w));
    if (mode == 3)
        address = (uint16_t)(address + (is_byte ? 1 : 2));
    return address;
}

static unsigned pick_register(struct world *w)
{
    return pick(w, 3) == 0 ? pick(w, CPU_REGISTERS) : 4 + pick(w, 12);
}

static void make_dual(struct world *w, struct instruction *i)
{
    unsigned operation = 4 + pick(w, 12), from = pick_register(w), mode = pick(w, 4);
    unsigned to = pick_register(w), in_memory = pick(w, 2);
    bool is_byte = pick(w, 2) != 0;
    uint16_t after;

    i->is_dadd = operation == DADD;
    if (i->is_dadd && (from <= CPU_CG || to <= CPU_CG || to == from)) { /* no decimal digits there */
        from = 4 + pick(w, 6);
        to = 10 + pick(w, 6);
    }
    if ((in_memory && to == CPU_CG) || (!in_memory && to == CPU_SP)) /* SP would become odd */
        to = 4;
    if (mode == 2 && from == CPU_PC)
        mode = 3;
    if (mode == 3 && from == CPU_SP)
        is_byte = false;
    i->words[0] =
        (uint16_t)(operation << 12 | from << 8 | in_memory << 7 | (unsigned)is_byte << 6 | mode << 4 | to);
    after = make_operand(w, i, from, mode, w->cpu.r[from], is_byte);
    make_operand(w, i, to, in_memory, to == from ? after : w->cpu.r[to], is_byte);
}

static void make_single(struct world *w, struct instruction *i)
{
    unsigned operation = pick(w, 7), reg = pick_register(w), mode = pick(w, 4);
    bool has_byte_form = operation == 0 || operation == 2 || operation == 4;
    bool is_byte = has_byte_form && pick(w, 2) != 0, is_shift = operation < 4;

    if (operation == 6) { /* RETI */
        set_word(w, w->cpu.r[CPU_SP], (uint16_t)(pick_word(w) & KEPT_SR));
        i->words[0] = CPU_OPCODE_RETI;
        return;
    }
    if (is_constant(reg, mode) && is_shift)
        reg = 4;
    if (reg == CPU_SP || (reg == CPU_PC && (is_shift || mode == 2)))
        reg = 5;
    i->words[0] = (uint16_t)(0x1000 | operation << 7 | (unsigned)is_byte << 6 | mode << 4 | reg);
    make_operand(w, i, reg, mode, w->cpu.r[reg], is_byte);
}

static struct instruction make_instruction(struct world *w)
{
    struct instruction i = {.len = 1};
    unsigned kind = pick(w, 10);

    if (kind == 0)
        i.words[0] = (uint16_t)(0x2000 | pick(w, 0x2000));
    else if (kind < 4)
        make_single(w, &i);
    else
        make_dual(w, &i);
    return i;
}

static void randomize_registers(struct world *w)
{
    for (unsigned reg = CPU_CG + 1; reg < CPU_REGISTERS; reg++)
        set_register(w, reg, pick_word(w));
    set_register(w, CPU_SR, (uint16_t)(pick_word(w) & FLAGS));
}

/* Lets mspdebug and our CPU do the same instruction, and notes what ours did. */
static void run_case(struct world *w, struct expectation *expected)
{
    struct instruction i;

    point(w, CPU_SP, false);
    set_register(w, CPU_PC, CODE);
    i = make_instruction(w);
    for (unsigned k = 0; k < i.len; k++)
        set_word(w, (uint16_t)(CODE + 2 * k), i.words[k]);
    fprintf(w->session.file, "step\n");
    cpu_step(&w->cpu);
    if (w->stop.kind != STOP_NONE)
        fail_msg("%04x %04x %04x: %s", i.words[0], i.words[1], i.words[2], w->stop.reason);
    memcpy(expected->words, i.words, sizeof i.words);
    memcpy(expected->r, w->cpu.r, sizeof w->cpu.r);
    expected->sr_mask = i.is_dadd ? (uint16_t)~CPU_V : 0xFFFF;
    if ((i.words[0] & 0xFFC0) == PUSH_B)
        set_word(w, w->cpu.r[CPU_SP], memory_plain_word(&w->memory, w->cpu.r[CPU_SP]));
    set_register(w, CPU_SP, w->cpu.r[CPU_SP]);
    set_register(w, CPU_SR, w->cpu.r[CPU_SR] & KEPT_SR);
}

/* Steps over what mspdebug prints for `set` to the dump of the next step. */
static bool read_case(struct world *w, uint16_t r[CPU_REGISTERS])
{
    char line[256];

    while (fgets(line, sizeof line, w->session.file))
        if (strcmp(line, "=> step\n") == 0)
            return mspdebug_read_registers(&w->session, r);
    return false;
}

static void compare_case(const struct expectation *expected, const uint16_t r[CPU_REGISTERS])
{
    for (unsigned reg = 0; reg < CPU_REGISTERS; reg++) {
        uint16_t mask = reg <= CPU_SP   ? 0xFFFE
                        : reg == CPU_SR ? expected->sr_mask
                        : reg == CPU_CG ? 0
                                        : 0xFFFF;

        if (((expected->r[reg] ^ r[reg]) & mask) != 0)
            fail_msg("%04x %04x %04x: R%u is %04x, in mspdebug %04x", expected->words[0], expected->words[1],
                     expected->words[2], reg, expected->r[reg], r[reg]);
    }
}

static uint64_t seed(void)
{
    const char *text = getenv("SSM_TEST_SEED");
    uint64_t value = text ? (uint64_t)strtoull(text, NULL, 0) : (uint64_t)getpid();

    print_message("SSM_TEST_SEED=%llu\n", (unsigned long long)value);
    return value;
}

static void random_instructions_do_the_same_as_in_mspdebug(void **state)
{
    static struct world w;
    static uint8_t theirs[DATA_LEN];
    struct memory_io none = {0};
    uint16_t r[CPU_REGISTERS];

    (void)state;
    w.random = seed();
    memory_init(&w.memory, &w.stop, &none);
    w.cpu.memory = &w.memory;
    mspdebug_open(&w.session);
    for (uint16_t address = DATA; address < DATA + DATA_LEN; address += 2)
        set_word(&w, address, pick_word(&w));
    for (unsigned n = 0; n < CASES; n++) {
        if (n % 4 == 0)
            randomize_registers(&w);
        run_case(&w, &expectations[n]);
    }
    fprintf(w.session.file, "save_raw 0x%x 0x%x %s\n", DATA, DATA_LEN, w.session.memory);
    mspdebug_run(&w.session);
    for (unsigned n = 0; n < CASES; n++) {
        assert_true(read_case(&w, r));
        compare_case(&expectations[n], r);
    }
    assert_true(mspdebug_read_memory(&w.session, theirs, DATA_LEN));
    assert_memory_equal(w.memory.bytes + DATA, theirs, DATA_LEN);
    mspdebug_close(&w.session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_instructions_do_the_same_as_in_mspdebug)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
