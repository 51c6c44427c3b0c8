#include "flight.h"

static uint64_t hash_of(const struct flight_pool *p, uint32_t connection)
{
    return slot_hash(p->hash_seed, &connection, sizeof connection);
}

void flight_pool_init(struct flight_pool *p, struct arena *a, uint32_t cap, size_t early_cap,
                      uint64_t hash_seed)
{
    SSM_ASSERT(cap <= UINT16_MAX);
    p->all = arena_take(a, cap, sizeof *p->all);
    p->early = arena_take(a, cap, FLIGHT_EARLY_RECORDS * early_cap);
    p->early_cap = early_cap;
    slots_init(&p->slots, a, cap);
    slot_index_init(&p->by_connection, a, cap);
    p->hash_seed = hash_seed;
}

struct flight *flight_add(struct flight_pool *p, uint32_t connection, uint32_t session)
{
    uint32_t number = slots_take(&p->slots);
    struct flight *f;

    SSM_ASSERT(connection != 0 && session != 0);
    if (number == 0)
        return NULL;
    f = &p->all[number - 1];
    *f = (struct flight){.connection = connection, .session = session};
    slot_index_add(&p->by_connection, hash_of(p, connection), number);
    return f;
}

static void forget_connection(struct flight_pool *p, struct flight *f)
{
    if (f->connection != 0)
        slot_index_remove(&p->by_connection, hash_of(p, f->connection), flight_number(p, f));
    f->connection = 0;
}

void flight_remove(struct flight_pool *p, struct flight *f)
{
    forget_connection(p, f);
    *f = (struct flight){0};
    slots_give(&p->slots, flight_number(p, f));
}

struct flight *flight_find_by_connection(const struct flight_pool *p, uint32_t connection)
{
    uint64_t hash = hash_of(p, connection);
    uint32_t at = slot_index_first(&p->by_connection, hash);

    for (; at != 0; at = slot_index_next(&p->by_connection, at, hash))
        if (p->all[at - 1].connection == connection)
            return &p->all[at - 1];
    return NULL;
}

struct flight *flight_find_oldest_released(const struct flight_pool *p)
{
    struct flight *oldest = NULL;

    for (uint32_t i = 0; i < p->slots.high; i++) {
        struct flight *f = &p->all[i];

        if (f->session != 0 && f->is_released && (oldest == NULL || f->released_ms < oldest->released_ms))
            oldest = f;
    }
    return oldest;
}

struct flight *flight_at(const struct flight_pool *p, uint32_t number)
{
    SSM_ASSERT(number > 0 && number <= p->slots.high);
    return p->all[number - 1].session != 0 ? &p->all[number - 1] : NULL;
}

uint16_t flight_number(const struct flight_pool *p, const struct flight *f)
{
    return (uint16_t)(f - p->all + 1);
}

bool flight_queue(const struct flight_pool *p, struct flight *f, const uint8_t *record, size_t len)
{
    if (f->early_count == FLIGHT_EARLY_RECORDS || len > p->early_cap)
        return false;
    f->early_len[f->early_count] = (uint16_t)len;
    bytes_copy(flight_early(p, f, f->early_count++), record, len);
    return true;
}

uint8_t *flight_early(const struct flight_pool *p, const struct flight *f, unsigned i)
{
    size_t before = (size_t)(flight_number(p, f) - 1) * FLIGHT_EARLY_RECORDS + i;

    return p->early + before * p->early_cap;
}

bool flight_keep_first(struct flight *f, const uint8_t *record, size_t len)
{
    if (f->len > 0 || f->first_len > 0 || len > sizeof f->bytes)
        return false;
    f->first_len = (uint16_t)len;
    bytes_copy(f->bytes, record, len);
    return true;
}

void flight_release(struct flight_pool *p, struct flight *f, uint64_t now_ms)
{
    forget_connection(p, f);
    f->is_committed = false;
    f->is_released = true;
    f->released_ms = now_ms;
    f->sent_ms = now_ms;
}

bool flight_take_replay(struct flight *f, uint64_t now_ms)
{
    uint64_t gap_ms = f->replays == 0 ? FLIGHT_RELEASE_GAP_MS : FLIGHT_REPLAY_GAP_MS;

    if (!f->is_released || flight_is_over(f, now_ms) || f->replays == FLIGHT_REPLAYS_MAX ||
        now_ms - f->sent_ms < gap_ms)
        return false;
    f->replays++;
    f->sent_ms = now_ms;
    return true;
}

bool flight_is_over(const struct flight *f, uint64_t now_ms)
{
    return f->is_released && now_ms - f->released_ms >= FLIGHT_CACHE_MS;
}
