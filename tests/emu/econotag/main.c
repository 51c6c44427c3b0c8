/*
 * emu-econotag: runs the firmware image of a RedBee Econotag (MC13224V) on this computer.
 */
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, BATTERY_MIN_MV = 2000, BATTERY_MAX_MV = 3600 };

static struct run_signals signals;

static void on_signal(int number)
{
    if (number == SIGUSR1)
        signals.line_break++;
    else if (number == SIGUSR2)
        signals.framing_error++;
    else
        signals.end = 1;
}

static void signals_catch(void)
{
    static const int CAUGHT[] = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
    struct sigaction action = {.sa_handler = on_signal};

    for (size_t i = 0; i < sizeof CAUGHT / sizeof CAUGHT[0]; i++)
        sigaction(CAUGHT[i], &action, NULL);
}

static void usage(FILE *out)
{
    fputs(
        "usage: emu-econotag [options] IMAGE.elf\n"
        "Runs a firmware image of the RedBee Econotag: an ARM7TDMI by Unicorn, with models of the MC13224V's "
        "UART1,\n"
        "AES unit, timers, flash, pins, battery measurement and watchdog. All times are model figures.\n"
        "\n"
        "  --serial LINK       UART1 is a pseudo terminal, and LINK a symbolic link to it; otherwise it "
        "writes to\n"
        "                      standard output. SIGUSR1 makes a break on the line, SIGUSR2 a framing error\n"
        "  --flash FILE        keeps the flash in FILE, written through on each operation\n"
        "  --power-cut N       ends half-way in the N-th flash operation\n"
        "  --seed N            of what memory holds at power-on and a power cut leaves (1)\n"
        "  --battery MV        the voltage of the supply (3300)\n"
        "  --cycles N          ends after N cycles of the 24 MHz clock, sleep included\n"
        "  --report FILE       at the end writes FILE, in JSON\n"
        "  --measure FUNCTION  counts that function's cycles, with what it calls, without interrupts; "
        "several times\n"
        "  --max-speed         does not hold the emulated clock to the one on the wall\n"
        "  --help\n"
        "Ends on SIGINT and SIGTERM.\n",
        out);
}

static bool number_read(const char *text, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = strtoull(text, &end, 0);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-';
}

static bool option_take(struct run_options *o, int option)
{
    switch (option) {
    case 's':
        o->line_link = optarg;
        return true;
    case 'f':
        o->flash_path = optarg;
        return true;
    case 'r':
        o->report_path = optarg;
        return true;
    case 'm':
        if (o->measured_count == MEASURE_FUNCTIONS)
            return false;
        o->measured[o->measured_count++] = optarg;
        return true;
    case 'x':
        o->is_at_max_speed = true;
        return true;
    case 'p':
        return number_read(optarg, &o->cut_at);
    case 'd':
        return number_read(optarg, &o->seed);
    case 'b':
        return number_read(optarg, &o->battery_mv) && o->battery_mv >= BATTERY_MIN_MV &&
               o->battery_mv <= BATTERY_MAX_MV;
    case 'c':
        return number_read(optarg, &o->cycles);
    default:
        return false;
    }
}

static bool options_read(struct run_options *o, int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"serial", required_argument, NULL, 's'},
        {"flash", required_argument, NULL, 'f'},
        {"power-cut", required_argument, NULL, 'p'},
        {"seed", required_argument, NULL, 'd'},
        {"cycles", required_argument, NULL, 'c'},
        {"report", required_argument, NULL, 'r'},
        {"measure", required_argument, NULL, 'm'},
        {"max-speed", no_argument, NULL, 'x'},
        {"help", no_argument, NULL, 'h'},
        {"battery", required_argument, NULL, 'b'},
        {0},
    };
    int option;

    *o = (struct run_options){.seed = 1, .battery_mv = ADC_BATTERY_MV};
    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == 'h') {
            usage(stdout);
            exit(EXIT_SUCCESS);
        }
        if (!option_take(o, option))
            return false;
    }
    o->image_path = argv[optind];
    return optind == argc - 1;
}

int main(int argc, char **argv)
{
    static struct run run;
    struct run_options options;
    bool is_good;

    if (!options_read(&options, argc, argv)) {
        usage(stderr);
        return EXIT_USAGE;
    }
    signals_catch();
    is_good = run_start(&run, &options, &signals);
    if (is_good) {
        run_until_end(&run);
        if (options.report_path != NULL && !report_write(&run, options.report_path)) {
            perror(options.report_path);
            is_good = false;
        }
    }
    run_end(&run);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
