/* The board as a whole: small programs in machine code. */
#include "board.h"

#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define COUNT(words) (sizeof(words) / sizeof(words)[0])

enum {
    TA0_VECTOR = 0xFFEC,
    TA1_VECTOR = 0xFFEA,
    PORT1_VECTOR = 0xFFE8,
    HANDLER = 0x5000,
    OTHER_HANDLER = 0x5100
};

/* mov #0x5A80, &0x0120: the watchdog is held. */
#define HOLD_WATCHDOG 0x40B2, 0x5A80, 0x0120
/* mov #0x0114, &0x0160: timer A on ACLK, up; mov #9, &0x0172; mov #0x10, &0x0162: CCIE. */
#define TIMER_OF_10_ACLK 0x40B2, 0x0009, 0x0172, 0x40B2, 0x0010, 0x0162, 0x40B2, 0x0114, 0x0160

static struct board *board;

static int setup(void **state)
{
    (void)state;
    board = calloc(1, sizeof *board);
    return board ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(board);
    return 0;
}

static void set_handler(uint16_t vector, uint16_t handler, const uint16_t *words, size_t count)
{
    board_put(board, vector, &handler, 1);
    board_put(board, handler, words, count);
}

/* LPM3, woken by each period of the timer: the handler counts in R5 and returns to sleep. */
static void timer_wakes_from_lpm3(void **state)
{
    static const uint16_t PROGRAM[] = {HOLD_WATCHDOG, TIMER_OF_10_ACLK, 0xD032, 0x00D8, 0x3FFF};
    static const uint16_t COUNT_UP[] = {0x5315, 0x1300}; /* inc r5; reti */
    uint64_t cycles;

    (void)state;
    board_start(board, PROGRAM, COUNT(PROGRAM));
    set_handler(TA0_VECTOR, HANDLER, COUNT_UP, COUNT(COUNT_UP));
    board_run(board, CLOCK_SECOND);
    assert_in_range(board->m.cpu.r[5], 3275, 3277);
    assert_int_equal(board->m.cpu.r[CPU_PC], BOARD_CODE + 2 * 14);
    assert_in_range(board->m.slept_ps[3], CLOCK_SECOND * 9 / 10, CLOCK_SECOND);
    cycles = board->m.cpu.cycles;
    board_run(board, CLOCK_SECOND);
    /* Each of 3276.8 interrupts: 6 to enter, 1 for INC, 5 for RETI. */
    assert_in_range(board->m.cpu.cycles - cycles, 12 * 3275, 12 * 3278);
}

/* The DCO needs 6 us to start, and no cycle is counted for that. */
static void waking_from_lpm3_takes_time(void **state)
{
    static const uint16_t PROGRAM[] = {HOLD_WATCHDOG, TIMER_OF_10_ACLK, 0xD032, 0x00D8, 0x3FFF};
    static const uint16_t STAY[] = {0x3FFF};
    uint64_t asleep, edge;

    (void)state;
    board_start(board, PROGRAM, COUNT(PROGRAM));
    set_handler(TA0_VECTOR, HANDLER, STAY, COUNT(STAY));
    while (!(board->m.cpu.r[CPU_SR] & CPU_OFF))
        board_step(board);
    asleep = machine_now(&board->m);
    edge = clock_time_of(&board->m.clock, CLOCK_ACLK, clock_ticks(&board->m.clock, CLOCK_ACLK, asleep) + 9);
    board_run(board, CLOCK_SECOND);
    assert_int_equal(board->m.slept_ps[3], edge + CLOCK_DCO_START - asleep);
}

/* Both are pending when GIE is set: what follows EINT runs, then the higher vector goes first. */
static void interrupts_go_by_priority_after_one_instruction(void **state)
{
    /* bis.b #1, &P1IFG; bis.b #1, &P1IE; mov #0x11, &TACCTL0; eint; inc r6; inc r6 */
    static const uint16_t PROGRAM[] = {0xD3D2, 0x0023, 0xD3D2, 0x0025, 0x40B2, 0x0011,
                                       0x0162, 0xD232, 0x5316, 0x5316, 0x3FFF};
    static const uint16_t FIRST[] = {0x4607, 0x1300}; /* mov r6, r7; reti */
    static const uint16_t SECOND[] = {0x4708, 0xC3D2, 0x0023,
                                      0x1300}; /* mov r7, r8; bic.b #1, &P1IFG; reti */

    (void)state;
    board_start(board, PROGRAM, COUNT(PROGRAM));
    set_handler(TA0_VECTOR, HANDLER, FIRST, COUNT(FIRST));
    set_handler(PORT1_VECTOR, OTHER_HANDLER, SECOND, COUNT(SECOND));
    board->m.cpu.r[8] = 0xFFFF;
    board_run(board, CLOCK_MS);
    assert_int_equal(board->m.cpu.r[6], 2);
    assert_int_equal(board->m.cpu.r[7], 1);
    assert_int_equal(board->m.cpu.r[8], 1);
    assert_int_equal(board->m.interrupts, 2);
}

static void watchdog_resets_a_program_that_forgets_it(void **state)
{
    static const uint16_t PROGRAM[] = {0x5315, 0x3FFF}; /* inc r5; jmp $ */

    (void)state;
    board_start(board, PROGRAM, COUNT(PROGRAM));
    board_run(board, CLOCK_SECOND); /* 770,000 / 32,768 */
    assert_int_equal(board->m.resets[RESET_WATCHDOG], 23);
    assert_int_equal(board->m.cpu.r[5], 24);
    assert_true(board->m.sfr.r[SFR_IFG1] & SFR_WDT);
}

static void wrong_key_to_the_flash_resets(void **state)
{
    static const uint16_t PROGRAM[] = {HOLD_WATCHDOG, 0x4382, 0x0128, 0x3FFF};

    (void)state;
    board_start(board, PROGRAM, COUNT(PROGRAM));
    board->m.cycle_limit = 100;
    machine_run(&board->m, CLOCK_SECOND);
    assert_true(board->m.resets[RESET_FLASH_KEY] > 1);
    assert_int_equal(board->m.resets[RESET_WATCHDOG_KEY], 0);
}

/* A byte written to WDTCTL has no key (SLAU049 10.2). */
static void byte_to_the_watchdog_resets(void **state)
{
    static const uint16_t PROGRAM[] = {0x40F2, 0x0080, 0x0120, 0x3FFF};

    (void)state;
    board_start(board, PROGRAM, COUNT(PROGRAM));
    board->m.cycle_limit = 100;
    machine_run(&board->m, CLOCK_SECOND);
    assert_true(board->m.resets[RESET_WATCHDOG_KEY] > 1);
}

/* mov #0xA500, &FCTL3; mov #0xA541, &FCTL2 (MCLK by 2); mov #0xA540, &FCTL1; mov #0x1234, &0x1080 */
static void cpu_stands_still_while_its_flash_is_written(void **state)
{
    static const uint16_t PROGRAM[] = {HOLD_WATCHDOG, 0x40B2, 0xA500, 0x012C, 0x40B2, 0xA541, 0x012A,
                                       0x40B2,        0xA540, 0x0128, 0x40B2, 0x1234, 0x1080, 0x3FFF};
    uint64_t before;

    (void)state;
    board_start(board, PROGRAM, COUNT(PROGRAM));
    for (unsigned i = 0; i < 4; i++)
        board_step(board);
    before = board->m.cpu.cycles;
    board_step(board);
    assert_in_range(board->m.cpu.cycles - before, 5 + 35 * 2, 5 + 35 * 2 + 1);
    assert_int_equal(memory_plain_word(&board->m.memory, 0x1080), 0x1234);
    assert_int_equal(board->m.stop.kind, STOP_NONE);
}

static void access_where_nothing_is_stops(void **state)
{
    static const struct {
        const char *reason;
        uint16_t words[3];
    } TABLE[] = {
        {"read at 0x01c0, where no register is modelled", {0x4215, 0x01C0}},
        {"write at 0x0122, where no register is modelled", {0x4382, 0x0122}},
        {"access of a word to the byte register 0x0020", {0x4215, 0x0020}},
        {"access of a byte to the upper half of register 0x0170", {0x4255, 0x0171}},
    };

    (void)state;
    for (unsigned i = 0; i < COUNT(TABLE); i++) {
        board_start(board, TABLE[i].words, 3);
        board_step(board);
        assert_int_equal(board->m.stop.kind, STOP_FAULT);
        assert_string_equal(board->m.stop.reason, TABLE[i].reason);
        assert_int_equal(board->m.cpu.at, BOARD_CODE);
    }
}

static void nothing_wakes_a_cpu_without_events(void **state)
{
    static const uint16_t PROGRAM[] = {HOLD_WATCHDOG, 0xD032, 0x0010, 0x3FFF};
    uint64_t start;

    (void)state;
    board_start(board, PROGRAM, COUNT(PROGRAM));
    start = machine_now(&board->m);
    board_run(board, CLOCK_SECOND);
    assert_int_equal(machine_next(&board->m), CLOCK_NEVER);
    assert_int_equal(machine_now(&board->m), start + CLOCK_SECOND);
    assert_true(board->m.slept_ps[0] > CLOCK_SECOND / 2);
}

/* call #f (RET: 3 cycles) in a loop while the timer interrupts. */
static void measure_counts_a_function_without_interrupts(void **state)
{
    static const uint16_t PROGRAM[] = {HOLD_WATCHDOG, TIMER_OF_10_ACLK, 0xD232, 0x12B0, 0x4400, 0x3FFD};
    static const uint16_t FUNCTION[] = {0x4035, 0x0064, 0x8315, 0x23FE,
                                        0x4130}; /* mov #100, r5; dec; jne; ret */
    static const uint16_t NOTHING[] = {0x1300};
    static struct measure measure;
    const struct measured *f = &measure.functions[0];

    (void)state;
    board_start(board, PROGRAM, COUNT(PROGRAM));
    board_put(board, 0x4400, FUNCTION, COUNT(FUNCTION));
    set_handler(TA0_VECTOR, HANDLER, NOTHING, COUNT(NOTHING));
    measure_add(&measure, "f", 0x4400);
    board->m.measure = &measure;
    board_run(board, CLOCK_SECOND / 10);
    assert_in_range(f->calls, 200, 300);
    assert_int_equal(f->least, 2 + 100 * 3 + 3);
    assert_int_equal(f->most, f->least);
    assert_int_equal(f->total, f->calls * f->least);
    assert_int_equal(measure.interrupt_cycles, 11 * board->m.interrupts);
}

static void lowest_stack_is_seen(void **state)
{
    static const uint16_t PROGRAM[] = {HOLD_WATCHDOG, 0x1203, 0x1203, 0x1203, 0x5031, 0x0006, 0x3FFF};

    (void)state;
    board_start(board, PROGRAM, COUNT(PROGRAM));
    board_run(board, CLOCK_MS);
    assert_int_equal(board->m.stack_low, BOARD_STACK - 6);
    assert_int_equal(board->m.cpu.r[CPU_SP], BOARD_STACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timer_wakes_from_lpm3, setup, teardown),
        cmocka_unit_test_setup_teardown(waking_from_lpm3_takes_time, setup, teardown),
        cmocka_unit_test_setup_teardown(interrupts_go_by_priority_after_one_instruction, setup, teardown),
        cmocka_unit_test_setup_teardown(watchdog_resets_a_program_that_forgets_it, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_key_to_the_flash_resets, setup, teardown),
        cmocka_unit_test_setup_teardown(byte_to_the_watchdog_resets, setup, teardown),
        cmocka_unit_test_setup_teardown(cpu_stands_still_while_its_flash_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(access_where_nothing_is_stops, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_wakes_a_cpu_without_events, setup, teardown),
        cmocka_unit_test_setup_teardown(measure_counts_a_function_without_interrupts, setup, teardown),
        cmocka_unit_test_setup_teardown(lowest_stack_is_seen, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
