#include "print.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void print_duration(FILE *out, json_int_t seconds)
{
    static const struct {
        json_int_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;

    while (i < 3 && seconds < units[i].seconds)
        i++;
    fprintf(out, "%" JSON_INTEGER_FORMAT "%c", seconds / units[i].seconds, units[i].letter);
    if (i < 3)
        fprintf(out, " %" JSON_INTEGER_FORMAT "%c", seconds % units[i].seconds / units[i + 1].seconds,
                units[i + 1].letter);
}

void print_date(FILE *out, json_int_t unix_s)
{
    time_t t = (time_t)unix_s;
    char text[16] = "?";
    struct tm tm;

    if (gmtime_r(&t, &tm) != NULL)
        strftime(text, sizeof(text), "%Y-%m-%d", &tm);
    fputs(text, out);
}

static void print_left(FILE *out, json_int_t seconds)
{
    if (seconds <= 0)
        fputs("expired", out);
    else
        fprintf(out, "%" JSON_INTEGER_FORMAT " days", seconds / 86400);
}

static void print_value(FILE *out, const json_t *value, enum print_format format)
{
    if (value == NULL || json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0))
        fputc('-', out);
    else if (format == PRINT_YES_NO)
        fputs(json_is_true(value) ? "yes" : "no", out);
    else if (format == PRINT_DURATION)
        print_duration(out, json_integer_value(value));
    else if (format == PRINT_DATE)
        print_date(out, json_integer_value(value));
    else if (format == PRINT_LEFT)
        print_left(out, json_integer_value(value));
    else if (json_is_integer(value))
        fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_string(value))
        fputs(json_string_value(value), out);
    for (size_t i = 0; i < json_array_size(value); i++) {
        fputs(i == 0 ? "" : ",", out);
        print_value(out, json_array_get(value, i), format);
    }
}

/* The text of one cell; the caller frees it. */
static char *cell_text(const json_t *row, const struct print_column *column)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        abort();
    print_value(out, json_object_get(row, column->field), column->format);
    if (fclose(out) != 0)
        abort();
    return text;
}

static int column_width(const json_t *rows, const struct print_column *column)
{
    size_t width = strlen(column->header);

    for (size_t i = 0; i < json_array_size(rows); i++) {
        char *text = cell_text(json_array_get(rows, i), column);

        if (strlen(text) > width)
            width = strlen(text);
        free(text);
    }
    return (int)width;
}

/* The last cell of a line is not padded. */
static void print_cell(FILE *out, const char *text, int width, bool is_last)
{
    if (is_last)
        fprintf(out, "%s\n", text);
    else
        fprintf(out, "%-*s  ", width, text);
}

void print_table(FILE *out, const json_t *rows, const struct print_column *columns, size_t count)
{
    int *widths = calloc(count, sizeof(*widths));

    if (widths == NULL)
        abort();
    for (size_t i = 0; i < count; i++) {
        widths[i] = column_width(rows, &columns[i]);
        print_cell(out, columns[i].header, widths[i], i + 1 == count);
    }
    for (size_t row = 0; row < json_array_size(rows); row++)
        for (size_t i = 0; i < count; i++) {
            char *text = cell_text(json_array_get(rows, row), &columns[i]);

            print_cell(out, text, widths[i], i + 1 == count);
            free(text);
        }
    free(widths);
}

void print_fields(FILE *out, const json_t *object, const struct print_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(object, columns[i].field);

        if (value == NULL) /* a key that was not asked for */
            continue;
        fprintf(out, "%-12s", columns[i].header);
        print_value(out, value, columns[i].format);
        fputc('\n', out);
    }
}

void print_counters(FILE *out, json_t *counters)
{
    const char *name;
    json_t *value;

    json_object_foreach(counters, name, value)
        fprintf(out, "  %-28s %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
}
