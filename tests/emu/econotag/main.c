/*
 * emu-econotag: runs the firmware image of a RedBee Econotag (MC13224V) on this computer.
 */
#include "report.h"
#include "signals.h"

#include <stdlib.h>

struct board_options {
    struct options common;
    uint16_t battery_mv;
};

enum { BATTERY = OPTIONS_FIRST_OF_BOARD, BATTERY_MIN_MV = 2000, BATTERY_MAX_MV = 3600 };

static const struct argp_option OPTIONS[] = {
    {.name = "battery", .key = BATTERY, .arg = "MV", .doc = "The voltage of the supply (3300)"},
    {0},
};

static const char DOC[] = "Runs a firmware image of the RedBee Econotag: an ARM7TDMI by Unicorn, with models "
                          "of the MC13224V's UART1, AES "
                          "unit, timers, flash, pins, battery measurement and watchdog. All times are model "
                          "figures. --cycles counts those "
                          "of the 24 MHz clock, sleep included.\v"
                          "Signals: SIGUSR1 puts a break condition on the line, SIGUSR2 a byte with a "
                          "framing error; SIGTERM and SIGINT end "
                          "the run.\n"
                          "Exit status: 0, or 3 if the program did what is not modelled; 1: a file or device "
                          "of the host, 2: the command "
                          "line.";

static error_t take_option(int key, char *text, struct argp_state *state)
{
    struct board_options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case BATTERY:
        o->battery_mv = (uint16_t)options_number(text, BATTERY_MIN_MV, BATTERY_MAX_MV, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp ARGP = {.options = OPTIONS,
                                     .parser = take_option,
                                     .args_doc = "IMAGE.elf",
                                     .doc = DOC,
                                     .children = OPTIONS_COMMON};
    static struct run run;
    struct board_options options = {.common.seed = 1, .battery_mv = ADC_BATTERY_MV};
    bool is_good;

    options_read(&ARGP, argc, argv, &options);
    signals_catch();
    is_good = run_start(&run, &options.common, options.battery_mv);
    if (is_good) {
        run_until_end(&run);
        if (options.common.report != NULL && !report_write(&run, options.common.report)) {
            perror(options.common.report);
            is_good = false;
        }
    }
    run_end(&run);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
