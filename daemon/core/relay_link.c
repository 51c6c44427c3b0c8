#include "relay_link.h"

#include "relay_close.h"

enum {
    HEARD_GAP_MS = 10000, /* between two reports that a node was heard */
    QUIET_MS = 30000,     /* a node that answers no record for so long is asked whether it is there */
    QUIET_LOOK_MS = 1000,
};

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
    if (!budget_take(node != NULL ? &node->control : &r->strangers, &r->control_rate, now_ms))
        return RELAY_DROP_NODE_FLOOD;
    if (node != NULL)
        m.node = node->id;
    r->io->to_keys(r->io->ctx, &m);
    return RELAY_CONTROL_IN;
}

static void node_heard(const struct relay *r, struct relay_node *node, uint64_t now_ms)
{
    node->unanswered_ms = 0;
    if (node->told_ms != 0 && now_ms - node->told_ms < HEARD_GAP_MS)
        return;
    node->told_ms = now_ms;
    relay_tell_keys(r, MSG_NODE_HEARD, 0, node->id, 0, CLOSE_NONE);
}

/* A client speaks as soon as it has its keys. Its first record waits for the row; later ones are
 * lost, and CoAP repeats what it confirms. */
static enum relay_counter pass_on(struct relay *r, struct session *s, const uint8_t *record, size_t len)
{
    if (s->state == SESSION_KEYING)
        return flight_keep_first(relay_flight_of(r, s), record, len) ? RELAY_FROM_NODE
                                                                     : RELAY_DROP_NODE_UNKNOWN;
    /* The node talks to this peer: it has the client's Finished behind it, and the flight is not needed
     * again. */
    relay_drop_flight(r, s);
    r->io->to_peer(r->io->ctx, &s->local, &s->peer, record, len);
    return RELAY_FROM_NODE;
}

static enum relay_counter record_to_peer(struct relay *r, struct relay_node *node, uint8_t *datagram,
                                         size_t len, uint64_t now_ms)
{
    struct record record;
    uint16_t handle;
    struct session *s;
    const uint8_t *start;
    enum relay_counter counter;
    enum status status;

    if (node == NULL)
        return RELAY_DROP_NODE_UNKNOWN;
    if (linkframe_decode(datagram, len, &handle, &record) != SSM_OK)
        return RELAY_DROP_NODE_MALFORMED;
    s = session_find_by_handle(&r->sessions, node->id, handle);
    if (s == NULL || (s->state != SESSION_ACTIVE && s->state != SESSION_KEYING))
        return RELAY_DROP_NODE_UNKNOWN;
    status = relay_node_check_tag(node, handle, &record);
    if (status != SSM_OK)
        return status == SSM_BAD_TAG ? RELAY_DROP_NODE_FORGED : RELAY_DROP_NODE_MALFORMED;
    if (!replay_accept(&s->tags, &record.seq))
        return RELAY_DROP_NODE_REPLAYED;
    node_heard(r, node, now_ms);
    start = record_put_header(&record);
    counter = pass_on(r, s, start, (size_t)(record.body - start) + record.body_len);
    if (counter == RELAY_FROM_NODE) {
        s->from_node++;
        s->last_s = relay_seconds(now_ms);
        s->is_used = true;
    }
    return counter;
}

/* Whoever speaks like a node and is unknown may be one: the database was lost, or its address has changed.
 * The answer is no longer than what it answers, and asks for no more than any REJOIN does. */
static void ask_to_join(struct relay *r, const struct endpoint *from, uint64_t now_ms)
{
    static const uint8_t REJOIN[] = {LINK_ASSOCIATION << 5 | ASSOC_REJOIN};

    if (budget_take(&r->rejoins, &r->control_rate, now_ms))
        r->io->to_node(r->io->ctx, from, REJOIN, sizeof REJOIN);
}

enum relay_counter relay_link_on_datagram(struct relay *r, const struct endpoint *from, uint8_t *datagram,
                                          size_t len, uint64_t now_ms)
{
    struct relay_node *node = relay_nodes_find_endpoint(&r->nodes, from);
    uint8_t kind = link_kind_of(datagram, len);

    if (node == NULL && (kind == LINK_RECORD || kind == LINK_CONTROL))
        ask_to_join(r, from, now_ms);
    switch (kind) {
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

    bytes_copy(row.tag_key, node->tag_keys[0], sizeof row.tag_key);
    row.tag_keys_before_count = node->tag_key_count > 0 ? node->tag_key_count - 1 : 0;
    bytes_copy(row.tag_keys_before[0], node->tag_keys[1], sizeof row.tag_keys_before);
    (void)r->store->put_node(r->store->ctx, &row);
    r->is_store_changed = true;
    bytes_wipe(&row, sizeof row);
}

/*
 * Keys of an association before the boot id are of an earlier life, and the node has lost the sessions of
 * that life. They end in the transaction that stores the new keys: however often a process ends in between,
 * no row outlives its keys.
 */
static void earlier_lives_end(struct relay *r, const struct relay_node *node, uint32_t boot_id,
                              uint64_t now_ms)
{
    const struct message all = {.node = node->id};

    if (node->generation <= boot_id)
        relay_close_matching(r, &all, CLOSE_NODE_REBOOT, now_ms);
}

void relay_link_keys(struct relay *r, const struct message *m, uint64_t now_ms)
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
    earlier_lives_end(r, node, m->request, now_ms);
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
    (void)r->store->remove_node(r->store->ctx, m->node);
    r->is_store_changed = true;
}

void relay_link_throttle(struct relay *r, const struct message *m)
{
    struct session *s = session_find_by_handle(&r->sessions, m->node, m->handle);

    if (s == NULL || s->state != SESSION_ACTIVE || s->is_throttled)
        return;
    s->is_throttled = true;
    r->counters[RELAY_SESSIONS_THROTTLED]++;
    relay_log(r, "a session gets one record a second from now on: its records do not authenticate", s->node,
              &s->peer);
}

/* ---- nodes that do not answer ---- */

uint64_t relay_link_quiet(struct relay *r, uint64_t now_ms)
{
    if (now_ms < r->quiet_due_ms)
        return r->quiet_due_ms;
    r->quiet_due_ms = now_ms + QUIET_LOOK_MS;
    for (uint32_t number = 1; number <= r->nodes.slots.high; number++) {
        struct relay_node *node = relay_nodes_at(&r->nodes, number);

        if (node == NULL || node->unanswered_ms == 0 || now_ms - node->unanswered_ms < QUIET_MS)
            continue;
        node->unanswered_ms = 0;
        node->told_ms = 0;
        relay_tell_keys(r, MSG_NODE_QUIET, 0, node->id, 0, CLOSE_NONE);
    }
    return r->quiet_due_ms;
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
