#include "impaired.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "unit/seeded.h"

enum { UNDER_WAY_MAX = 1024, REORDER_MS = 400 };

struct impaired {
    struct under_way *all[UNDER_WAY_MAX];
    size_t count;
};

struct impaired *impaired_create(void)
{
    struct impaired *i = calloc(1, sizeof *i);

    assert_non_null(i);
    return i;
}

void impaired_destroy(struct impaired *i)
{
    while (i->count > 0)
        free(i->all[--i->count]);
    free(i);
}

static bool chance(unsigned percent)
{
    return seeded_u32() % 100 < percent;
}

static void launch(struct impaired *i, const struct impairment *how, uint64_t now_ms,
                   const struct under_way *header, const uint8_t *datagram, size_t len)
{
    struct under_way *u = calloc(1, sizeof *u);

    assert_true(u != NULL && i->count < UNDER_WAY_MAX && len <= IMPAIRED_DATAGRAM_MAX);
    *u = (struct under_way){.leg = header->leg, .from = header->from, .to = header->to, .len = len};
    u->due_ms = now_ms + (how->delay_ms != 0 ? how->delay_ms : IMPAIRED_DELAY_MS) +
                (chance(how->reorder_percent) ? seeded_u32() % REORDER_MS : 0);
    memcpy(u->bytes + IMPAIRED_HEADROOM, datagram, len);
    i->all[i->count++] = u;
}

void impaired_send(struct impaired *i, const struct impairment *how, uint64_t now_ms,
                   const struct under_way *header, const uint8_t *datagram, size_t len)
{
    if (chance(how->loss_percent))
        return;
    launch(i, how, now_ms, header, datagram, len);
    if (chance(how->duplicate_percent))
        launch(i, how, now_ms, header, datagram, len);
}

uint64_t impaired_next_ms(const struct impaired *i)
{
    uint64_t next = UINT64_MAX;

    for (size_t at = 0; at < i->count; at++)
        if (i->all[at]->due_ms < next)
            next = i->all[at]->due_ms;
    return next;
}

struct under_way *impaired_take(struct impaired *i, uint64_t now_ms)
{
    for (size_t at = 0; at < i->count; at++) {
        struct under_way *u = i->all[at];
        if (u->due_ms > now_ms)
            continue;
        memmove(i->all + at, i->all + at + 1, (--i->count - at) * sizeof *i->all);
        return u;
    }
    return NULL;
}
