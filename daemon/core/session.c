#include "session.h"

/* What is not written here leads nowhere: state NEW has the value 0, so each entry is one more than its
 * state. */
#define TO(state) ((state) + 1)

static const uint8_t transitions[SESSION_STATES][SESSION_EVENTS] = {
    [SESSION_NEW] = {[SESSION_OPEN] = TO(SESSION_HANDSHAKING), [SESSION_RESTORE] = TO(SESSION_ACTIVE)},
    [SESSION_HANDSHAKING] = {[SESSION_PREPARE] = TO(SESSION_KEYING), [SESSION_ABORT] = TO(SESSION_NEW)},
    [SESSION_KEYING] = {[SESSION_COMMIT] = TO(SESSION_ACTIVE), [SESSION_ABORT] = TO(SESSION_NEW)},
    [SESSION_ACTIVE] = {[SESSION_CLOSE] = TO(SESSION_CLOSING), [SESSION_NODE_CLOSED] = TO(SESSION_NEW)},
    [SESSION_CLOSING] = {[SESSION_EXPIRE] = TO(SESSION_NEW)},
};

enum session_state session_transition(enum session_state state, enum session_event event)
{
    uint8_t to = state < SESSION_STATES && event < SESSION_EVENTS ? transitions[state][event] : 0;

    return to == 0 ? SESSION_STATES : (enum session_state)(to - 1);
}

const char *session_state_name(enum session_state state)
{
    static const char *const names[SESSION_STATES] = {"NEW", "HANDSHAKING", "KEYING", "ACTIVE", "CLOSING"};

    return state < SESSION_STATES ? names[state] : "?";
}

enum status session_event(struct session *s, enum session_event event)
{
    enum session_state to = session_transition((enum session_state)s->state, event);

    if (to == SESSION_STATES)
        return SSM_REFUSED;
    s->state = (uint8_t)to;
    return SSM_OK;
}

uint64_t session_hash_of_peer(const struct session_table *t, const struct endpoint *local,
                              const struct endpoint *peer)
{
    const struct endpoint key[2] = {*local, *peer};

    return slot_hash(t->hash_seed, key, sizeof key);
}

uint64_t session_hash_of_handle(const struct session_table *t, uint32_t node, uint16_t handle)
{
    const uint32_t key[2] = {node, handle};

    return slot_hash(t->hash_seed, key, sizeof key);
}

void session_table_init(struct session_table *t, struct arena *a, uint32_t cap, uint64_t hash_seed)
{
    t->all = arena_take(a, cap, sizeof *t->all);
    slots_init(&t->slots, a, cap);
    slot_index_init(&t->by_peer, a, cap);
    slot_index_init(&t->by_handle, a, cap);
    t->hash_seed = hash_seed;
}

struct session *session_add(struct session_table *t, const struct endpoint *local,
                            const struct endpoint *peer)
{
    uint32_t number = slots_take(&t->slots);
    struct session *s;

    if (number == 0)
        return NULL;
    s = &t->all[number - 1];
    *s = (struct session){.peer = *peer, .local = *local};
    slot_index_add(&t->by_peer, session_hash_of_peer(t, local, peer), number);
    return s;
}

void session_set_handle(struct session_table *t, struct session *s, uint32_t node, uint16_t handle)
{
    SSM_ASSERT(s->handle == 0 && node != 0 && handle != 0);
    s->node = node;
    s->handle = handle;
    slot_index_add(&t->by_handle, session_hash_of_handle(t, node, handle), session_number(t, s));
}

void session_keep_tombstone(struct session *s, const uint8_t record[TOMBSTONE_LEN])
{
    bytes_copy(s->sealed, record + RECORD_SEALED_HEADER_LEN, sizeof s->sealed);
}

void session_put_tombstone(const struct session *s, uint8_t record[TOMBSTONE_LEN])
{
    const struct record r = tombstone_record(record + RECORD_SEALED_HEADER_LEN, sizeof s->sealed);

    bytes_copy(r.body, s->sealed, sizeof s->sealed);
    (void)record_put_header(&r);
}

void session_remove(struct session_table *t, struct session *s)
{
    uint32_t number = session_number(t, s);

    SSM_ASSERT(s->state == SESSION_NEW && s->flight == 0);
    slot_index_remove(&t->by_peer, session_hash_of_peer(t, &s->local, &s->peer), number);
    if (s->handle != 0)
        slot_index_remove(&t->by_handle, session_hash_of_handle(t, s->node, s->handle), number);
    bytes_wipe(s, sizeof *s);
    slots_give(&t->slots, number);
}

struct session_pair session_find_by_peer(const struct session_table *t, const struct endpoint *local,
                                         const struct endpoint *peer)
{
    struct session_pair found = {NULL, NULL};
    uint64_t hash = session_hash_of_peer(t, local, peer);
    uint32_t at = slot_index_first(&t->by_peer, hash);

    for (; at != 0; at = slot_index_next(&t->by_peer, at, hash)) {
        struct session *s = &t->all[at - 1];

        if (!endpoint_equal(&s->peer, peer) || !endpoint_equal(&s->local, local))
            continue;
        if (s->state == SESSION_ACTIVE || s->state == SESSION_CLOSING)
            found.settled = s;
        else if (s->state != SESSION_NEW)
            found.opening = s;
    }
    return found;
}

struct session *session_find_by_handle(const struct session_table *t, uint32_t node, uint16_t handle)
{
    uint64_t hash = session_hash_of_handle(t, node, handle);
    uint32_t at = slot_index_first(&t->by_handle, hash);

    for (; at != 0; at = slot_index_next(&t->by_handle, at, hash)) {
        struct session *s = &t->all[at - 1];

        if (s->node == node && s->handle == handle && s->state != SESSION_CLOSING)
            return s;
    }
    return NULL;
}

struct session *session_at(const struct session_table *t, uint32_t number)
{
    struct session *s = &t->all[number - 1];

    SSM_ASSERT(number > 0 && number <= t->slots.high);
    return s->state != SESSION_NEW ? s : NULL;
}

void session_prefetch(const struct session_table *t, uint32_t number)
{
    enum { CACHE_LINE = 64 };
    const uint8_t *s;

    if (number == 0)
        return;
    s = (const uint8_t *)&t->all[number - 1];
    __builtin_prefetch(s, 1);
    __builtin_prefetch(s + CACHE_LINE, 1); /* what is behind is the tombstone */
}

uint32_t session_number(const struct session_table *t, const struct session *s)
{
    return (uint32_t)(s - t->all) + 1;
}
