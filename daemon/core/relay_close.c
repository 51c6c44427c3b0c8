#include "relay_close.h"

enum {
    TOMBSTONE_LIFE_S = 60,
    /* Times are kept in whole seconds: at least one full second lies between two tombstones. */
    TOMBSTONE_GAP_S = 2,
    SWEEP_SESSIONS = 1024, /* looked at in one call */
    SWEEP_STEP_MS = 50,    /* between two calls of one sweep */
    SWEEP_PERIOD_MS = 1000,
    ALERT_FATAL = 2, /* RFC 5246 7.2 */
    ALERT_INTERNAL_ERROR = 80,
};

/* Of an alert that `relay` makes up: beyond any number of the handshake, whose count only `keys` knew. */
static const struct seq48 ORPHAN_ALERT_SEQ = {{0, 1}};

static void tombstone_put(struct relay *r, const struct session *s)
{
    uint8_t record[TOMBSTONE_LEN];

    session_put_tombstone(s, record);
    r->counters[RELAY_TOMBSTONES_SENT]++;
    r->io->to_peer(r->io->ctx, &s->local, &s->peer, record, sizeof record);
}

static void tombstone_send(struct relay *r, struct session *s, uint64_t now_ms)
{
    s->last_s = relay_seconds(now_ms);
    tombstone_put(r, s);
}

static void count_closed(struct relay *r)
{
    r->counters[RELAY_SESSIONS]--;
    r->counters[RELAY_SESSIONS_CLOSED]++;
}

void relay_close(struct relay *r, struct session *s, enum close_reason reason, uint64_t now_ms)
{
    SSM_ASSERT(s->state == SESSION_ACTIVE);
    (void)r->store->remove_session(r->store->ctx, s->node, s->handle);
    r->is_store_changed = true;
    count_closed(r);
    relay_tell_keys(r, MSG_SESSION_CLOSED, 0, s->node, s->handle, reason);
    if (reason == CLOSE_PEER) {
        relay_session_event(s, SESSION_NODE_CLOSED);
        relay_free_session(r, s);
        return;
    }
    relay_drop_flight(r, s);
    relay_session_event(s, SESSION_CLOSE);
    s->since_s = relay_seconds(now_ms);
    tombstone_send(r, s, now_ms);
}

void relay_close_replaced(struct relay *r, struct session *s)
{
    if (s->state == SESSION_ACTIVE) {
        count_closed(r);
        relay_tell_keys(r, MSG_SESSION_CLOSED, 0, s->node, s->handle, CLOSE_REPLACED);
        relay_session_event(s, SESSION_NODE_CLOSED);
    } else {
        relay_session_event(s, SESSION_EXPIRE);
    }
    relay_free_session(r, s);
}

void relay_abandon(struct relay *r, struct session *s)
{
    struct relay_node *node = relay_nodes_find(&r->nodes, s->node);
    const struct flight *flight = relay_flight_of(r, s);

    if (node != NULL && node->repeat.connection == flight->connection)
        relay_node_repeat_end(node);
    /* A peer from which no flight is withheld has believed in its session since its Finished. */
    if (flight->len == 0 && s->state == SESSION_KEYING)
        tombstone_put(r, s);
    if (flight->is_committed) {
        (void)r->store->remove_session(r->store->ctx, s->node, s->handle);
        r->is_store_changed = true;
    }
    relay_session_event(s, SESSION_ABORT);
    r->counters[RELAY_OPENING]--;
    relay_free_session(r, s);
}

void relay_abort(struct relay *r, struct session *s, enum close_reason reason)
{
    uint32_t connection = relay_flight_of(r, s)->connection;

    relay_tell_keys(r, MSG_SESSION_ABORT, connection, s->node, s->handle, reason);
    relay_abandon(r, s);
}

void relay_abort_orphan(struct relay *r, struct session *s)
{
    uint8_t datagram[RECORD_HEADER_LEN + 2];
    struct record alert = {.type = RECORD_ALERT,
                           .version = RECORD_VERSION_DTLS12_BYTES,
                           .seq = ORPHAN_ALERT_SEQ,
                           .body = datagram + RECORD_HEADER_LEN,
                           .body_len = 2};

    alert.body[0] = ALERT_FATAL;
    alert.body[1] = ALERT_INTERNAL_ERROR;
    r->io->to_peer(r->io->ctx, &s->local, &s->peer, record_put_header(&alert), sizeof datagram);
    relay_abandon(r, s);
}

bool relay_tombstone_answer(struct relay *r, struct session *s, uint64_t now_ms)
{
    uint32_t now_s = relay_seconds(now_ms);

    if (now_s - s->since_s >= TOMBSTONE_LIFE_S) {
        relay_session_event(s, SESSION_EXPIRE);
        relay_free_session(r, s);
        return false;
    }
    if (now_s - s->last_s >= TOMBSTONE_GAP_S)
        tombstone_send(r, s, now_ms);
    return true;
}

/* ---- many at once ---- */

static void close_or_abort(struct relay *r, struct session *s, enum close_reason reason, uint64_t now_ms)
{
    if (s->state == SESSION_ACTIVE)
        relay_close(r, s, reason, now_ms);
    else if (s->state == SESSION_KEYING)
        relay_abort(r, s, reason);
}

void relay_close_matching(struct relay *r, const struct message *m, enum close_reason reason, uint64_t now_ms)
{
    bool is_found = false;

    for (uint32_t number = 1; number <= r->sessions.slots.high; number++) {
        struct session *s = session_at(&r->sessions, number);

        if (s == NULL || s->state == SESSION_CLOSING || s->node != m->node ||
            (m->handle != 0 && s->handle != m->handle) ||
            (m->subscriber != 0 &&
             (s->subscriber != m->subscriber || s->is_outbound != (m->slot == DIRECTION_OUT))))
            continue;
        close_or_abort(r, s, reason, now_ms);
        is_found = true;
    }
    /* `keys` waits for the report of a session that it knows by number. */
    if (!is_found && m->handle != 0)
        relay_tell_keys(r, MSG_SESSION_CLOSED, 0, m->node, m->handle, reason);
}

void relay_evict(struct relay *r, uint32_t node, uint64_t now_ms)
{
    uint32_t now_s = relay_seconds(now_ms);
    struct session *idlest = NULL;

    for (uint32_t number = 1; number <= r->sessions.slots.high; number++) {
        struct session *s = session_at(&r->sessions, number);

        if (s == NULL || s->state != SESSION_ACTIVE || s->node != node ||
            now_s - s->last_s < r->config.evict_idle_s)
            continue;
        if (idlest == NULL || now_s - s->last_s > now_s - idlest->last_s)
            idlest = s;
    }
    if (idlest != NULL)
        relay_close(r, idlest, CLOSE_EVICTED, now_ms);
    else
        relay_tell_keys(r, MSG_SESSION_CLOSED, 0, node, 0, CLOSE_NONE);
}

/* ---- time-outs ---- */

/* `keys` has time-outs of its own, and must have lost sight of it. */
static void opening_time_out(struct relay *r, struct session *s)
{
    relay_tell_keys(r, MSG_SESSION_ABORT, relay_flight_of(r, s)->connection, s->node, s->handle,
                    CLOSE_HANDSHAKE);
    relay_abort_orphan(r, s);
}

static void session_sweep(struct relay *r, struct session *s, uint64_t now_ms)
{
    uint32_t now_s = relay_seconds(now_ms);
    const struct flight *flight = relay_flight_of(r, s);

    if (flight != NULL && flight_is_over(flight, now_ms))
        relay_drop_flight(r, s);
    if (s->state == SESSION_HANDSHAKING || s->state == SESSION_KEYING) {
        if (now_s - s->since_s >= r->config.opening_timeout_s)
            opening_time_out(r, s);
    } else if (s->state == SESSION_CLOSING && now_s - s->since_s >= TOMBSTONE_LIFE_S) {
        relay_session_event(s, SESSION_EXPIRE);
        relay_free_session(r, s);
    } else if (s->state == SESSION_ACTIVE && !s->is_used &&
               now_s - s->since_s >= r->config.unused_timeout_s) {
        relay_close(r, s, CLOSE_UNUSED, now_ms);
    } else if (s->state == SESSION_ACTIVE && now_s - s->last_s >= r->config.idle_timeout_s) {
        relay_close(r, s, CLOSE_IDLE, now_ms);
    }
}

uint64_t relay_sweep(struct relay *r, uint64_t now_ms)
{
    if (now_ms < r->sweep_due_ms)
        return r->sweep_due_ms;
    if (r->sweep_next == 0) {
        r->sweep_next = 1;
        r->sweep_begun_ms = now_ms;
    }
    for (uint32_t looked_at = 0; looked_at < SWEEP_SESSIONS && r->sweep_next <= r->sessions.slots.high;
         looked_at++) {
        struct session *s = session_at(&r->sessions, r->sweep_next++);

        if (s != NULL)
            session_sweep(r, s, now_ms);
    }
    if (r->sweep_next > r->sessions.slots.high) {
        r->sweep_next = 0;
        r->sweep_due_ms = r->sweep_begun_ms + SWEEP_PERIOD_MS;
    }
    if (r->sweep_next != 0 || r->sweep_due_ms <= now_ms)
        r->sweep_due_ms = now_ms + SWEEP_STEP_MS;
    return r->sweep_due_ms;
}
