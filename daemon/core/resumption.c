#include "resumption.h"

struct resumption_entry *resumption_find(const struct resumption *r, const uint8_t *id, size_t id_len,
                                         uint64_t now_ms)
{
    if (id_len != HANDSHAKE_SESSION_ID_LEN)
        return NULL;
    for (uint32_t i = 0; i < r->cap; i++) {
        struct resumption_entry *entry = &r->all[i];

        if (entry->until_ms > now_ms && bytes_equal(entry->session.id, id, HANDSHAKE_SESSION_ID_LEN))
            return entry;
    }
    return NULL;
}

/* A free one, whose until_ms is 0, or the one that expires first. */
static struct resumption_entry *choose_place(const struct resumption *r)
{
    struct resumption_entry *first = r->all;

    for (uint32_t i = 1; i < r->cap; i++)
        if (r->all[i].until_ms < first->until_ms)
            first = &r->all[i];
    return first;
}

void resumption_forget(struct resumption *r, struct resumption_entry *entry)
{
    bytes_wipe(entry, sizeof *entry); /* which makes it free */
    r->count--;
}

struct resumption_entry *resumption_add(struct resumption *r, const struct handshake_session *session,
                                        uint64_t until_ms)
{
    struct resumption_entry *place = choose_place(r);

    SSM_ASSERT(until_ms > 0 && session->len > 0);
    if (place->until_ms > 0)
        resumption_forget(r, place);
    place->until_ms = until_ms;
    place->session = *session;
    r->count++;
    r->next_ms = 0;
    return place;
}

void resumption_forget_all(struct resumption *r, uint32_t node, uint32_t subscriber, uint16_t handle)
{
    for (uint32_t i = 0; i < r->cap; i++) {
        struct resumption_entry *entry = &r->all[i];

        if (entry->until_ms > 0 && (node == 0 || entry->node == node) &&
            (subscriber == 0 || entry->claim.subscriber == subscriber) &&
            (handle == 0 || entry->handle == handle))
            resumption_forget(r, entry);
    }
}

uint64_t resumption_tick(struct resumption *r, uint64_t now_ms)
{
    if (r->count == 0)
        return UINT64_MAX;
    if (now_ms < r->next_ms)
        return r->next_ms;
    r->next_ms = UINT64_MAX;
    for (uint32_t i = 0; i < r->cap; i++) {
        struct resumption_entry *entry = &r->all[i];

        if (entry->until_ms == 0)
            continue;
        if (entry->until_ms <= now_ms)
            resumption_forget(r, entry);
        else if (entry->until_ms < r->next_ms)
            r->next_ms = entry->until_ms;
    }
    return r->next_ms;
}
