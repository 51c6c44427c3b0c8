/*
 * Panels of lines side by side as a self-contained SVG file on a white ground: probabilities over the loss of
 * frames. Draws what it is given; knows nothing of methods.
 *
 * Texts go into the file as they are: they hold no character that XML gives a meaning.
 */
#ifndef SSM_BENCH_PLOT_H
#define SSM_BENCH_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { PLOT_POINTS_MAX = 8, PLOT_SERIES_MAX = 8, PLOT_PANELS = 2 };

/* One line in every panel, and in the legend. */
struct plot_series {
    const char *name;
    const char *colour;
    bool is_dashed;
    double y[PLOT_PANELS][PLOT_POINTS_MAX]; /* 0 to 1, one for each x */
};

struct plot {
    const char *title;
    const char *x_label;
    const char *y_label;
    const char *panels[PLOT_PANELS]; /* their titles */
    double x[PLOT_POINTS_MAX];       /* ascending from 0 */
    size_t points;
    struct plot_series series[PLOT_SERIES_MAX]; /* the first is drawn last, over the others */
    size_t series_count;
};

void plot_write(const struct plot *p, FILE *out);

#endif
