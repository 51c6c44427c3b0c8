#include "report.h"

#include <string.h>

static double share(unsigned part, unsigned whole)
{
    return (double)part / whole;
}

static void print_cost(const struct bench *b, FILE *out)
{
    fprintf(out, "Sent on the node's link where nothing is lost, with cookies and needless repetitions:\n\n"
                 "|                            | datagrams, 1 hop | frames | 3 hops | frames |\n"
                 "|----------------------------|-----------------:|-------:|-------:|-------:|\n");
    for (size_t m = 0; m < METHODS; m++)
        fprintf(out, "| %-26s | %16u | %6u | %6u | %6u |\n", b->methods[m].name, b->cells[m][0][0].datagrams,
                b->cells[m][0][0].frames, b->cells[m][1][0].datagrams, b->cells[m][1][0].frames);
}

static void print_cell(const struct cell *cell, FILE *out)
{
    fprintf(out, " %5.3f / %5.3f / ", share(cell->complete, cell->runs), share(cell->in_time, cell->runs));
    if (cell->complete > 0)
        fprintf(out, "%8.2f s |", (double)cell->total_ms / cell->complete / 1000);
    else
        fprintf(out, "%10s |", "none");
}

static void print_row(const struct bench *b, const size_t *methods, size_t hop, size_t loss, FILE *out)
{
    const struct cell *delegated = &b->cells[METHOD_DELEGATED][hop][loss];

    fprintf(out, "| %4.1f, %-4u |", b->losses[loss], b->hops[hop]);
    for (size_t i = 0; i < 1 + METHODS_DIRECT; i++)
        print_cell(&b->cells[methods[i]][hop][loss], out);
    fprintf(out, " %20.3f |\n", share(delegated->first_try, delegated->runs));
}

/* Delegation beside the direct methods of one tuning, which stand at `first` and after. */
static void print_table(const struct bench *b, size_t first, FILE *out)
{
    const size_t methods[1 + METHODS_DIRECT] = {METHOD_DELEGATED, first, first + 1, first + 2};

    fprintf(out, "\n| loss, hops |");
    for (size_t i = 0; i < 1 + METHODS_DIRECT; i++)
        fprintf(out, " %-26s |", b->methods[methods[i]].name);
    fprintf(out, " delegated, first try |\n|------------|");
    for (size_t i = 0; i < 1 + METHODS_DIRECT; i++)
        fprintf(out, "%.28s|", "------------------------------");
    fprintf(out, "----------------------|\n| runs a row |");
    for (size_t i = 0; i < 1 + METHODS_DIRECT; i++)
        fprintf(out, " %-26u |", b->cells[methods[i]][0][0].runs);
    fprintf(out, " %20u |\n", b->cells[METHOD_DELEGATED][0][0].runs);
    for (size_t hop = 0; hop < HOPS; hop++)
        for (size_t loss = 0; loss < b->loss_count; loss++)
            print_row(b, methods, hop, loss, out);
}

void report_print(const struct bench *b, FILE *out)
{
    print_cost(b, out);
    fprintf(
        out,
        "\nP(complete) / P(within %d s) / mean delay of the complete ones. A client whose handshake fails\n"
        "starts again at once, for %d s. Nothing but the node's link loses anything.\n"
        "stock: one datagram a flight, repeated after 1 s, doubling to 60 s, as the library comes;\n"
        "tuned: fragments of one frame, repeated as the gateway repeats a key block.\n",
        PATIENCE_MS / 1000, PATIENCE_MS / 1000);
    for (size_t first = METHOD_DELEGATED + 1; first < METHODS; first += METHODS_DIRECT)
        print_table(b, first, out);
}

void report_draw(const struct bench *b, FILE *svg)
{
    struct plot plot = {.title = "Does the node get its keys within 60 s?",
                        .x_label = "frames lost on each hop",
                        .y_label = "share of runs",
                        .panels = {"1 hop", "3 hops"},
                        .points = b->loss_count,
                        .series_count = METHODS};

    memcpy(plot.x, b->losses, sizeof plot.x);
    for (size_t m = 0; m < METHODS; m++) {
        plot.series[m] = (struct plot_series){.name = b->methods[m].name,
                                              .colour = b->methods[m].colour,
                                              .is_dashed = b->methods[m].tuning == DIRECT_STOCK};
        for (size_t hop = 0; hop < HOPS; hop++)
            for (size_t loss = 0; loss < b->loss_count; loss++)
                plot.series[m].y[hop][loss] =
                    share(b->cells[m][hop][loss].in_time, b->cells[m][hop][loss].runs);
    }
    plot_write(&plot, svg);
}
