/*
 * Slot numbers for tables of a fixed size, and seeded hash indexes over them. A slot number starts at 1; 0 is
 * "none".
 *
 * Knows nothing of what is in a slot: the owner compares keys while it walks a chain.
 */
#ifndef SSM_SLOTS_H
#define SSM_SLOTS_H

#include "arena.h"

/* Which slots are taken. */
struct slots {
    uint32_t *freed; /* a stack of numbers given back */
    uint32_t freed_count;
    uint32_t high; /* no number above this one has ever been taken */
    uint32_t cap;
};

/* The most memory that one of many slots takes: its place in the stack; in an index a link and, as the number
 * of heads is a power of two, less than two heads. */
enum { SLOTS_BYTES_EACH = sizeof(uint32_t), SLOT_INDEX_BYTES_EACH = 3 * sizeof(uint32_t) };

void slots_init(struct slots *s, struct arena *a, uint32_t cap);
/* 0: all are taken. */
uint32_t slots_take(struct slots *s);
void slots_give(struct slots *s, uint32_t slot);

/* SipHash-1-3 of a key, so that nobody outside can aim at one chain. */
uint64_t slot_hash(uint64_t seed, const void *key, size_t len);

struct slot_index {
    uint32_t *heads;
    uint32_t *next;
    uint32_t mask;    /* of the bits of a hash that choose a head */
    uint32_t numbers; /* of the bits of a link that name a slot */
};

void slot_index_init(struct slot_index *x, struct arena *a, uint32_t cap);
/* Walks the slots that may have been added under this hash, and seldom another; 0 ends the walk. */
uint32_t slot_index_first(const struct slot_index *x, uint64_t hash);
uint32_t slot_index_next(const struct slot_index *x, uint32_t slot, uint64_t hash);
/* Begins to fetch what slot_index_first will read. */
void slot_index_prefetch(const struct slot_index *x, uint64_t hash);
void slot_index_add(struct slot_index *x, uint64_t hash, uint32_t slot);
/* The slot must have been added under this hash. */
void slot_index_remove(struct slot_index *x, uint64_t hash, uint32_t slot);

#endif
