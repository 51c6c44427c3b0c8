#include "sequences.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const struct sequences *played;
static uint8_t sequence[SEQUENCE_MAX];
static unsigned sequence_len;
static bool is_over; /* the program ends as it should */

struct count {
    uint64_t sequences;
    uint64_t by_end[SEQUENCE_ENDS];
};

static void sequence_print(FILE *out)
{
    fprintf(out, "%s: sequence ", played->name);
    for (unsigned i = 0; i < sequence_len; i++)
        fprintf(out, "%s%u", i > 0 ? "." : "", sequence[i]);
    fprintf(out, "\n");
}

/* An assertion of a test's helper ends the program, too. */
static void on_exit_name_sequence(void)
{
    if (is_over)
        return;
    fflush(stdout);
    sequence_print(stderr);
}

void sequence_fail(const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "FAILED: ");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    exit(1);
}

/* Sequences of 0 to `length` letters. */
static uint64_t count_all(unsigned letters, unsigned length)
{
    uint64_t sum = 1;

    for (uint64_t power = 1; length > 0; length--)
        sum += power *= letters;
    return sum;
}

static void walk(unsigned length, struct count *played_now, struct count *covered)
{
    if (sequence_len == length)
        return;
    sequence_len++;
    for (unsigned letter = 0; letter < played->letters; letter++) {
        sequence[sequence_len - 1] = (uint8_t)letter;
        enum sequence_end end = played->play(sequence, sequence_len);
        uint64_t rest = end == SEQUENCE_GOES_ON ? 1 : count_all(played->letters, length - sequence_len);
        played_now->sequences++;
        covered->sequences += rest;
        covered->by_end[end] += rest;
        if (end == SEQUENCE_GOES_ON)
            walk(length, played_now, covered);
    }
    sequence_len--;
}

static void read_sequence(const char *only)
{
    char *end;

    for (; sequence_len < SEQUENCE_MAX && *only != '\0'; only = *end == '.' ? end + 1 : end) {
        unsigned long letter = strtoul(only, &end, 10);
        if (end == only || letter >= played->letters)
            sequence_fail("'%s' names no letter of %u", only, played->letters);
        sequence[sequence_len++] = (uint8_t)letter;
    }
}

/* Letter by letter, because a player may go on from what the sequence before has left. */
static void play_only(const char *only)
{
    static const char *const ENDS[SEQUENCE_ENDS] = {"goes on", "unchanged", "closed"};

    read_sequence(only);
    for (unsigned all = sequence_len, i = 1; i <= all; i++) {
        sequence_len = i;
        printf("  %2u ", sequence[i - 1]);
        played->print_letter(sequence[i - 1]);
        printf(": %s\n", ENDS[played->play(sequence, i)]);
    }
}

void sequences_walk(const struct sequences *s, unsigned length, const char *only)
{
    struct count now = {0};
    struct count covered = {0};
    clock_t begin = clock();

    played = s;
    (void)atexit(on_exit_name_sequence);
    if (only != NULL) {
        play_only(only);
        is_over = true;
        return;
    }
    walk(length, &now, &covered);
    printf("  %-9s  %7u  %6u  %13llu  %9llu  %13llu  %13llu  %6.1f\n", s->name, s->letters, length,
           (unsigned long long)covered.sequences, (unsigned long long)now.sequences,
           (unsigned long long)covered.by_end[SEQUENCE_CLOSED],
           (unsigned long long)covered.by_end[SEQUENCE_UNCHANGED],
           (double)(clock() - begin) / CLOCKS_PER_SEC);
    if (covered.sequences + 1 != count_all(s->letters, length))
        sequence_fail("not all sequences were covered");
    is_over = true;
}

struct sequence_options sequence_options_parse(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"length", required_argument, NULL, 'l'}, {"only", required_argument, NULL, 'o'}, {0}};
    struct sequence_options o = {.length = 3};
    int option;

    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == 'l')
            o.length = (unsigned)strtoul(optarg, NULL, 10);
        else if (option == 'o')
            o.only = optarg;
        else
            exit(2);
    }
    if (o.length == 0 || o.length > SEQUENCE_MAX || optind != argc) {
        fprintf(stderr, "usage: %s [--length 1..%d] [--only ID]\n", argv[0], SEQUENCE_MAX);
        exit(2);
    }
    return o;
}
