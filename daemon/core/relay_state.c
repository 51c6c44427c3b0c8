#include "relay_state.h"

enum {
    CONTROL_PER_S = 20,
    /* At once, besides an eighth of a second's worth: a dozen requests from each of several peers. */
    NODE_BURST = 64,
    BURST_FRACTION = 8,
};

/* Of a session whose records do not authenticate: one a second. */
static const struct budget_rate THROTTLED_RATE = {.interval_us = 1000000, .burst_us = 1000000};

void relay_budgets_init(struct relay *r)
{
    uint32_t per_s = r->config.node_records_per_s;
    uint32_t burst = NODE_BURST + per_s / BURST_FRACTION;

    r->control_rate = budget_rate_of(CONTROL_PER_S, CONTROL_PER_S);
    r->node_rate = budget_rate_of(per_s, burst);
    r->session_rate =
        (struct budget_rate){.interval_us = 2 * r->node_rate.interval_us, .burst_us = r->node_rate.burst_us};
}

void relay_session_event(struct session *s, enum session_event event)
{
    enum status status = session_event(s, event);

    SSM_ASSERT(status == SSM_OK);
}

struct flight *relay_flight_of(const struct relay *r, const struct session *s)
{
    return s->flight != 0 ? flight_at(&r->flights, s->flight) : NULL;
}

void relay_drop_flight(struct relay *r, struct session *s)
{
    struct flight *flight = relay_flight_of(r, s);

    if (flight == NULL)
        return;
    r->counters[RELAY_DROP_EARLY] += flight->early_count;
    flight_remove(&r->flights, flight);
    s->flight = 0;
}

void relay_free_session(struct relay *r, struct session *s)
{
    relay_drop_flight(r, s);
    session_remove(&r->sessions, s);
}

void relay_log(const struct relay *r, const char *event, uint32_t node, const struct endpoint *peer)
{
    r->io->log(r->io->ctx, event, node, peer);
}

void relay_tell_keys(const struct relay *r, enum message_type type, uint32_t connection, uint32_t node,
                     uint16_t handle, enum close_reason reason)
{
    const struct message m = {.type = (uint8_t)type,
                              .kind = (uint8_t)reason,
                              .connection = connection,
                              .node = node,
                              .handle = handle};

    r->io->to_keys(r->io->ctx, &m);
}

/* RFC 7925 17: "this specification REQUIRES the TLS renegotiation feature to be disabled": no handshake
 * record of a session. */
bool relay_is_for_node(const struct record *record)
{
    return record_epoch(record) == 1 && record_version(record) == RECORD_VERSION_DTLS12 &&
           (record->type == RECORD_APPLICATION_DATA || record->type == RECORD_ALERT);
}

/* Whoever forges a peer's address uses up the session's budget before the node's. */
static bool budgets_take(const struct relay *r, struct relay_node *node, struct session *s, uint64_t now_ms)
{
    const struct budget_rate *rate = s->is_throttled ? &THROTTLED_RATE : &r->session_rate;

    return budget_take(&s->budget, rate, now_ms) && budget_take(&node->records, &r->node_rate, now_ms);
}

enum relay_counter relay_to_node(struct relay *r, struct session *s, const struct record *record,
                                 uint64_t now_ms)
{
    struct relay_node *node = relay_nodes_find(&r->nodes, s->node);
    const uint8_t *frame;
    size_t len;

    SSM_ASSERT(relay_is_for_node(record) && s->state == SESSION_ACTIVE);
    if (node == NULL || node->endpoint.port == 0)
        return RELAY_DROP_PEER_UNKNOWN;
    frame = linkframe_put_header(s->handle, record);
    len = (size_t)(record->body - frame) + record->body_len;
    if (len > r->config.link_mtu)
        return RELAY_DROP_PEER_TOO_LONG;
    if (!budgets_take(r, node, s, now_ms))
        return RELAY_DROP_PEER_BUDGET;
    if (node->unanswered_ms == 0)
        node->unanswered_ms = now_ms;
    s->to_node++;
    s->last_s = relay_seconds(now_ms);
    s->is_used = true;
    r->io->to_node(r->io->ctx, &node->endpoint, frame, len);
    return RELAY_TO_NODE;
}

void relay_control_to_node(const struct relay *r, const struct relay_node *node, struct span datagram)
{
    SSM_ASSERT(datagram.len <= r->config.link_mtu);
    if (node->endpoint.port != 0)
        r->io->to_node(r->io->ctx, &node->endpoint, datagram.at, datagram.len);
}

void relay_repeat(struct relay *r, struct relay_node *node, uint32_t connection, struct span datagram,
                  uint64_t now_ms)
{
    relay_node_repeat(node, connection, datagram, r->config.link_retry_ms, now_ms);
    if (node->repeat.due_ms < r->repeat_due_ms)
        r->repeat_due_ms = node->repeat.due_ms;
}
