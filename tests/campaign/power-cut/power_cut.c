/*
 * Cuts the power at every write: does some work on a store and records what the disk is told, then makes the
 * files as they may be after each prefix of that, opens them with the product's code, and compares. What must
 * be there is what was acknowledged last, or that with the step that was under way.
 */
#include "disk.h"
#include "log.h"
#include "record.h"
#include "work.h"

#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CUTS = 4, FAULTS_SHOWN = 5 };

static struct {
    uint64_t seed;
    uint64_t drawn;
    unsigned long cuts; /* of all kinds, on all files */
    unsigned steps;
    unsigned shuffles; /* at each cut */
    bool is_deaf;
} campaign = {.steps = 1000, .shuffles = 6};

/* States in the order of their acknowledgement; [0]: what an empty directory gives. */
static struct {
    struct state *states;
    size_t *at; /* operations that the disk had been told by then */
    size_t count;
} acknowledged;

struct outcome {
    unsigned long tried[CUTS];
    unsigned long wrong;
};

void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "power-cut: cannot go on: %s\n", what);
    exit(2);
}

static uint64_t draw(void)
{
    campaign.drawn ^= campaign.drawn >> 12;
    campaign.drawn ^= campaign.drawn << 25;
    campaign.drawn ^= campaign.drawn >> 27;
    return campaign.drawn * UINT64_C(0x2545F4914F6CDD1D);
}

uint32_t draw_below(uint32_t limit)
{
    return (uint32_t)(draw() >> 32) % limit;
}

void draw_bytes(void *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)(draw() >> 56);
}

/* ---- states ---- */

static void reserve(struct state *s, size_t len)
{
    if (s->len + len + 1 <= s->cap)
        return;
    s->cap = 2 * (s->len + len + 1);
    s->text = realloc(s->text, s->cap);
    must(s->text != NULL, "memory");
}

void state_add(struct state *s, const char *format, ...)
{
    char text[256];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    must(len >= 0 && (size_t)len < sizeof text, "a line of a state");
    reserve(s, (size_t)len);
    memcpy(s->text + s->len, text, (size_t)len + 1);
    s->len += (size_t)len;
}

void state_add_bytes(struct state *s, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        state_add(s, "%02x", ((const uint8_t *)bytes)[i]);
}

static bool is_same(const struct state *a, const struct state *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->text, b->text, a->len) == 0);
}

static void keep(const struct state *s, size_t at)
{
    acknowledged.states =
        realloc(acknowledged.states, (acknowledged.count + 1) * sizeof *acknowledged.states);
    acknowledged.at = realloc(acknowledged.at, (acknowledged.count + 1) * sizeof *acknowledged.at);
    must(acknowledged.states != NULL && acknowledged.at != NULL, "memory");
    acknowledged.states[acknowledged.count] = *s;
    acknowledged.at[acknowledged.count++] = at;
}

void acknowledge(const struct state *s)
{
    keep(s, disk_operations());
}

/* ---- directories ---- */

static void make_empty(const char *directory)
{
    DIR *listing = opendir(directory);
    const struct dirent *entry;

    must(listing != NULL, "a directory");
    while ((entry = readdir(listing)) != NULL)
        unlinkat(dirfd(listing), entry->d_name, 0);
    closedir(listing);
}

/* ---- cuts ---- */

static void show(const char *what, const struct state *s)
{
    fprintf(stderr, "--- %s\n%.*s", what, (int)s->len, s->len > 0 ? s->text : "");
}

static void report(const struct work *work, size_t count, enum cut cut, uint64_t seed, size_t last,
                   const struct state *found)
{
    static const char *const names[CUTS] = {"all written", "last write torn", "what was not synced lost",
                                            "what was not synced shuffled"};

    fprintf(stderr, "FAILED: %s, power cut after operation %zu of %zu, %s (seed %llu): %s\n", work->name,
            count, disk_operations(), names[cut], (unsigned long long)seed,
            found != NULL ? "neither the old state nor the new" : "it does not open");
    if (found == NULL)
        return;
    show("acknowledged", &acknowledged.states[last]);
    if (last + 1 < acknowledged.count)
        show("or the next", &acknowledged.states[last + 1]);
    show("found", found);
}

/* `last`: the last acknowledgement before the cut. */
static void try_cut(const struct work *work, const char *directory, size_t count, enum cut cut, uint64_t seed,
                    size_t last, struct outcome *outcome)
{
    struct state found = {0};
    bool is_found;

    make_empty(directory);
    if (!disk_restore(directory, count, cut, seed))
        return;
    is_found = work->find(directory, &found);
    outcome->tried[cut]++;
    if (!is_found || (!is_same(&found, &acknowledged.states[last]) &&
                      (last + 1 == acknowledged.count || !is_same(&found, &acknowledged.states[last + 1])))) {
        if (outcome->wrong++ < FAULTS_SHOWN && !campaign.is_deaf)
            report(work, count, cut, seed, last, is_found ? &found : NULL);
    }
    free(found.text);
}

static void try_all(const struct work *work, const char *directory, struct outcome *outcome)
{
    size_t last = 0;

    for (size_t count = 0; count <= disk_operations(); count++) {
        while (last + 1 < acknowledged.count && acknowledged.at[last + 1] <= count)
            last++;
        try_cut(work, directory, count, CUT_CLEAN, 0, last, outcome);
        try_cut(work, directory, count, CUT_TORN, campaign.seed + count, last, outcome);
        try_cut(work, directory, count, CUT_LOST, 0, last, outcome);
        for (unsigned i = 0; i < campaign.shuffles; i++)
            try_cut(work, directory, count, CUT_SHUFFLED, campaign.seed + count * campaign.shuffles + i, last,
                    outcome);
    }
}

static void forget_all(void)
{
    for (size_t i = 0; i < acknowledged.count; i++)
        free(acknowledged.states[i].text);
    acknowledged.count = 0;
    disk_forget();
}

static bool run(const struct work *work, const char *worked, const char *found)
{
    struct outcome outcome = {0};
    struct state empty = {0};

    forget_all();
    make_empty(found);
    must(work->find(found, &empty), "an empty directory");
    keep(&empty, 0);
    make_empty(worked);
    record_start(worked);
    work->run(worked, campaign.steps);
    record_start(NULL);
    try_all(work, found, &outcome);
    printf("%-22s %10zu %12zu %10lu %10lu %10lu %10lu %8lu\n", work->name, disk_operations(),
           acknowledged.count - 1, outcome.tried[CUT_CLEAN], outcome.tried[CUT_TORN], outcome.tried[CUT_LOST],
           outcome.tried[CUT_SHUFFLED], outcome.wrong);
    for (size_t cut = 0; cut < CUTS; cut++)
        campaign.cuts += outcome.tried[cut];
    return outcome.wrong == 0;
}

/* ---- command line ---- */

static void parse(int argc, char **argv)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"steps", required_argument, NULL, 'n'},
                                            {"shuffles", required_argument, NULL, 'u'},
                                            {"lying-disk", no_argument, NULL, 'l'},
                                            {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            campaign.seed = strtoull(optarg, NULL, 10);
            break;
        case 'n':
            campaign.steps = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'u':
            campaign.shuffles = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'l':
            campaign.is_deaf = true;
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct work *const works[] = {&work_relay, &work_keys, &work_counter};
    char worked[] = "/tmp/ssm-power-cut-XXXXXX";
    char found[] = "/tmp/ssm-power-cut-XXXXXX";
    bool is_well = true;

    parse(argc, argv);
    campaign.drawn = campaign.seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
    log_open("power-cut", LOG_FOR_PEOPLE, LOG_CRIT);
    must(mkdtemp(worked) != NULL && mkdtemp(found) != NULL, "directories");
    record_install(campaign.is_deaf);
    printf("%-22s %10s %12s %10s %10s %10s %10s %8s\n", "", "operations", "acknowledged", "cuts", "torn",
           "lost", "shuffled", "wrong");
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++)
        is_well = run(works[i], worked, found) && is_well;
    printf("cuts of all kinds: %lu\n", campaign.cuts);
    forget_all();
    make_empty(worked);
    make_empty(found);
    rmdir(worked);
    rmdir(found);
    return is_well ? 0 : 1;
}
