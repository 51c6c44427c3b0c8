#include "nodes_control.h"

enum {
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

/* Its numbers are used up. */
static void association_end(struct node *node)
{
    assoc_wipe(&node->assoc);
    node->is_associated = false;
    node->rejoin_ms = 0;
}

/* Seals the message of body_len bytes that stands behind the frame's header. */
static enum status frame_seal(struct node *node, uint8_t *frame, size_t body_len)
{
    enum status status = assoc_seal(&node->assoc, ASSOC_DOWN, frame, body_len);

    if (status != SSM_OK)
        association_end(node);
    return status;
}

enum status nodes_control_seal(struct node *node, uint8_t resource, const void *payload, size_t payload_len,
                               uint8_t *frame, size_t *frame_len)
{
    if (node->message_id == UINT16_MAX) {
        association_end(node);
        return SSM_EXHAUSTED;
    }
    size_t body_len = control_encode_request(resource, ++node->message_id, payload, payload_len,
                                             frame + CONTROL_HEADER_LEN);

    *frame_len = body_len + CONTROL_OVERHEAD;
    return frame_seal(node, frame, body_len);
}

void nodes_control_ack(const struct nodes *nodes, struct node *node, uint16_t message_id, uint8_t code)
{
    uint8_t frame[NODE_CONTROL_FRAME_MAX];
    size_t body_len = control_encode_ack(message_id, code, frame + CONTROL_HEADER_LEN);

    if (frame_seal(node, frame, body_len) == SSM_OK)
        nodes_control_send(nodes, node, NULL, REPEAT_NO, frame, body_len + CONTROL_OVERHEAD);
}

/* ---- questions ---- */

static uint64_t answer_due(const struct nodes *nodes, uint64_t now_ms)
{
    return now_ms + (uint64_t)nodes->env->config.node_silent_s * 1000;
}

static bool is_question(enum node_exchange_kind kind)
{
    return kind == NODE_EXCHANGE_LIVE || kind == NODE_EXCHANGE_RESULT;
}

void nodes_question_begin(struct nodes *nodes, struct node *node, enum node_exchange_kind kind,
                          struct span sealed, uint64_t now_ms)
{
    nodes_exchange_begin(node, kind, 0, kind == NODE_EXCHANGE_LIVE ? ALL_SLOTS : 0);
    node->answer_due_ms = answer_due(nodes, now_ms);
    nodes_control_send(nodes, node, NULL, REPEAT_UNTIL_DONE, sealed.at, sealed.len);
}

void nodes_question_stop(struct nodes *nodes, struct node *node, bool settled)
{
    struct message done = {.type = MSG_NODE_CTRL_DONE, .node = node->row.id};

    if (!is_question(node->exchange.kind))
        return;
    delegation_env_send(nodes->env, &done);
    node->answer_due_ms = 0;
    nodes_exchange_end(nodes, node, settled);
}

/* ---- the live list ---- */

bool nodes_live_list_is_due(const struct nodes *nodes, const struct node *node)
{
    bool is_stale = node->is_live_due;

    for (uint8_t i = 0; i < nodes->env->config.node_slots; i++)
        is_stale = is_stale || node->slots[i].is_stale;
    return is_stale && !node->is_silent;
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
    node->is_live_due = false;
    nodes_question_begin(nodes, node, NODE_EXCHANGE_LIVE, (struct span){frame, len}, now_ms);
}

/* ---- is the node there? ---- */

void nodes_heard(struct nodes *nodes, struct node *node, uint64_t now_ms)
{
    node->heard_ms = now_ms;
    if (node->answer_due_ms != 0)
        node->answer_due_ms = is_question(node->exchange.kind) ? answer_due(nodes, now_ms) : 0;
    nodes->is_work_due = nodes->is_work_due || node->is_silent;
    node->is_silent = false;
}

void nodes_quiet(struct nodes *nodes, struct node *node, uint64_t now_ms)
{
    if (node->answer_due_ms != 0 || node->is_silent)
        return;
    if (node->is_associated) {
        node->is_live_due = true;
        nodes->is_work_due = true;
    } else {
        node->rejoin_ms = now_ms;
        node->answer_due_ms = answer_due(nodes, now_ms);
    }
}

uint64_t nodes_silence_tick(struct nodes *nodes, struct node *node, uint64_t now_ms)
{
    static const struct assoc_name NOBODY;
    const struct delegation_env *env = nodes->env;
    const struct message close = {.type = MSG_SESSION_CLOSE, .node = node->row.id, .kind = CLOSE_NODE_SILENT};

    if (node->answer_due_ms == 0)
        return UINT64_MAX;
    if (now_ms < node->answer_due_ms)
        return node->answer_due_ms;
    node->answer_due_ms = 0;
    node->is_silent = true;
    nodes_question_stop(nodes, node, false);
    if (nodes_session_count(node) > 0)
        delegation_env_send(env, &close);
    env->io.log(env->io.ctx, "the node answers nothing: its sessions end", &node->row.name, &NOBODY,
                &node->endpoint);
    return UINT64_MAX;
}

/* ---- from the node ---- */

static uint8_t close_reason_of(uint8_t reported)
{
    switch (reported) {
    case CONTROL_CLOSED_BY_PEER:
        return CLOSE_PEER;
    case CONTROL_CLOSED_UNUSED:
    case CONTROL_CLOSED_SILENT:
        return CLOSE_UNUSED;
    case CONTROL_CLOSED_EXPIRED:
        return CLOSE_EXPIRED;
    case CONTROL_CLOSED_FORGED:
        return CLOSE_FORGED;
    default:
        return CLOSE_NONE;
    }
}

/* A report of an end is acknowledged each time it arrives, because the node repeats it until it has heard so;
 * one of a flood is not, as the next flood brings another. */
static enum status on_report(struct nodes *nodes, struct node *node, const struct control_message *m)
{
    struct reader r = reader_over(m->payload, m->payload_len);
    struct message told = {.type = MSG_SESSION_CLOSE, .node = node->row.id};
    uint8_t reason;

    told.handle = reader_u16(&r);
    reason = reader_u8(&r);
    told.kind = close_reason_of(reason);
    if (r.status != SSM_OK || r.left != 0 || told.handle == 0)
        return SSM_MALFORMED;
    if (reason == CONTROL_FLOODED) {
        told.type = MSG_SESSION_THROTTLE;
        delegation_env_send(nodes->env, &told);
        return SSM_OK;
    }
    if (told.kind == CLOSE_NONE)
        return SSM_MALFORMED;
    nodes_free_slot(nodes, node, told.handle, true);
    delegation_env_send(nodes->env, &told);
    nodes_control_ack(nodes, node, m->message_id, COAP_CHANGED);
    return SSM_OK;
}

static void on_outbound(const struct control_message *m, bool is_new, struct node_saying *out)
{
    out->kind = NODE_ASKS_OUTBOUND;
    out->is_new = is_new;
    out->message_id = m->message_id;
    out->uri_len = m->payload_len;
    bytes_copy(out->uri, m->payload, m->payload_len);
}

/* The answer to the question or key block that is out. */
static void on_answer(struct nodes *nodes, struct node *node, uint8_t code, struct node_saying *out)
{
    const enum node_exchange_kind kind = node->exchange.kind;

    if (kind == NODE_EXCHANGE_KEYBLOCK) {
        out->kind = NODE_ANSWERS_KEYBLOCK;
        out->code = code;
    }
    if (kind == NODE_EXCHANGE_RESULT)
        node->attempt.state = NODE_ATTEMPT_NONE;
    nodes_question_stop(nodes, node, true);
}

static enum status on_message(struct nodes *nodes, struct node *node, const struct control_message *m,
                              bool is_new, struct node_saying *out)
{
    if (!m->is_ack && m->resource == CONTROL_CLOSED)
        return on_report(nodes, node, m);
    if (!m->is_ack && m->resource != CONTROL_OUTBOUND)
        return SSM_UNSUPPORTED;
    if (!m->is_ack) {
        on_outbound(m, is_new, out);
        return SSM_OK;
    }
    if (!is_new)
        return SSM_REPLAYED;
    /* A repeated datagram is acknowledged more than once. */
    if (m->message_id == node->exchange.message_id)
        on_answer(nodes, node, m->code, out);
    return SSM_OK;
}

void nodes_control_input(struct nodes *nodes, struct node *node, struct span datagram, uint64_t now_ms,
                         struct node_saying *out)
{
    uint8_t frame[NODE_CONTROL_FRAME_MAX];
    struct control control;
    struct control_message m;
    enum status status = SSM_MALFORMED;

    out->kind = NODE_SAYS_NOTHING;
    if (datagram.len <= sizeof frame) {
        bytes_copy(frame, datagram.at, datagram.len);
        status = assoc_open(&node->assoc, ASSOC_UP, frame, datagram.len, &control);
    }
    if (status == SSM_OK || status == SSM_REPLAYED) {
        bool is_new = status == SSM_OK;
        nodes_heard(nodes, node, now_ms);
        status = control_decode(control.body, control.body_len, &m);
        if (status == SSM_OK)
            status = on_message(nodes, node, &m, is_new, out);
    }
    if (status != SSM_OK)
        delegation_env_count(nodes->env, DELEGATOR_DROP_CONTROL);
}
