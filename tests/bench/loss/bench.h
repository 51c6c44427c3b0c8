/*
 * What is compared and what was counted: filled in by loss_bench.c, shown by report.c.
 */
#ifndef SSM_BENCH_BENCH_H
#define SSM_BENCH_BENCH_H

#include "direct.h"
#include "plot.h"

enum {
    METHODS = 7,
    METHOD_DELEGATED = 0,
    METHODS_DIRECT = 3, /* of each tuning */
    HOPS = PLOT_PANELS,
    LOSSES_MAX = PLOT_POINTS_MAX,
};

struct method {
    const char *name;
    const char *colour;
    enum direct_kind kind; /* but for METHOD_DELEGATED */
    enum direct_tuning tuning;
    unsigned share; /* of the runs: one in so many */
};

/* One method at one loss and number of hops. */
struct cell {
    unsigned runs;
    unsigned complete;
    unsigned in_time;   /* complete within PATIENCE_MS */
    unsigned first_try; /* complete without a second try */
    uint64_t total_ms;  /* of the complete ones */
    unsigned datagrams; /* of the last run */
    unsigned frames;
};

struct bench {
    const struct method *methods; /* METHODS of them */
    unsigned hops[HOPS];
    double losses[LOSSES_MAX]; /* ascending from 0 */
    size_t loss_count;
    struct cell cells[METHODS][HOPS][LOSSES_MAX];
};

#endif
