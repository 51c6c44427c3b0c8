/*
 * What is done to each kind of file while its writes are recorded, and what must be found in it after a cut.
 *
 * A state is a text: all that the file holds, as whoever opens it sees it.
 */
#ifndef CAMPAIGN_WORK_H
#define CAMPAIGN_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state {
    char *text;
    size_t len;
    size_t cap;
};

void state_add(struct state *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void state_add_bytes(struct state *s, const void *bytes, size_t len);

struct work {
    const char *name;
    /* Takes `steps` steps in `directory`; calls acknowledge() after each, with all that must never get lost
     * again. */
    void (*run)(const char *directory, unsigned steps);
    /* Opens what a cut has left in `directory`, as the product does. False: it does not open. */
    bool (*find)(const char *directory, struct state *out);
};

extern const struct work work_relay;
extern const struct work work_keys;
extern const struct work work_counter;

/* Of power_cut.c. */
void acknowledge(const struct state *s);
uint32_t draw_below(uint32_t limit); /* of the campaign's seed */
void draw_bytes(void *out, size_t len);
/* A step that the product refuses is a fault of the campaign. */
void must(bool is_so, const char *what);

#endif
