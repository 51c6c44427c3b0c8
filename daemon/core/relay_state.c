#include "relay_state.h"

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

void relay_store_changed(struct relay *r, enum status outcome)
{
    r->is_store_changed = true;
    if (outcome != SSM_OK)
        relay_log(r, "the database refused a change", 0, NULL);
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

enum relay_counter relay_to_node(struct relay *r, struct session *s, const struct record *record,
                                 uint64_t now_ms)
{
    const struct relay_node *node = relay_nodes_find(&r->nodes, s->node);
    const uint8_t *frame;
    size_t len;

    SSM_ASSERT(relay_is_for_node(record) && s->state == SESSION_ACTIVE);
    if (node == NULL || node->endpoint.port == 0)
        return RELAY_DROP_PEER_UNKNOWN;
    frame = linkframe_put_header(s->handle, record);
    len = (size_t)(record->body - frame) + record->body_len;
    if (len > r->config.link_mtu)
        return RELAY_DROP_PEER_TOO_LONG;
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
