#include "plot.h"

/* Pixels. */
enum {
    LEFT = 70, /* of the first panel's axes */
    TOP = 84,
    PANEL_WIDTH = 290,
    PANEL_HEIGHT = 310,
    PANEL_STEP = PANEL_WIDTH + 44,
    BOTTOM = TOP + PANEL_HEIGHT,
    LEGEND_LEFT = LEFT + PLOT_PANELS * PANEL_STEP - 18,
    LEGEND_STEP = 24,
    LEGEND_LINE = 34,
    WIDTH = LEGEND_LEFT + LEGEND_LINE + 204,
    HEIGHT = BOTTOM + 62,
    Y_TICKS = 10,
};

static double at_x(const struct plot *p, size_t point)
{
    return p->x[point] / p->x[p->points - 1] * PANEL_WIDTH;
}

static double at_y(double y)
{
    return BOTTOM - y * PANEL_HEIGHT;
}

static void put_ground(const struct plot *p, FILE *out)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
            "font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n"
            "<text x=\"%d\" y=\"34\" font-size=\"17\" font-weight=\"bold\">%s</text>\n"
            "<text transform=\"translate(24 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT, p->title, TOP + PANEL_HEIGHT / 2, p->y_label);
}

static void put_axes(const struct plot *p, FILE *out)
{
    for (int i = 0; i <= Y_TICKS; i++) {
        double y = (double)i / Y_TICKS;
        fprintf(out, "<path d=\"M0 %.1fh%d\" stroke=\"%s\"/>", at_y(y), PANEL_WIDTH,
                i == 0 ? "#222" : "#ddd");
        fprintf(out, "<text x=\"-9\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>\n", at_y(y) + 4.5, y);
    }
    for (size_t i = 0; i < p->points; i++)
        fprintf(out,
                "<path d=\"M%.1f %dv6\" stroke=\"#222\"/><text x=\"%.1f\" y=\"%d\" "
                "text-anchor=\"middle\">%.0f %%</text>\n",
                at_x(p, i), BOTTOM, at_x(p, i), BOTTOM + 22, p->x[i] * 100);
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", PANEL_WIDTH / 2, BOTTOM + 46,
            p->x_label);
}

static void put_line(const struct plot *p, const struct plot_series *s, size_t panel, FILE *out)
{
    for (size_t i = 0; i < p->points; i++)
        fprintf(out, "%c%.1f %.1f", i == 0 ? 'M' : 'L', at_x(p, i), at_y(s->y[panel][i]));
    fprintf(out, "\"/>");
    for (size_t i = 0; i < p->points; i++)
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>", at_x(p, i), at_y(s->y[panel][i]));
}

/* Opens a group in the style of a series, and a path in it. */
static void open_series(const struct plot_series *s, FILE *out)
{
    fprintf(out, "<g stroke=\"%s\" fill=\"%s\"><path fill=\"none\" stroke-width=\"2.2\"%s d=\"", s->colour,
            s->colour, s->is_dashed ? " stroke-dasharray=\"6 5\"" : "");
}

static void put_panel(const struct plot *p, size_t panel, FILE *out)
{
    fprintf(out, "<g transform=\"translate(%zu 0)\"><text y=\"%d\" font-weight=\"bold\">%s</text>\n",
            LEFT + panel * PANEL_STEP, TOP - 16, p->panels[panel]);
    put_axes(p, out);
    for (size_t i = p->series_count; i-- > 0;) {
        open_series(&p->series[i], out);
        put_line(p, &p->series[i], panel, out);
        fprintf(out, "</g>\n");
    }
    fprintf(out, "</g>\n");
}

static void put_legend(const struct plot *p, FILE *out)
{
    for (size_t i = 0; i < p->series_count; i++) {
        size_t y = TOP + 8 + i * LEGEND_STEP;
        open_series(&p->series[i], out);
        fprintf(out, "M%d %zuh%d\"/></g><text x=\"%d\" y=\"%zu\">%s</text>\n", LEGEND_LEFT, y, LEGEND_LINE,
                LEGEND_LEFT + LEGEND_LINE + 8, y + 5, p->series[i].name);
    }
}

void plot_write(const struct plot *p, FILE *out)
{
    put_ground(p, out);
    for (size_t panel = 0; panel < PLOT_PANELS; panel++)
        put_panel(p, panel, out);
    put_legend(p, out);
    fprintf(out, "</svg>\n");
}
