#include "relay_link.h"

#include "relay_close.h"

/* ---- from the node ---- */

static enum relay_counter control_to_keys(struct relay *r, struct relay_node *node,
                                          const struct endpoint *from, const uint8_t *datagram, size_t len,
                                          uint64_t now_ms)
{
    struct message m = {.type = MSG_NODE_CTRL_IN, .peer = *from, .data = {{.at = datagram, .len = len}}};

    if (len > MESSAGE_CONTROL_MAX)
        return RELAY_DROP_NODE_MALFORMED;
    if (node == NULL && link_kind_of(datagram, len) != LINK_ASSOCIATION)
        return RELAY_DROP_NODE_UNKNOWN;
    if (!rate_limit_take(node != NULL ? &node->control : &r->strangers, now_ms))
        return RELAY_DROP_NODE_FLOOD;
    if (node != NULL)
        m.node = node->id;
    r->io->to_keys(r->io->ctx, &m);
    return RELAY_CONTROL_IN;
}

static enum relay_counter record_to_peer(struct relay *r, struct relay_node *node, uint8_t *datagram,
                                         size_t len, uint64_t now_ms)
{
    struct record record;
    uint16_t handle;
    struct session *s;
    const uint8_t *start;
    enum status status;

    if (node == NULL)
        return RELAY_DROP_NODE_UNKNOWN;
    if (linkframe_decode(datagram, len, &handle, &record) != SSM_OK)
        return RELAY_DROP_NODE_MALFORMED;
    s = session_find_by_handle(&r->sessions, node->id, handle);
    if (s == NULL || s->state != SESSION_ACTIVE)
        return RELAY_DROP_NODE_UNKNOWN;
    status = relay_node_check_tag(node, handle, &record);
    if (status != SSM_OK)
        return status == SSM_BAD_TAG ? RELAY_DROP_NODE_FORGED : RELAY_DROP_NODE_MALFORMED;
    if (!replay_accept(&s->tags, &record.seq))
        return RELAY_DROP_NODE_REPLAYED;
    /* The node talks to this peer: it has the client's Finished behind it, and the flight is not needed
     * again. */
    relay_drop_flight(r, s);
    s->from_node++;
    s->last_s = relay_seconds(now_ms);
    s->is_used = true;
    start = record_put_header(&record);
    r->io->to_peer(r->io->ctx, &s->local, &s->peer, start, (size_t)(record.body - start) + record.body_len);
    return RELAY_FROM_NODE;
}

enum relay_counter relay_link_on_datagram(struct relay *r, const struct endpoint *from, uint8_t *datagram,
                                          size_t len, uint64_t now_ms)
{
    struct relay_node *node = relay_nodes_find_endpoint(&r->nodes, from);

    switch (link_kind_of(datagram, len)) {
    case LINK_RECORD:
        return record_to_peer(r, node, datagram, len, now_ms);
    case LINK_ASSOCIATION:
    case LINK_CONTROL:
        return control_to_keys(r, node, from, datagram, len, now_ms);
    default:
        return RELAY_DROP_NODE_MALFORMED;
    }
}

/* ---- from `keys` ---- */

static void node_store(struct relay *r, const struct relay_node *node)
{
    struct relay_node_row row = {
        .node = node->id, .endpoint = node->endpoint, .generation = node->generation};

    bytes_copy(row.tag_key, node->tag_key, sizeof row.tag_key);
    relay_store_changed(r, r->store->put_node(r->store->ctx, &row));
    bytes_wipe(&row, sizeof row);
}

void relay_link_keys(struct relay *r, const struct message *m)
{
    struct relay_node *node = relay_nodes_find(&r->nodes, m->node);
    struct relay_node *other = relay_nodes_find_endpoint(&r->nodes, &m->peer);

    if (m->node == 0)
        return;
    if (node == NULL)
        node = relay_nodes_add(&r->nodes, m->node);
    if (node == NULL) {
        r->counters[RELAY_DROP_NO_ROOM]++;
        relay_log(r, "no room for another node: see max_nodes", m->node, &m->peer);
        return;
    }
    if (other != NULL && other != node) {
        relay_node_move(&r->nodes, other, &(struct endpoint){.port = 0});
        node_store(r, other);
    }
    relay_node_move(&r->nodes, node, &m->peer);
    relay_node_set_key(node, m->value, m->data[0].at);
    node_store(r, node);
}

void relay_link_send(struct relay *r, const struct message *m, uint64_t now_ms)
{
    struct relay_node *node = relay_nodes_find(&r->nodes, m->node);

    if (m->data[0].len > r->config.link_mtu) {
        relay_log(r, "a control message does not fit one frame: see link_mtu", m->node, &m->peer);
        return;
    }
    if (m->peer.port != 0)
        r->io->to_node(r->io->ctx, &m->peer, m->data[0].at, m->data[0].len);
    else if (node != NULL)
        relay_control_to_node(r, node, m->data[0]);
    if (node != NULL && m->kind == REPEAT_UNTIL_DONE)
        relay_repeat(r, node, 0, m->data[0], now_ms);
}

void relay_link_done(struct relay *r, const struct message *m)
{
    struct relay_node *node = relay_nodes_find(&r->nodes, m->node);

    if (node != NULL)
        relay_node_repeat_end(node);
}

void relay_link_gone(struct relay *r, const struct message *m, uint64_t now_ms)
{
    struct relay_node *node = relay_nodes_find(&r->nodes, m->node);
    const struct message all = {.node = m->node};

    if (m->node == 0)
        return;
    relay_close_matching(r, &all, CLOSE_REVOKED, now_ms);
    if (node != NULL)
        relay_nodes_remove(&r->nodes, node);
    relay_store_changed(r, r->store->remove_node(r->store->ctx, m->node));
}

/* ---- repeating ---- */

static void repeat_once(struct relay *r, struct relay_node *node, uint64_t now_ms)
{
    struct relay_repeat *repeat = &node->repeat;

    relay_control_to_node(r, node, (struct span){.at = repeat->datagram, .len = repeat->len});
    repeat->interval_ms *= 2;
    if (repeat->interval_ms > RELAY_REPEAT_MAX_MS)
        repeat->interval_ms = RELAY_REPEAT_MAX_MS;
    repeat->due_ms = now_ms + repeat->interval_ms;
}

uint64_t relay_link_repeat(struct relay *r, uint64_t now_ms)
{
    if (now_ms < r->repeat_due_ms)
        return r->repeat_due_ms;
    r->repeat_due_ms = UINT64_MAX;
    for (uint32_t number = 1; number <= r->nodes.slots.high; number++) {
        struct relay_node *node = relay_nodes_at(&r->nodes, number);

        if (node == NULL || node->repeat.len == 0)
            continue;
        if (node->repeat.due_ms <= now_ms)
            repeat_once(r, node, now_ms);
        if (node->repeat.due_ms < r->repeat_due_ms)
            r->repeat_due_ms = node->repeat.due_ms;
    }
    return r->repeat_due_ms;
}
