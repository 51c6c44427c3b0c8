#include "relay_handover.h"

#include "relay_close.h"

enum { STORE_RETRY_MS = 5000 };

struct session *relay_handover_find(const struct relay *r, uint32_t connection)
{
    const struct flight *flight = connection != 0 ? flight_find_by_connection(&r->flights, connection) : NULL;

    return flight != NULL ? session_at(&r->sessions, flight->session) : NULL;
}

/* ---- opening ---- */

/* A cached flight that the node has not yet made needless gives way to a new hand-over, the oldest first. */
static struct flight *flight_take(struct relay *r, uint32_t connection, uint32_t session)
{
    struct flight *flight = flight_add(&r->flights, connection, session);
    struct flight *oldest;

    if (flight != NULL)
        return flight;
    oldest = flight_find_oldest_released(&r->flights);
    if (oldest == NULL)
        return NULL;
    relay_drop_flight(r, session_at(&r->sessions, oldest->session));
    return flight_add(&r->flights, connection, session);
}

static struct session *session_open(struct relay *r, const struct message *m, uint64_t now_ms)
{
    struct session *before = session_find_by_peer(&r->sessions, &m->local, &m->peer).opening;
    struct session *s;
    struct flight *flight;

    if (before != NULL)
        relay_abort(r, before, CLOSE_REPLACED);
    s = session_add(&r->sessions, &m->local, &m->peer);
    if (s == NULL)
        return NULL;
    flight = flight_take(r, m->connection, session_number(&r->sessions, s));
    if (flight == NULL) {
        session_remove(&r->sessions, s);
        return NULL;
    }
    s->flight = flight_number(&r->flights, flight);
    s->node = m->node;
    s->is_outbound = m->kind == DIRECTION_OUT;
    flight->ends_with_peer = m->kind != DIRECTION_IN;
    s->since_s = relay_seconds(now_ms);
    relay_session_event(s, SESSION_OPEN);
    r->counters[RELAY_OPENING]++;
    return s;
}

void relay_handover_datagram(struct relay *r, const struct message *m, uint64_t now_ms)
{
    struct session *s = relay_handover_find(r, m->connection);

    if (m->connection != 0 && s == NULL) {
        s = session_open(r, m, now_ms);
        if (s == NULL) {
            r->counters[RELAY_DROP_NO_ROOM]++;
            relay_log(r, "no room for another session: see max_sessions and max_handshakes", m->node,
                      &m->peer);
            relay_tell_keys(r, MSG_SESSION_ABORT, m->connection, m->node, 0, CLOSE_NO_ROOM);
            return;
        }
    }
    /* Once the hand-over has begun the gateway says nothing more in that session but the withheld flight. */
    if (s != NULL && s->state != SESSION_HANDSHAKING)
        return;
    r->io->to_peer(r->io->ctx, s != NULL ? &s->local : &m->local, s != NULL ? &s->peer : &m->peer,
                   m->data[0].at, m->data[0].len);
}

/* ---- key block ---- */

/* Ends the hand-over on both sides, whether or not the relay has a session for it. */
static void refuse(struct relay *r, struct session *s, const struct message *m, enum close_reason reason)
{
    if (s != NULL)
        relay_abort(r, s, reason);
    else
        relay_tell_keys(r, MSG_SESSION_ABORT, m->connection, m->node, m->handle, reason);
}

static enum close_reason why_not_prepare(const struct relay *r, const struct session *s,
                                         const struct message *m)
{
    if (s == NULL)
        return CLOSE_RESTART;
    if (relay_nodes_find(&r->nodes, m->node) == NULL)
        return CLOSE_NODE_SILENT;
    if (s->state != SESSION_HANDSHAKING || m->handle == 0 || m->data[0].len > r->config.link_mtu ||
        (m->data[2].len == 0) != relay_flight_of(r, s)->ends_with_peer ||
        session_find_by_handle(&r->sessions, m->node, m->handle) != NULL)
        return CLOSE_HANDSHAKE;
    return CLOSE_NONE;
}

void relay_handover_prepare(struct relay *r, const struct message *m, uint64_t now_ms)
{
    struct session *s = relay_handover_find(r, m->connection);
    enum close_reason reason = why_not_prepare(r, s, m);
    struct relay_node *node;
    struct flight *flight;

    if (reason != CLOSE_NONE) {
        refuse(r, s, m, reason);
        return;
    }
    SSM_ASSERT(m->data[1].len == TOMBSTONE_LEN && m->data[2].len <= MESSAGE_FLIGHT_MAX);
    relay_session_event(s, SESSION_PREPARE);
    session_set_handle(&r->sessions, s, m->node, m->handle);
    s->slot = m->slot;
    s->subscriber = m->subscriber;
    session_keep_tombstone(s, m->data[1].at);
    flight = relay_flight_of(r, s);
    flight->len = (uint16_t)m->data[2].len;
    bytes_copy(flight->bytes, m->data[2].at, m->data[2].len);
    node = relay_nodes_find(&r->nodes, m->node);
    relay_control_to_node(r, node, m->data[0]);
    relay_repeat(r, node, m->connection, m->data[0], now_ms);
}

/* ---- outcome ---- */

void relay_handover_commit(struct relay *r, const struct message *m, uint64_t wall_s)
{
    struct session *s = relay_handover_find(r, m->connection);
    struct relay_node *node = relay_nodes_find(&r->nodes, m->node);
    struct relay_session_row row;

    if (s == NULL || s->state != SESSION_KEYING || s->node != m->node || s->handle != m->handle) {
        refuse(r, s, m, s == NULL ? CLOSE_RESTART : CLOSE_HANDSHAKE);
        return;
    }
    if (node != NULL && node->repeat.connection == m->connection)
        relay_node_repeat_end(node);
    row = (struct relay_session_row){.node = s->node,
                                     .handle = s->handle,
                                     .slot = s->slot,
                                     .is_outbound = s->is_outbound,
                                     .subscriber = s->subscriber,
                                     .peer = s->peer,
                                     .local = s->local,
                                     .opened_s = wall_s};
    session_put_tombstone(s, row.tombstone);
    if (r->store->put_session(r->store->ctx, &row) != SSM_OK) {
        relay_abort(r, s, CLOSE_STORE);
        return;
    }
    r->is_store_changed = true;
    r->commits++;
    relay_flight_of(r, s)->is_committed = true;
}

void relay_handover_abort(struct relay *r, const struct message *m)
{
    struct session *s = relay_handover_find(r, m->connection);

    if (s != NULL)
        relay_abandon(r, s);
}

static void early_release(struct relay *r, struct session *s, struct flight *flight, uint64_t now_ms)
{
    for (unsigned i = 0; i < flight->early_count; i++) {
        struct record record;
        size_t used;
        enum status status =
            record_peek(flight_early(&r->flights, flight, i), flight->early_len[i], &record, &used);

        SSM_ASSERT(status == SSM_OK);
        r->counters[relay_to_node(r, s, &record, now_ms)]++;
    }
    flight->early_count = 0;
}

/* The row is durable: only now may the peer learn that its session is up. */
static void session_release(struct relay *r, struct session *s, struct flight *flight, uint64_t now_ms)
{
    struct session *before = session_find_by_peer(&r->sessions, &s->local, &s->peer).settled;
    uint32_t connection = flight->connection;

    if (before != NULL)
        relay_close_replaced(r, before);
    relay_session_event(s, SESSION_COMMIT);
    s->since_s = relay_seconds(now_ms);
    s->last_s = s->since_s;
    r->counters[RELAY_OPENING]--;
    r->counters[RELAY_SESSIONS]++;
    r->counters[RELAY_SESSIONS_OPENED]++;
    flight_release(&r->flights, flight, now_ms);
    if (flight->len > 0)
        r->io->to_peer(r->io->ctx, &s->local, &s->peer, flight->bytes, flight->len);
    else if (flight->first_len > 0)
        r->io->to_peer(r->io->ctx, &s->local, &s->peer, flight->bytes, flight->first_len);
    early_release(r, s, flight, now_ms);
    if (flight->len == 0) /* there is nothing to replay */
        relay_drop_flight(r, s);
    relay_tell_keys(r, MSG_SESSION_DURABLE, connection, s->node, s->handle, CLOSE_NONE);
}

/* The row of the session that a successor replaces goes in the transaction that brings the successor's. */
static void replaced_row_remove(struct relay *r, const struct session *s)
{
    const struct session *before = session_find_by_peer(&r->sessions, &s->local, &s->peer).settled;

    if (before != NULL && before->state == SESSION_ACTIVE)
        (void)r->store->replace_session(r->store->ctx, before->node, before->handle);
}

static void session_settle(struct relay *r, struct session *s, struct flight *flight, bool is_durable,
                           uint64_t now_ms)
{
    if (is_durable) {
        session_release(r, s, flight, now_ms);
        return;
    }
    relay_abort(r, s, CLOSE_STORE);
}

void relay_handover_flush(struct relay *r, uint64_t now_ms)
{
    uint32_t last = r->commits > 0 ? r->flights.slots.high : 0;
    bool is_durable;

    if (!r->is_store_changed || (r->commits == 0 && now_ms < r->store_retry_ms))
        return;
    for (uint32_t number = 1; number <= last; number++) {
        const struct flight *flight = flight_at(&r->flights, number);

        if (flight != NULL && flight->is_committed)
            replaced_row_remove(r, session_at(&r->sessions, flight->session));
    }
    is_durable = r->store->flush(r->store->ctx) == SSM_OK;
    r->is_store_changed = !is_durable;
    r->store_retry_ms = is_durable ? 0 : now_ms + STORE_RETRY_MS;
    r->commits = 0;
    for (uint32_t number = 1; number <= last; number++) {
        struct flight *flight = flight_at(&r->flights, number);

        if (flight != NULL && flight->is_committed)
            session_settle(r, session_at(&r->sessions, flight->session), flight, is_durable, now_ms);
    }
}

void relay_handover_restart(struct relay *r)
{
    for (uint32_t number = 1; number <= r->sessions.slots.high; number++) {
        struct session *s = session_at(&r->sessions, number);

        if (s != NULL && (s->state == SESSION_HANDSHAKING || s->state == SESSION_KEYING))
            relay_abort_orphan(r, s);
    }
}
