/*
 * emu-msp430: loads an image, runs it, reports.
 */
#include "options.h"
#include "power.h"
#include "report.h"
#include "run.h"
#include "signals.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum exit_code { EXIT_HOST = 1, EXIT_FAULT = 3 };

struct board_options {
    struct options common;
    unsigned baud;
    int temperature_tenths, humidity_tenths;
    bool is_traced, tells_leds;
};

enum option_key { BAUD = OPTIONS_FIRST_OF_BOARD, TEMPERATURE, HUMIDITY, TRACE, LEDS };

static const struct argp_option OPTIONS[] = {
    {.name = "baud", .key = BAUD, .arg = "N", .doc = "Rate of the line that UART1 is connected to (115200)"},
    {.name = "temperature",
     .key = TEMPERATURE,
     .arg = "TENTHS",
     .doc = "What the sensors measure, in tenths of a degree Celsius (220)"},
    {.name = "humidity",
     .key = HUMIDITY,
     .arg = "TENTHS",
     .doc = "Relative humidity in tenths of a per cent (450)"},
    {.name = "leds", .key = LEDS, .doc = "Tell on standard error when a LED goes on or off"},
    {.name = "trace", .key = TRACE, .doc = "One line on standard error for each instruction"},
    {0},
};

static const char DOC[] =
    "Runs an image for the MSP430F1611 as a Tmote Sky does. Cycles are the CPU's, and the flash that a file "
    "keeps is "
    "information flash.\v"
    "Signals: SIGUSR1 puts a break condition on the line, SIGUSR2 a byte with a framing error; SIGTERM and "
    "SIGINT end "
    "the run. It ends, too, when nothing can wake the CPU any more and no terminal is connected.\n"
    "Exit status: 0, or 3 if the program did what the board cannot do (an illegal instruction, an unmapped "
    "address, a "
    "feature that is not modelled): the reason and PC go to standard error. 1: a file or device of the host, "
    "2: the "
    "command line.";

static error_t take_option(int key, char *text, struct argp_state *state)
{
    struct board_options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case BAUD:
        o->baud = (unsigned)options_number(text, 300, 1000000, state);
        return 0;
    case TEMPERATURE:
        o->temperature_tenths = (int)options_number(text, -390, 1200, state);
        return 0;
    case HUMIDITY:
        o->humidity_tenths = (int)options_number(text, 0, 1000, state);
        return 0;
    case TRACE:
        o->is_traced = true;
        return 0;
    case LEDS:
        o->tells_leds = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool fail(const char *what, const char *why)
{
    fprintf(stderr, "emu-msp430: %s: %s\n", what, why);
    return false;
}

/* bare_stack_low and bare_stack_high, or all of RAM. */
static struct report_stack find_stack(const struct image *image)
{
    struct report_stack stack;

    if (image_find(image, "bare_stack_low", &stack.low) && image_find(image, "bare_stack_high", &stack.high))
        return stack;
    return (struct report_stack){MEMORY_RAM, MEMORY_RAM_END};
}

/* Puts the image into memory. */
static bool load(const struct options *options, struct machine *m, struct report_stack *stack)
{
    struct image image;
    const char *reason;
    bool is_good = image_open(&image, options->image, EM_MSP430, &reason);

    if (!is_good)
        fail(options->image, reason);
    else if (!image_load(&image, memory_place, &m->memory))
        is_good = fail(options->image, "does not fit the memory of an MSP430F1611");
    else if (m->measure)
        is_good = measure_add_all(m->measure, &image, options->measures, options->measure_count);
    *stack = find_stack(&image);
    image_close(&image);
    return is_good;
}

static bool prepare(const struct options *options, struct machine *m, struct line *line,
                    struct report_stack *stack)
{
    power_fill_ram(m->memory.bytes + MEMORY_RAM, MEMORY_RAM_END - MEMORY_RAM, options->seed);
    if (!load(options, m, stack))
        return false;
    if (options->flash && !flash_open(&m->flash, options->flash))
        return fail(options->flash, strerror(errno));
    if (options->serial && !line_open(line, options->serial))
        return fail(options->serial, strerror(errno));
    if (options->power_cut)
        flash_set_cut(&m->flash, options->power_cut, options->seed);
    if (options->cycles)
        m->cycle_limit = options->cycles;
    return true;
}

static bool write_report(const struct options *options, const struct machine *m,
                         const struct report_stack *stack)
{
    FILE *file;

    if (!options->report)
        return true;
    file = fopen(options->report, "w");
    if (!file)
        return fail(options->report, strerror(errno));
    report_write(file, m, stack);
    return fclose(file) == 0 || fail(options->report, strerror(errno));
}

static int run(const struct options *options, struct machine *m, struct line *line)
{
    struct report_stack stack;

    if (!prepare(options, m, line, &stack))
        return EXIT_HOST;
    signals_catch();
    machine_start(m);
    run_until_stop(m, line, options->is_unthrottled);
    line_close(line);
    if (m->stop.kind == STOP_FAULT || m->stop.kind == STOP_POWER_CUT)
        fprintf(stderr, "emu-msp430: stopped at PC 0x%04x: %s\n", m->cpu.at, m->stop.reason);
    if (!write_report(options, m, &stack))
        return EXIT_HOST;
    return m->stop.kind == STOP_FAULT ? EXIT_FAULT : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static const struct argp ARGP = {.options = OPTIONS,
                                     .parser = take_option,
                                     .args_doc = "IMAGE.elf",
                                     .doc = DOC,
                                     .children = OPTIONS_COMMON};
    struct board_options options = {
        .common.seed = 1, .baud = LINE_BAUD, .temperature_tenths = 220, .humidity_tenths = 450};
    static struct machine machine;
    static struct measure measure;
    struct machine_setup setup;
    struct line line;

    options_read(&ARGP, argc, argv, &options);
    setup = (struct machine_setup){
        .temperature_tenths = options.temperature_tenths,
        .humidity_tenths = options.humidity_tenths,
        .led_log = options.tells_leds ? stderr : NULL,
        .trace = options.is_traced ? stderr : NULL,
        .measure = options.common.measure_count ? &measure : NULL,
    };
    line_init(&line);
    machine_init(&machine, &setup, &line);
    machine.uart.line_baud = options.baud;
    return run(&options.common, &machine, &line);
}
