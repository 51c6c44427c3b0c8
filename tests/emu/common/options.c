#include "options.h"

#include <limits.h>
#include <stdlib.h>

enum option_key { SERIAL = 0x100, FLASH, POWER_CUT, SEED, MAX_SPEED, CYCLES, REPORT, MEASURE };

static const struct argp_option OPTIONS[] = {
    {.name = "serial",
     .key = SERIAL,
     .arg = "LINK",
     .doc = "Connect UART1 to a pseudo terminal and make LINK point to it; otherwise what it sends goes to "
            "standard output"},
    {.name = "flash",
     .key = FLASH,
     .arg = "FILE",
     .doc = "Keep the flash that is written in FILE; each write goes there at once"},
    {.name = "power-cut",
     .key = POWER_CUT,
     .arg = "N",
     .doc = "Stop half way through the N-th flash write or erase from power-on"},
    {.name = "seed",
     .key = SEED,
     .arg = "N",
     .doc = "Which half of it is done, and what RAM holds at power-on (1)"},
    {.name = "max-speed", .key = MAX_SPEED, .doc = "Do not hold virtual time to the wall clock"},
    {.name = "cycles", .key = CYCLES, .arg = "N", .doc = "Stop after N cycles"},
    {.name = "report", .key = REPORT, .arg = "FILE", .doc = "Write a report (JSON) to FILE at the end"},
    {.name = "measure",
     .key = MEASURE,
     .arg = "FUNCTION",
     .doc =
         "Count the cycles of FUNCTION, with what it calls, without interrupts; may be given several times"},
    {0},
};

long long options_number(const char *text, long long min, long long max, const struct argp_state *state)
{
    char *end;
    long long number = strtoll(text, &end, 0);

    if (end == text || *end != '\0' || number < min || number > max)
        argp_error(state, "%s: wanted %lld to %lld", text, min, max);
    return number;
}

static error_t take(int key, char *text, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case SERIAL:
        o->serial = text;
        return 0;
    case FLASH:
        o->flash = text;
        return 0;
    case POWER_CUT:
        o->power_cut = (uint64_t)options_number(text, 1, LLONG_MAX, state);
        return 0;
    case SEED:
        o->seed = (uint64_t)options_number(text, 1, LLONG_MAX, state);
        return 0;
    case MAX_SPEED:
        o->is_unthrottled = true;
        return 0;
    case CYCLES:
        o->cycles = (uint64_t)options_number(text, 1, LLONG_MAX, state);
        return 0;
    case REPORT:
        o->report = text;
        return 0;
    case MEASURE:
        if (o->measure_count == MEASURE_FUNCTIONS)
            argp_error(state, "at most %d functions can be measured", MEASURE_FUNCTIONS);
        o->measures[o->measure_count++] = text;
        return 0;
    case ARGP_KEY_ARG:
        if (o->image != NULL)
            return ARGP_ERR_UNKNOWN;
        o->image = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "wanted one image");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp COMMON = {.options = OPTIONS, .parser = take};

const struct argp_child OPTIONS_COMMON[] = {{.argp = &COMMON}, {0}};

void options_read(const struct argp *board, int argc, char **argv, void *input)
{
    argp_err_exit_status = OPTIONS_EXIT_USAGE;
    argp_parse(board, argc, argv, 0, NULL, input);
}
