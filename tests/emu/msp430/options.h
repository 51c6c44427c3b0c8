/*
 * The command line of emu-msp430.
 */
#ifndef EMU_OPTIONS_H
#define EMU_OPTIONS_H

#include "measure.h"

#include <stdio.h>

struct options {
    const char *image;
    const char *serial, *flash, *report; /* or NULL */
    uint64_t power_cut, seed, cycles;    /* 0: not asked for */
    int temperature_tenths, humidity_tenths;
    unsigned baud;
    const char *measures[MEASURE_MAX];
    unsigned measure_count;
    bool is_unthrottled, is_traced, tells_leds;
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_WRONG };

/* OPTIONS_WRONG has said on standard error what is wrong. */
enum options_result options_read(struct options *options, int argc, char **argv);
void options_help(FILE *file);

#endif
