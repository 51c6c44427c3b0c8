#include "cpu.h"

#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum { CODE = 0x3000, DATA = 0x2000, STACK = 0x2800 };

struct fixture {
    struct memory memory;
    struct stop stop;
    struct cpu cpu;
};

static struct fixture f;

/* R4 to R15 point to data. */
static void load(const uint16_t *words, unsigned count)
{
    struct memory_io none = {0};

    f.stop = (struct stop){0};
    memory_init(&f.memory, &f.stop, &none);
    f.cpu = (struct cpu){.memory = &f.memory};
    for (unsigned i = 0; i < count; i++)
        memory_write_word(&f.memory, (uint16_t)(CODE + 2 * i), words[i]);
    f.cpu.r[CPU_PC] = CODE;
    f.cpu.r[CPU_SP] = STACK;
    for (unsigned i = CPU_CG + 1; i < CPU_REGISTERS; i++)
        f.cpu.r[i] = (uint16_t)(DATA + 16 * i);
}

/* SLAU049 3.4.4, tables 3-14 to 3-16. */
static void cycles_are_those_of_the_guide(void **state)
{
    static const struct {
        const char *text;
        unsigned cycles;
        uint16_t words[3];
    } TABLE[] = {
        {"mov r5, r8", 1, {0x4508}},
        {"br r9", 2, {0x4900}},
        {"add r5, 4(r6)", 4, {0x5586, 0x0004}},
        {"mov r8, &0x2000", 4, {0x4882, 0x2000}},
        {"and @r4, r5", 2, {0xF425}},
        {"br @r8", 2, {0x4820}},
        {"xor @r5, 8(r6)", 5, {0xE5A6, 0x0008}},
        {"add @r5+, r6", 2, {0x5536}},
        {"br @r9+", 3, {0x4930}},
        {"xor @r5+, 8(r6)", 5, {0xE5B6, 0x0008}},
        {"mov #20, r9", 2, {0x4039, 0x0014}},
        {"br #0x2ae", 3, {0x4030, 0x02AE}},
        {"mov #0x300, 0(r6)", 5, {0x40B6, 0x0300, 0x0000}},
        {"mov 2(r5), r7", 3, {0x4517, 0x0002}},
        {"br 2(r6)", 3, {0x4610, 0x0002}},
        {"add 2(r5), 6(r8)", 6, {0x5598, 0x0002, 0x0006}},
        {"mov &0x2000, r7", 3, {0x4217, 0x2000}},
        {"mov &0x2000, &0x2002", 6, {0x4292, 0x2000, 0x2002}},
        {"mov #1, r7", 1, {0x4317}},
        {"mov #8, 0(r6)", 4, {0x42B6, 0x0000}},
        {"ret", 3, {0x4130}},
        {"rrc r9", 1, {0x1009}},
        {"rra @r9", 3, {0x1129}},
        {"swpb @r10+", 3, {0x10BA}},
        {"sxt 2(r7)", 4, {0x1197, 0x0002}},
        {"push r5", 3, {0x1205}},
        {"push #1", 3, {0x1213}},
        {"push @r9", 4, {0x1229}},
        {"push @r10+", 5, {0x123A}},
        {"push #0x300", 4, {0x1230, 0x0300}},
        {"push &0x2000", 5, {0x1212, 0x2000}},
        {"call r7", 4, {0x1287}},
        {"call @r7", 4, {0x12A7}},
        {"call @r7+", 5, {0x12B7}},
        {"call #0x8000", 5, {0x12B0, 0x8000}},
        {"call 2(r7)", 5, {0x1297, 0x0002}},
        {"reti", 5, {0x1300}},
        {"jmp", 2, {0x3C00}},
        {"jeq, not taken", 2, {0x2400}},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        load(TABLE[i].words, 3);
        cpu_step(&f.cpu);
        if (f.cpu.cycles != TABLE[i].cycles)
            fail_msg("%s: %u cycles, wanted %u", TABLE[i].text, (unsigned)f.cpu.cycles, TABLE[i].cycles);
    }
}

static void interrupt_takes_six_cycles_and_keeps_scg0(void **state)
{
    static const uint16_t NOTHING[] = {0x4303};

    (void)state;
    load(NOTHING, 1);
    f.memory.bytes[0xFFEC] = 0x34;
    f.memory.bytes[0xFFED] = 0x12;
    f.cpu.r[CPU_SR] = CPU_GIE | CPU_OFF | CPU_SCG0 | CPU_SCG1 | CPU_C;
    cpu_interrupt(&f.cpu, 0xFFEC);
    assert_int_equal(f.cpu.cycles, 6);
    assert_int_equal(f.cpu.r[CPU_PC], 0x1234);
    assert_int_equal(f.cpu.r[CPU_SR], CPU_SCG0);
    assert_int_equal(f.cpu.r[CPU_SP], STACK - 4);
    assert_int_equal(memory_read_word(&f.memory, STACK - 2), CODE);
    assert_int_equal(memory_read_word(&f.memory, STACK - 4), CPU_GIE | CPU_OFF | CPU_SCG0 | CPU_SCG1 | CPU_C);
}

static void push_of_sp_stores_the_moved_one(void **state)
{
    static const uint16_t PUSH_SP[] = {0x1201};

    (void)state;
    load(PUSH_SP, 1);
    cpu_step(&f.cpu);
    assert_int_equal(memory_read_word(&f.memory, STACK - 2), STACK - 2);
}

static void pc_and_sp_stay_even(void **state)
{
    static const uint16_t ODD[] = {0x4031, 0x2001, 0x4030, 0x3101};

    (void)state;
    load(ODD, 4);
    cpu_step(&f.cpu);
    cpu_step(&f.cpu);
    assert_int_equal(f.cpu.r[CPU_SP], 0x2000);
    assert_int_equal(f.cpu.r[CPU_PC], 0x3100);
}

static void byte_with_sp_moves_it_by_two(void **state)
{
    static const uint16_t POP_BYTE[] = {0x4175};

    (void)state;
    load(POP_BYTE, 1);
    cpu_step(&f.cpu);
    assert_int_equal(f.cpu.r[CPU_SP], STACK + 2);
}

static void what_the_chip_cannot_do_stops(void **state)
{
    static const struct {
        const char *reason;
        uint16_t words[3];
    } TABLE[] = {
        {"illegal instruction 0x0000", {0x0000}},
        {"illegal instruction 0x1400", {0x1400}},
        {"illegal instruction 0x10c5", {0x10C5}},
        {"illegal instruction 0x12c5", {0x12C5}},
        {"illegal instruction 0x1340", {0x1340}},
        {"illegal instruction 0x1030", {0x1030, 0x0001}},
        {"illegal instruction 0x4583", {0x4583, 0x0000}},
        {"read of a word at the odd address 0x2001", {0x4215, 0x2001}},
        {"write of a word at the odd address 0x2001", {0x4582, 0x2001}},
        {"read at the unmapped address 0x3a00", {0x4215, 0x3A00}},
        {"write at the unmapped address 0x0c00", {0x4582, 0x0C00}},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        load(TABLE[i].words, 3);
        cpu_step(&f.cpu);
        assert_int_equal(f.stop.kind, STOP_FAULT);
        assert_string_equal(f.stop.reason, TABLE[i].reason);
    }
}

static void program_outside_memory_stops(void **state)
{
    static const uint16_t NOTHING[] = {0x4303};

    (void)state;
    load(NOTHING, 1);
    f.cpu.r[CPU_PC] = 0x0100;
    cpu_step(&f.cpu);
    assert_string_equal(f.stop.reason, "no program at 0x0100");
}

static void first_ram_appears_at_0x0200(void **state)
{
    static const uint16_t NOTHING[] = {0x4303};

    (void)state;
    load(NOTHING, 1);
    memory_write_word(&f.memory, 0x0202, 0xBEEF);
    assert_int_equal(memory_read_word(&f.memory, 0x1102), 0xBEEF);
    memory_write_byte(&f.memory, 0x18FF, 0x5A);
    assert_int_equal(memory_read_byte(&f.memory, 0x09FF), 0x5A);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cycles_are_those_of_the_guide),
        cmocka_unit_test(interrupt_takes_six_cycles_and_keeps_scg0),
        cmocka_unit_test(push_of_sp_stores_the_moved_one),
        cmocka_unit_test(pc_and_sp_stay_even),
        cmocka_unit_test(byte_with_sp_moves_it_by_two),
        cmocka_unit_test(what_the_chip_cannot_do_stops),
        cmocka_unit_test(program_outside_memory_stops),
        cmocka_unit_test(first_ram_appears_at_0x0200),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
