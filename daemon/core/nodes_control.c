#include "nodes_control.h"

enum {
    LIVE_LIST_PATIENCE_MS = 60000,
    SESSION_NUMBER_LEN = 2,
    CLOSED_REPORT_LEN = 3,
    ALL_SLOTS = (1 << KEYBLOCK_SLOTS) - 1,
};

/* ---- towards the node ---- */

void nodes_control_send(const struct nodes *nodes, const struct node *node, const struct endpoint *peer,
                        enum message_repeat repeat, const uint8_t *datagram, size_t len)
{
    struct message m = {.type = MSG_NODE_CTRL_OUT, .node = node->row.id, .kind = (uint8_t)repeat};

    if (peer != NULL)
        m.peer = *peer;
    m.data[0] = (struct span){.at = datagram, .len = len};
    delegation_env_send(nodes->env, &m);
}

/* Seals the message of body_len bytes that stands behind the frame's header. */
static enum status frame_seal(struct node *node, uint8_t *frame, size_t body_len)
{
    enum status status = assoc_seal(&node->assoc, ASSOC_DOWN, frame, body_len);

    if (status != SSM_OK) {
        assoc_wipe(&node->assoc);
        node->is_associated = false;
        node->rejoin_ms = 0;
    }
    return status;
}

enum status nodes_control_seal(struct node *node, uint8_t resource, const void *payload, size_t payload_len,
                               uint8_t *frame, size_t *frame_len)
{
    size_t body_len = control_encode_request(resource, ++node->message_id, payload, payload_len,
                                             frame + CONTROL_HEADER_LEN);

    *frame_len = body_len + CONTROL_OVERHEAD;
    return frame_seal(node, frame, body_len);
}

static void ack_send(const struct nodes *nodes, struct node *node, uint16_t message_id)
{
    uint8_t frame[NODE_CONTROL_FRAME_MAX];
    size_t body_len = control_encode_ack(message_id, COAP_CHANGED, frame + CONTROL_HEADER_LEN);

    if (frame_seal(node, frame, body_len) == SSM_OK)
        nodes_control_send(nodes, node, NULL, REPEAT_NO, frame, body_len + CONTROL_OVERHEAD);
}

/* ---- the live list ---- */

bool nodes_live_list_is_due(const struct nodes *nodes, const struct node *node)
{
    bool is_stale = node->is_live_due;

    for (uint8_t i = 0; i < nodes->env->config.node_slots; i++)
        is_stale = is_stale || node->slots[i].is_stale;
    return is_stale && !node->is_live_unheard;
}

void nodes_live_list_send(struct nodes *nodes, struct node *node, uint64_t now_ms)
{
    uint8_t frame[NODE_CONTROL_FRAME_MAX];
    uint8_t list[CONTROL_LIVE_MAX * SESSION_NUMBER_LEN];
    struct writer w = writer_over(list, sizeof list);
    size_t len;

    for (uint8_t i = 0; i < KEYBLOCK_SLOTS; i++)
        if (node->slots[i].handle != 0)
            writer_u16(&w, node->slots[i].handle);
    if (nodes_control_seal(node, CONTROL_LIVE, list, w.len, frame, &len) != SSM_OK)
        return;
    nodes_exchange_begin(node, NODE_EXCHANGE_LIVE, 0, ALL_SLOTS);
    node->exchange.deadline_ms = now_ms + LIVE_LIST_PATIENCE_MS;
    node->is_live_due = false;
    nodes_control_send(nodes, node, NULL, REPEAT_UNTIL_DONE, frame, len);
}

void nodes_live_list_stop(struct nodes *nodes, struct node *node, bool settled)
{
    struct message done = {.type = MSG_NODE_CTRL_DONE, .node = node->row.id};

    if (node->exchange.kind != NODE_EXCHANGE_LIVE)
        return;
    delegation_env_send(nodes->env, &done);
    nodes_exchange_end(nodes, node, settled);
}

uint64_t nodes_live_list_tick(struct nodes *nodes, struct node *node, uint64_t now_ms)
{
    if (node->exchange.kind != NODE_EXCHANGE_LIVE)
        return UINT64_MAX;
    if (now_ms < node->exchange.deadline_ms)
        return node->exchange.deadline_ms;
    node->is_live_unheard = true;
    nodes_live_list_stop(nodes, node, false);
    return UINT64_MAX;
}

/* ---- from the node ---- */

static uint8_t close_reason_of(uint8_t reported)
{
    switch (reported) {
    case CONTROL_CLOSED_BY_PEER:
        return CLOSE_PEER;
    case CONTROL_CLOSED_UNUSED:
        return CLOSE_UNUSED;
    case CONTROL_CLOSED_EXPIRED:
        return CLOSE_EXPIRED;
    default:
        return CLOSE_NONE;
    }
}

/* A report is acknowledged each time it arrives, because the node repeats it until it has heard so. */
static enum status on_closed(struct nodes *nodes, struct node *node, const struct control_message *m)
{
    struct reader r = reader_over(m->payload, m->payload_len);
    struct message close = {.type = MSG_SESSION_CLOSE, .node = node->row.id};

    close.handle = reader_u16(&r);
    close.kind = close_reason_of(reader_u8(&r));
    if (r.status != SSM_OK || r.left != 0 || close.handle == 0 || close.kind == CLOSE_NONE)
        return SSM_MALFORMED;
    nodes_free_slot(nodes, node, close.handle, true);
    delegation_env_send(nodes->env, &close);
    ack_send(nodes, node, m->message_id);
    return SSM_OK;
}

static enum status on_message(struct nodes *nodes, struct node *node, const struct control_message *m,
                              bool is_new, bool *is_keyblock_answered)
{
    const struct node_exchange *exchange = &node->exchange;

    if (!m->is_ack)
        return m->resource == CONTROL_CLOSED ? on_closed(nodes, node, m) : SSM_UNSUPPORTED;
    if (!is_new)
        return SSM_REPLAYED;
    if (m->message_id != exchange->message_id)
        return SSM_OK; /* a repeated datagram is acknowledged more than once */
    if (exchange->kind == NODE_EXCHANGE_LIVE)
        nodes_live_list_stop(nodes, node, true);
    else if (exchange->kind == NODE_EXCHANGE_KEYBLOCK)
        *is_keyblock_answered = true;
    return SSM_OK;
}

bool nodes_control_input(struct nodes *nodes, struct node *node, struct span datagram, uint64_t now_ms,
                         uint8_t *code)
{
    uint8_t frame[NODE_CONTROL_FRAME_MAX];
    struct control control;
    struct control_message m;
    bool is_keyblock_answered = false;
    enum status status = SSM_MALFORMED;

    if (datagram.len <= sizeof frame) {
        bytes_copy(frame, datagram.at, datagram.len);
        status = assoc_open(&node->assoc, ASSOC_UP, frame, datagram.len, &control);
    }
    if (status == SSM_OK || status == SSM_REPLAYED) {
        bool is_new = status == SSM_OK;
        node->heard_ms = now_ms;
        nodes->is_work_due = nodes->is_work_due || node->is_live_unheard;
        node->is_live_unheard = false;
        status = control_decode(control.body, control.body_len, &m);
        if (status == SSM_OK)
            status = on_message(nodes, node, &m, is_new, &is_keyblock_answered);
        *code = m.code;
    }
    if (status != SSM_OK)
        delegation_env_count(nodes->env, DELEGATOR_DROP_CONTROL);
    return is_keyblock_answered;
}
