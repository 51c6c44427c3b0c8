/*
 * One block of memory, carved up once at the start. Whoever lays out tables does it twice: over no memory, to
 * learn the size, and over the block. The block belongs to the caller and is zero.
 */
#ifndef SSM_ARENA_H
#define SSM_ARENA_H

#include "bytes.h"

struct arena {
    uint8_t *block; /* NULL: only measuring */
    size_t used;
};

/* Room for `count` things of `size` bytes, aligned for any of them; NULL while measuring. */
static inline void *arena_take(struct arena *a, size_t count, size_t size)
{
    size_t at = (a->used + 15) & ~(size_t)15;

    SSM_ASSERT(size == 0 || count <= SIZE_MAX / 4 / size);
    a->used = at + count * size;
    return a->block != NULL ? a->block + at : NULL;
}

#endif
