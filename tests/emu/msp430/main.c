/*
 * emu-msp430: loads an image, runs it, reports.
 */
#include "image.h"
#include "options.h"
#include "pace.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum exit_code { EXIT_HOST = 1, EXIT_USAGE = 2, EXIT_FAULT = 3 };

static struct pace_signals signals;

static void on_signal(int number)
{
    if (number == SIGUSR1)
        signals.breaks = 1;
    else if (number == SIGUSR2)
        signals.framing_errors = 1;
    else
        signals.end = 1;
}

/* Blocks the signals; `open_mask` lets them through. */
static void take_signals(sigset_t *open_mask)
{
    static const int NUMBERS[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;

    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        sigaddset(&blocked, NUMBERS[i]);
        sigaction(NUMBERS[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &blocked, open_mask);
}

static bool fail(const char *what, const char *why)
{
    fprintf(stderr, "emu-msp430: %s: %s\n", what, why);
    return false;
}

static bool add_measures(const struct options *options, const struct image *image, struct measure *measure)
{
    for (unsigned i = 0; i < options->measure_count; i++) {
        int address = image_find(image, options->measures[i]);

        if (address < 0)
            return fail(options->measures[i], "no such symbol in the image");
        measure_add(measure, options->measures[i], (uint16_t)address);
    }
    return true;
}

static struct report_stack find_stack(const struct image *image)
{
    struct report_stack stack = {.low = image_find(image, "bare_stack_low"),
                                 .high = image_find(image, "bare_stack_high")};

    return stack.low < 0 || stack.high < 0 ? (struct report_stack){MEMORY_RAM, MEMORY_RAM_END} : stack;
}

/* Puts the image into memory. */
static bool load(const struct options *options, struct machine *m, struct report_stack *stack)
{
    struct image image;
    const char *reason;
    bool is_good = image_open(&image, options->image, &reason);

    if (!is_good)
        fail(options->image, reason);
    else if (!image_load(&image, &m->memory))
        is_good = fail(options->image, "does not fit the memory of an MSP430F1611");
    else if (m->measure)
        is_good = add_measures(options, &image, m->measure);
    if (is_good)
        *stack = find_stack(&image);
    image_close(&image);
    return is_good;
}

static bool prepare(const struct options *options, struct machine *m, struct line *line,
                    struct report_stack *stack)
{
    memory_scramble_ram(&m->memory, options->seed);
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
    sigset_t open_mask;

    if (!prepare(options, m, line, &stack))
        return EXIT_HOST;
    take_signals(&open_mask);
    machine_start(m);
    pace_run(m, line, options->is_unthrottled, &signals, &open_mask);
    line_close(line);
    if (m->stop.kind == STOP_FAULT || m->stop.kind == STOP_POWER_CUT)
        fprintf(stderr, "emu-msp430: stopped at PC 0x%04x: %s\n", m->cpu.at, m->stop.reason);
    if (!write_report(options, m, &stack))
        return EXIT_HOST;
    return m->stop.kind == STOP_FAULT ? EXIT_FAULT : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options;
    struct machine *machine = calloc(1, sizeof *machine);
    struct measure *measure = calloc(1, sizeof *measure);
    struct line line;
    enum options_result result = options_read(&options, argc, argv);
    int code = result == OPTIONS_HELP ? EXIT_SUCCESS : EXIT_USAGE;

    if (result == OPTIONS_HELP)
        options_help(stdout);
    if (!machine || !measure)
        code = EXIT_HOST;
    else if (result == OPTIONS_RUN) {
        struct machine_setup setup = {
            .temperature_tenths = options.temperature_tenths,
            .humidity_tenths = options.humidity_tenths,
            .led_log = options.tells_leds ? stderr : NULL,
            .trace = options.is_traced ? stderr : NULL,
            .measure = options.measure_count ? measure : NULL,
        };

        line_init(&line, options.baud);
        machine_init(machine, &setup, &line);
        code = run(&options, machine, &line);
    }
    free(measure);
    free(machine);
    return code;
}
