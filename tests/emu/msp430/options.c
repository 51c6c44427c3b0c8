#include "options.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>

enum option_id {
    SERIAL = 1,
    BAUD,
    FLASH,
    POWER_CUT,
    SEED,
    TEMPERATURE,
    HUMIDITY,
    CYCLES,
    REPORT,
    MEASURE,
    MAX_SPEED,
    TRACE,
    LEDS,
    HELP,
};

static const struct option LONG_OPTIONS[] = {
    {"serial", required_argument, NULL, SERIAL},
    {"baud", required_argument, NULL, BAUD},
    {"flash", required_argument, NULL, FLASH},
    {"power-cut", required_argument, NULL, POWER_CUT},
    {"seed", required_argument, NULL, SEED},
    {"temperature", required_argument, NULL, TEMPERATURE},
    {"humidity", required_argument, NULL, HUMIDITY},
    {"cycles", required_argument, NULL, CYCLES},
    {"report", required_argument, NULL, REPORT},
    {"measure", required_argument, NULL, MEASURE},
    {"max-speed", no_argument, NULL, MAX_SPEED},
    {"trace", no_argument, NULL, TRACE},
    {"leds", no_argument, NULL, LEDS},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

void options_help(FILE *file)
{
    fputs(
        "Usage: emu-msp430 [options] IMAGE.elf\n"
        "\n"
        "Runs an image for the MSP430F1611 as a Tmote Sky does.\n"
        "\n"
        "  --serial LINK         connect UART1 to a pseudo terminal and make LINK point to it;\n"
        "                        without it what the UART sends goes to standard output\n"
        "  --baud N              rate of the line that UART1 is connected to (115200)\n"
        "  --flash FILE          keep information flash (256 bytes) in FILE; each write goes there at once\n"
        "  --power-cut N         stop half way through the N-th flash write or erase from power-on\n"
        "  --seed N              which half of it is done, and what RAM holds at power-on (1)\n"
        "  --temperature TENTHS  what the sensors measure, in tenths of a degree Celsius (220)\n"
        "  --humidity TENTHS     relative humidity in tenths of a per cent (450)\n"
        "  --max-speed           do not hold virtual time to the wall clock\n"
        "  --cycles N            stop after N cycles of the CPU\n"
        "  --report FILE         write a report (JSON) to FILE at the end\n"
        "  --measure FUNCTION    count the cycles of FUNCTION, with what it calls, without interrupts;\n"
        "                        may be given several times\n"
        "  --leds                tell on standard error when a LED goes on or off\n"
        "  --trace               one line on standard error for each instruction\n"
        "  --help                this text\n"
        "\n"
        "Signals: SIGUSR1 puts a break condition on the line, SIGUSR2 a byte with a framing error; SIGTERM "
        "and\n"
        "SIGINT end the run. It ends, too, when nothing can wake the CPU any more and no terminal is "
        "connected.\n"
        "Exit status: 0, or 3 if the program did what the board cannot do (an illegal instruction, an "
        "unmapped\n"
        "address, a feature that is not modelled): the reason and PC go to standard error. 1: a file or "
        "device of\n"
        "the host, 2: the command line.\n",
        file);
}

/* True and the number, if `text` is one from `min` to `max`. */
static bool read_number(const char *name, const char *text, long long min, long long max, long long *number)
{
    char *end;

    *number = strtoll(text, &end, 0);
    if (end != text && *end == '\0' && *number >= min && *number <= max)
        return true;
    fprintf(stderr, "emu-msp430: --%s %s: wanted %lld to %lld\n", name, text, min, max);
    return false;
}

static bool take_text(struct options *options, int id, const char *text)
{
    switch (id) {
    case SERIAL:
        options->serial = text;
        return true;
    case FLASH:
        options->flash = text;
        return true;
    case REPORT:
        options->report = text;
        return true;
    default:
        if (options->measure_count == MEASURE_MAX) {
            fprintf(stderr, "emu-msp430: at most %d functions can be measured\n", MEASURE_MAX);
            return false;
        }
        options->measures[options->measure_count++] = text;
        return true;
    }
}

static bool take_number(struct options *options, int id, const char *name, const char *text)
{
    static const struct {
        long long min, max;
    } RANGES[] = {
        [BAUD] = {300, 1000000},    [TEMPERATURE] = {-390, 1200}, [HUMIDITY] = {0, 1000},
        [POWER_CUT] = {1, INT_MAX}, [SEED] = {1, LLONG_MAX},      [CYCLES] = {1, LLONG_MAX},
    };
    long long number;

    if (!read_number(name, text, RANGES[id].min, RANGES[id].max, &number))
        return false;
    switch (id) {
    case BAUD:
        options->baud = (unsigned)number;
        break;
    case TEMPERATURE:
        options->temperature_tenths = (int)number;
        break;
    case HUMIDITY:
        options->humidity_tenths = (int)number;
        break;
    case POWER_CUT:
        options->power_cut = (uint64_t)number;
        break;
    case SEED:
        options->seed = (uint64_t)number;
        break;
    default:
        options->cycles = (uint64_t)number;
    }
    return true;
}

static bool take(struct options *options, int id, const char *name, const char *text)
{
    switch (id) {
    case MAX_SPEED:
        options->is_unthrottled = true;
        return true;
    case TRACE:
        options->is_traced = true;
        return true;
    case LEDS:
        options->tells_leds = true;
        return true;
    case SERIAL:
    case FLASH:
    case REPORT:
    case MEASURE:
        return take_text(options, id, text);
    default:
        return take_number(options, id, name, text);
    }
}

enum options_result options_read(struct options *options, int argc, char **argv)
{
    int id, index = 0;

    *options = (struct options){.temperature_tenths = 220, .humidity_tenths = 450, .baud = 115200, .seed = 1};
    while ((id = getopt_long(argc, argv, "", LONG_OPTIONS, &index)) != -1) {
        if (id == HELP)
            return OPTIONS_HELP;
        if (id == '?' || !take(options, id, LONG_OPTIONS[index].name, optarg))
            return OPTIONS_WRONG;
    }
    if (argc - optind != 1) {
        fprintf(stderr, "emu-msp430: wanted one image; see --help\n");
        return OPTIONS_WRONG;
    }
    options->image = argv[optind];
    return OPTIONS_RUN;
}
