/*
 * Datagrams under way on a network that loses, duplicates, delays and reorders them by the seed of
 * unit/seeded.h.
 *
 * Owned by whoever drives the virtual clock. Knows neither ends nor content: the driver sends, asks when the
 * next datagram is due, and takes it.
 */
#ifndef SSM_TEST_IMPAIRED_H
#define SSM_TEST_IMPAIRED_H

#include "endpoint.h"

enum {
    IMPAIRED_DATAGRAM_MAX = 1500,
    IMPAIRED_HEADROOM = 64, /* in front of a datagram, for who builds a header in place */
    IMPAIRED_DELAY_MS = 20, /* one way, where no other is given */
};

/* What happens to each datagram of a leg. */
struct impairment {
    unsigned loss_percent;
    unsigned duplicate_percent;
    unsigned reorder_percent; /* are held back by up to 400 ms */
    unsigned delay_ms;        /* one way; 0: IMPAIRED_DELAY_MS */
};

struct under_way {
    int leg; /* the driver's */
    uint64_t due_ms;
    struct endpoint from;
    struct endpoint to;
    size_t len;
    uint8_t bytes[IMPAIRED_HEADROOM + IMPAIRED_DATAGRAM_MAX]; /* the datagram stands behind the headroom */
};

struct impaired;

struct impaired *impaired_create(void);
void impaired_destroy(struct impaired *i);
/* Takes a copy of the datagram in `how`, with leg, from and to as they are in `header`. */
void impaired_send(struct impaired *i, const struct impairment *how, uint64_t now_ms,
                   const struct under_way *header, const uint8_t *datagram, size_t len);
/* When the next datagram is due; UINT64_MAX: none is under way. */
uint64_t impaired_next_ms(const struct impaired *i);
/* A datagram that is due, for the caller to free; NULL: none is. */
struct under_way *impaired_take(struct impaired *i, uint64_t now_ms);

#endif
