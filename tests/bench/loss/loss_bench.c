/*
 * Does a node on a lossy radio get its keys? Delegation, as the product does it, beside the handshakes that
 * it saves, each run by run over the same link on a virtual clock.
 *
 *   loss_bench [--runs N] [--seed S] [--svg FILE]     tables, and a plot of them
 *   loss_bench --short                                a few runs: does it work?
 *
 * Fails if a method does not always complete where nothing is lost, or ever does where everything is.
 */
#include "bench.h"
#include "delegated.h"
#include "report.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum {
    RUNS = 2000,
    RUNS_SHORT = 20,
    ALL = 1,
    TENTH = 10, /* public-key work is slow */
};

static const struct method METHOD[METHODS] = {
    {"delegated", "#0072b2", DIRECT_PSK, DIRECT_TUNED, ALL},
    {"direct PSK, tuned", "#009e73", DIRECT_PSK, DIRECT_TUNED, ALL},
    {"direct X.509 server, tuned", "#e69f00", DIRECT_X509_SERVER, DIRECT_TUNED, TENTH},
    {"direct X.509 mutual, tuned", "#cc3311", DIRECT_X509_MUTUAL, DIRECT_TUNED, TENTH},
    {"direct PSK, stock", "#009e73", DIRECT_PSK, DIRECT_STOCK, ALL},
    {"direct X.509 server, stock", "#e69f00", DIRECT_X509_SERVER, DIRECT_STOCK, TENTH},
    {"direct X.509 mutual, stock", "#cc3311", DIRECT_X509_MUTUAL, DIRECT_STOCK, TENTH},
};

struct options {
    unsigned runs;
    uint64_t seed;
    const char *svg; /* NULL: no plot */
    bool is_short;
};

/* ---- measuring ---- */

static void cell_note(struct cell *cell, const struct outcome *o, const struct radio *radio)
{
    cell->runs++;
    cell->datagrams = radio->datagrams;
    cell->frames = radio->frames;
    if (!o->is_complete)
        return;
    cell->complete++;
    cell->in_time += o->ms <= PATIENCE_MS;
    cell->first_try += o->tries == 1;
    cell->total_ms += o->ms;
}

/* `direct` is NULL for delegation. */
static void method_measure(struct bench *b, size_t method, struct direct *direct, const struct options *o)
{
    uint64_t random = o->seed;

    for (size_t hop = 0; hop < HOPS; hop++)
        for (size_t loss = 0; loss < b->loss_count; loss++)
            for (unsigned run = 0; run < o->runs / METHOD[method].share; run++) {
                struct radio radio = {
                    .loss = b->losses[loss], .hops = b->hops[hop], .chance = random_u64(&random)};
                struct outcome outcome = direct != NULL ? direct_run(direct, &radio) : delegated_run(&radio);
                cell_note(&b->cells[method][hop][loss], &outcome, &radio);
            }
}

static void measure(struct bench *b, const struct options *o)
{
    method_measure(b, METHOD_DELEGATED, NULL, o);
    for (size_t m = METHOD_DELEGATED + 1; m < METHODS; m++) {
        struct direct *direct = direct_create(METHOD[m].kind, METHOD[m].tuning, o->seed);
        method_measure(b, m, direct, o);
        direct_destroy(direct);
    }
}

/* ---- checking ---- */

static bool is_plausible(const struct cell *cell, double loss)
{
    return loss <= 0 ? cell->complete == cell->runs : loss < 1 || cell->complete == 0;
}

static bool are_plausible(const struct bench *b)
{
    bool are = true;

    for (size_t m = 0; m < METHODS; m++)
        for (size_t hop = 0; hop < HOPS; hop++)
            for (size_t loss = 0; loss < b->loss_count; loss++) {
                const struct cell *cell = &b->cells[m][hop][loss];
                if (is_plausible(cell, b->losses[loss]))
                    continue;
                fprintf(stderr, "loss_bench: %s at loss %.1f, %u hops: %u of %u runs complete\n",
                        METHOD[m].name, b->losses[loss], b->hops[hop], cell->complete, cell->runs);
                are = false;
            }
    return are;
}

/* ---- the command line ---- */

static void usage(void)
{
    fprintf(stderr,
            "usage: loss_bench [--short | --runs N] [--seed S] [--svg FILE]\n"
            "       N: runs of a cell, at least %d; certificates take a tenth of them\n",
            TENTH);
    exit(2);
}

static struct options parse(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"runs", required_argument, NULL, 'n'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"svg", required_argument, NULL, 'o'},
                                            {"short", no_argument, NULL, 'q'},
                                            {0}};
    struct options o = {.runs = RUNS, .seed = 1};
    int option;

    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == 'n')
            o.runs = (unsigned)strtoul(optarg, NULL, 10);
        else if (option == 's')
            o.seed = strtoull(optarg, NULL, 0);
        else if (option == 'o')
            o.svg = optarg;
        else if (option == 'q')
            o.is_short = true;
        else
            usage();
    }
    if (o.is_short)
        o.runs = RUNS_SHORT;
    if (optind != argc || o.runs < TENTH)
        usage();
    return o;
}

static void choose_losses(struct bench *b, bool is_short)
{
    static const double FULL[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5};
    static const double SHORT[] = {0, 0.3, 1};

    b->loss_count = is_short ? sizeof SHORT / sizeof *SHORT : sizeof FULL / sizeof *FULL;
    memcpy(b->losses, is_short ? SHORT : FULL, b->loss_count * sizeof *b->losses);
}

static bool draw(const struct bench *b, const char *path)
{
    FILE *svg = fopen(path, "w");

    if (svg != NULL)
        report_draw(b, svg);
    if (svg != NULL && fclose(svg) == 0)
        return true;
    perror(path);
    return false;
}

int main(int argc, char **argv)
{
    static struct bench bench = {.methods = METHOD, .hops = {1, 3}};
    const struct options o = parse(argc, argv);

    choose_losses(&bench, o.is_short);
    printf("loss_bench: seed %llu\n\n", (unsigned long long)o.seed);
    measure(&bench, &o);
    report_print(&bench, stdout);
    if (o.svg != NULL && !draw(&bench, o.svg))
        return 1;
    return are_plausible(&bench) ? 0 : 1;
}
