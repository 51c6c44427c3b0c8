/*
 * A whole board for the checks: a program of a few words in RAM or flash, and steps of virtual time.
 */
#ifndef EMU_TEST_BOARD_H
#define EMU_TEST_BOARD_H

#include "machine.h"

#include <string.h>

enum { BOARD_CODE = 0x4000, BOARD_STACK = MEMORY_RAM_END };

struct board {
    struct machine m;
    struct line line;
};

static inline void board_put(struct board *board, uint16_t address, const uint16_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        board->m.memory.bytes[address + 2 * i] = (uint8_t)words[i];
        board->m.memory.bytes[address + 2 * i + 1] = (uint8_t)(words[i] >> 8);
    }
}

/* Power-on with a program at BOARD_CODE; the watchdog is on. */
static inline void board_start(struct board *board, const uint16_t *words, size_t count)
{
    static const struct machine_setup SETUP = {.temperature_tenths = 220, .humidity_tenths = 450};
    static const uint16_t RESET[] = {BOARD_CODE};

    line_init(&board->line);
    machine_init(&board->m, &SETUP, &board->line);
    board_put(board, BOARD_CODE, words, count);
    board_put(board, MEMORY_RESET_VECTOR, RESET, 1);
    machine_start(&board->m);
    board->m.cpu.r[CPU_SP] = BOARD_STACK;
}

/* Runs one instruction, or accepts one interrupt. */
static inline void board_step(struct board *board)
{
    board->m.cycle_limit = board->m.cpu.cycles + 1;
    machine_run(&board->m, CLOCK_NEVER);
    if (board->m.stop.kind == STOP_CYCLES)
        board->m.stop.kind = STOP_NONE;
    board->m.cycle_limit = UINT64_MAX;
}

static inline void board_run(struct board *board, uint64_t ps)
{
    machine_run(&board->m, machine_now(&board->m) + ps);
}

#endif
