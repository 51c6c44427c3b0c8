/*
 * Replies for eyes: aligned tables, one field a line, durations in words.
 *
 * Called by ssmctl.c. Knows JSON values and how to show them, nothing of what they mean.
 */
#ifndef SSM_PRINT_H
#define SSM_PRINT_H

#include <jansson.h>
#include <stdio.h>

enum print_format {
    PRINT_TEXT,     /* strings and whole numbers as they are, an array's members with commas */
    PRINT_YES_NO,   /* a boolean */
    PRINT_DURATION, /* seconds as "3m 12s" */
    PRINT_DATE,     /* Unix time as "2026-11-21" */
    PRINT_LEFT,     /* seconds as "30 days", below 0 as "expired" */
};

struct print_column {
    const char *header;
    const char *field;
    enum print_format format;
};

/* What is missing, null or an empty array is shown as "-". */
void print_table(FILE *out, const json_t *rows, const struct print_column *columns, size_t count);
void print_fields(FILE *out, const json_t *object, const struct print_column *columns, size_t count);
/* Every member of an object, indented. */
void print_counters(FILE *out, json_t *counters);
/* The two largest units: "12s", "3m 12s", "2h 5m", "4d 3h". */
void print_duration(FILE *out, json_int_t seconds);
/* In UTC. */
void print_date(FILE *out, json_int_t unix_s);

#endif
