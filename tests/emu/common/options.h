/*
 * The command line that the emulators have in common. A board's own parser has it as its one child and hands
 * over a struct options as that child's input.
 */
#ifndef EMU_OPTIONS_H
#define EMU_OPTIONS_H

#include "measure.h"

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

enum { OPTIONS_EXIT_USAGE = 2, OPTIONS_FIRST_OF_BOARD = 0x200 };

struct options {
    const char *image;
    const char *serial, *flash, *report; /* or NULL */
    uint64_t power_cut, seed, cycles;    /* 0: not asked for */
    const char *measures[MEASURE_FUNCTIONS];
    unsigned measure_count;
    bool is_unthrottled;
};

extern const struct argp_child OPTIONS_COMMON[];

/* Reads the command line; `board` takes the board's options into `input`. Ends the program, with
 * OPTIONS_EXIT_USAGE if the command line is wrong. */
void options_read(const struct argp *board, int argc, char **argv, void *input);
/* An option's argument that is a number from `min` to `max`; another one is an error. */
long long options_number(const char *text, long long min, long long max, const struct argp_state *state);

#endif
