#include "slots.h"

void slots_init(struct slots *s, struct arena *a, uint32_t cap)
{
    *s = (struct slots){.freed = arena_take(a, cap, sizeof *s->freed), .cap = cap};
}

uint32_t slots_take(struct slots *s)
{
    if (s->freed_count > 0)
        return s->freed[--s->freed_count];
    return s->high < s->cap ? ++s->high : 0;
}

void slots_give(struct slots *s, uint32_t slot)
{
    SSM_ASSERT(slot > 0 && slot <= s->high && s->freed_count < s->high);
    s->freed[s->freed_count++] = slot;
}

static uint64_t rotated(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void siphash_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotated(v[1], 13) ^ v[0];
    v[3] = rotated(v[3], 16) ^ v[2];
    v[0] = rotated(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotated(v[1], 17) ^ v[2];
    v[3] = rotated(v[3], 21) ^ v[0];
    v[2] = rotated(v[2], 32);
}

static void siphash_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    siphash_round(v);
    v[0] ^= word;
}

/* Little-endian; the compiler makes one load of it. */
static uint64_t word_at(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

uint64_t slot_hash(uint64_t seed, const void *key, size_t len)
{
    uint64_t v[4] = {seed ^ 0x736f6d6570736575, 0x646f72616e646f6d, seed ^ 0x6c7967656e657261,
                     0x7465646279746573};
    const uint8_t *at = key;
    uint64_t last = (uint64_t)len << 56;

    for (size_t left = len / 8; left > 0; left--, at += 8)
        siphash_word(v, word_at(at));
    for (unsigned i = 0; i < len % 8; i++)
        last |= (uint64_t)at[i] << 8 * i;
    siphash_word(v, last);
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        siphash_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void slot_index_init(struct slot_index *x, struct arena *a, uint32_t cap)
{
    uint32_t heads = 1;

    while (heads < cap)
        heads *= 2;
    x->heads = arena_take(a, heads, sizeof *x->heads);
    x->next = arena_take(a, (size_t)cap + 1, sizeof *x->next);
    x->mask = heads - 1;
    x->numbers = 2 * heads - 1;
}

/* A link is a slot and, in the bits that no slot needs, a part of its hash: so a chain is walked without a
 * look at slots of other hashes, which would wait for memory. */
static uint32_t link_to(const struct slot_index *x, uint32_t slot, uint64_t hash)
{
    return ((uint32_t)(hash >> 32) & ~x->numbers) | slot;
}

/* The first slot of this hash, from `link` on. */
static uint32_t walk(const struct slot_index *x, uint32_t link, uint64_t hash)
{
    uint32_t slot = link & x->numbers;

    while (slot != 0 && link != link_to(x, slot, hash)) {
        link = x->next[slot];
        slot = link & x->numbers;
    }
    return slot;
}

uint32_t slot_index_first(const struct slot_index *x, uint64_t hash)
{
    return walk(x, x->heads[hash & x->mask], hash);
}

uint32_t slot_index_next(const struct slot_index *x, uint32_t slot, uint64_t hash)
{
    return walk(x, x->next[slot], hash);
}

void slot_index_prefetch(const struct slot_index *x, uint64_t hash)
{
    __builtin_prefetch(&x->heads[hash & x->mask]);
}

void slot_index_add(struct slot_index *x, uint64_t hash, uint32_t slot)
{
    uint32_t *head = &x->heads[hash & x->mask];

    x->next[slot] = *head;
    *head = link_to(x, slot, hash);
}

void slot_index_remove(struct slot_index *x, uint64_t hash, uint32_t slot)
{
    uint32_t *link = &x->heads[hash & x->mask];

    while (*link != link_to(x, slot, hash)) {
        SSM_ASSERT(*link != 0);
        link = &x->next[*link & x->numbers];
    }
    *link = x->next[slot];
}
