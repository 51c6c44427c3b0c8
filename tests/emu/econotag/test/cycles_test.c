#include "cycles.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

struct row {
    uint32_t code;
    uint32_t cycles; /* 0: not of ARMv4T */
    const char *text;
};

/* ARM7TDMI Technical Reference Manual, "Instruction cycle timings", with all memory cycles alike. */
static const struct row THUMB[] = {
    {0x0088, 1, "lsls r0, r1, #2"},
    {0x1888, 1, "adds r0, r1, r2"},
    {0x2005, 1, "movs r0, #5"},
    {0x4008, 1, "ands r0, r1"},
    {0x4088, 2, "lsls r0, r1"},
    {0x41C8, 2, "rors r0, r1"},
    {0x4348, 3, "muls r0, r1"},
    {0x4680, 1, "mov r8, r0"},
    {0x4687, 3, "mov pc, r0"},
    {0x4708, 3, "bx r1"},
    {0x4801, 3, "ldr r0, [pc, #4]"},
    {0x5088, 2, "str r0, [r1, r2]"},
    {0x5688, 3, "ldrsb r0, [r1, r2]"},
    {0x5888, 3, "ldr r0, [r1, r2]"},
    {0x6008, 2, "str r0, [r1]"},
    {0x6808, 3, "ldr r0, [r1]"},
    {0x7008, 2, "strb r0, [r1]"},
    {0x8808, 3, "ldrh r0, [r1]"},
    {0x9001, 2, "str r0, [sp, #4]"},
    {0x9801, 3, "ldr r0, [sp, #4]"},
    {0xA801, 1, "add r0, sp, #4"},
    {0xB082, 1, "sub sp, #8"},
    {0xB510, 3, "push {r4, lr}"},
    {0xBD10, 6, "pop {r4, pc}"},
    {0xBC30, 4, "pop {r4, r5}"},
    {0xC103, 3, "stmia r1!, {r0, r1}"},
    {0xC90C, 4, "ldmia r1!, {r2, r3}"},
    {0xD0FE, 1, "beq, not taken"},
    {0xE7FE, 3, "b"},
    {0xF000, 1, "bl, first half"},
    {0xF800, 3, "bl, second half"},
    {0xDF00, 3, "swi 0"},
    {0x4788, 0, "blx r1"},
    {0xBE00, 0, "bkpt"},
    {0xE800, 0, "blx, second half"},
    {0xDE00, 0, "udf"},
    {0xB208, 0, "sxth r0, r1"},
    {0xBA08, 0, "rev r0, r1"},
    {0xB100, 0, "cbz"},
};

static const struct row ARM[] = {
    {0xE0810002, 1, "add r0, r1, r2"},
    {0xE0810312, 2, "add r0, r1, r2, lsl r3"},
    {0xE1A0F000, 3, "mov pc, r0"},
    {0xE3A00001, 1, "mov r0, #1"},
    {0xE1500001, 1, "cmp r0, r1"},
    {0xE0000291, 3, "mul r0, r1, r2"},
    {0xE0810392, 4, "umull r0, r1, r2, r3"},
    {0xE5910000, 3, "ldr r0, [r1]"},
    {0xE591F000, 5, "ldr pc, [r1]"},
    {0xE5810000, 2, "str r0, [r1]"},
    {0xE1D100B0, 3, "ldrh r0, [r1]"},
    {0xE1C100B0, 2, "strh r0, [r1]"},
    {0xE92D4010, 3, "push {r4, lr}"},
    {0xE8BD8010, 6, "pop {r4, pc}"},
    {0xEAFFFFFE, 3, "b"},
    {0xE12FFF11, 3, "bx r1"},
    {0xE10F0000, 1, "mrs r0, cpsr"},
    {0xE121F000, 1, "msr cpsr_c, r0"},
    {0xE321F0D3, 1, "msr cpsr_c, #0xD3"},
    {0xE1010090, 4, "swp r0, r0, [r1]"},
    {0xE16F0F10, 0, "clz r0, r0"},
    {0xE12FFF31, 0, "blx r1"},
    {0xE1000050, 0, "qadd"},
    {0xE1C000D0, 0, "ldrd"},
    {0xE1000080, 0, "smlabb"},
    {0xF5D0F000, 0, "pld"},
    {0xFA000000, 0, "blx"},
    {0xEE070F90, 0, "mcr"},
    {0xE7F000F0, 0, "udf"},
    {0xE3000000, 0, "movw"},
};

static void check(const struct row *row, bool thumb)
{
    uint8_t code[4] = {(uint8_t)row->code, (uint8_t)(row->code >> 8), (uint8_t)(row->code >> 16),
                       (uint8_t)(row->code >> 24)};
    struct block_cost cost = cycles_of_block(code, thumb ? 2 : 4, thumb);

    if (cost.is_foreign != (row->cycles == 0) || cost.cycles != row->cycles)
        fail_msg("%s: %u cycles%s instead of %u", row->text, cost.cycles, cost.is_foreign ? ", foreign" : "",
                 row->cycles);
}

static void single_instructions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof THUMB / sizeof THUMB[0]; i++)
        check(&THUMB[i], true);
    for (size_t i = 0; i < sizeof ARM / sizeof ARM[0]; i++)
        check(&ARM[i], false);
}

static void a_block_is_the_sum(void **state)
{
    static const uint8_t CODE[] = {0x05, 0x20, 0x08, 0x68, 0xFE, 0xD0}; /* movs, ldr, beq */
    struct block_cost cost = cycles_of_block(CODE, sizeof CODE, true);

    (void)state;
    assert_int_equal(cost.instructions, 3);
    assert_int_equal(cost.cycles, 1 + 3 + 1);
    assert_true(cost.may_fall_through);
}

static void a_foreign_instruction_ends_the_block(void **state)
{
    static const uint8_t CODE[] = {0x05, 0x20, 0x88, 0x47}; /* movs, blx */
    struct block_cost cost = cycles_of_block(CODE, sizeof CODE, true);

    (void)state;
    assert_true(cost.is_foreign);
    assert_int_equal(cost.foreign_at, 2);
    assert_int_equal(cost.instructions, 1);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(single_instructions),
        cmocka_unit_test(a_block_is_the_sum),
        cmocka_unit_test(a_foreign_instruction_ends_the_block),
    };

    return cmocka_run_group_tests_name("cycles", TESTS, NULL, NULL);
}
