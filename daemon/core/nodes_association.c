#include "nodes_association.h"

#include "linkframe.h"

enum {
    /* Between two tries; doubles. A node that has just joined hears none for 10 s, so one try is not enough.
     */
    REJOIN_PAUSE_FIRST_MS = 2000,
    REJOIN_PAUSE_MAX_MS = 32000,
    /* Between two nodes. Joining takes six frames, so that a tenth of a second leaves three quarters of an
       IEEE 802.15.4 channel to others. */
    REJOIN_SPACING_MS = 100,
    REJOIN_LIMIT_MS = 5000,
    REJOIN_FIRST_BYTE = LINK_ASSOCIATION << 5 | ASSOC_REJOIN,
};

static void rejoin_send(const struct nodes *nodes, const struct node *node, const struct endpoint *peer)
{
    static const uint8_t REJOIN[] = {REJOIN_FIRST_BYTE};

    nodes_control_send(nodes, node, peer, REPEAT_NO, REJOIN, sizeof REJOIN);
}

void nodes_association_missing(const struct nodes *nodes, struct node *node, const struct endpoint *peer,
                               uint64_t now_ms)
{
    if (now_ms < node->rejoin_limit_ms)
        return;
    node->rejoin_limit_ms = now_ms + REJOIN_LIMIT_MS;
    rejoin_send(nodes, node, peer);
}

static uint32_t pause_after(uint32_t pause_ms)
{
    if (pause_ms == 0)
        return REJOIN_PAUSE_FIRST_MS;
    return pause_ms < REJOIN_PAUSE_MAX_MS ? 2 * pause_ms : REJOIN_PAUSE_MAX_MS;
}

void nodes_association_want(struct node *node)
{
    if (node->rejoin_pause_ms == 0)
        node->rejoin_ms = 0;
}

/* Of the nodes that are to join, the one that has waited longest. A node that never was associated has no
 * address yet; it comes by itself. */
static struct node *rejoin_first(const struct nodes *nodes)
{
    struct node *first = NULL;

    for (uint32_t i = 0; i < nodes->count; i++) {
        struct node *node = nodes->by_name[i];
        if (!node->is_associated && node->row.assoc_counter != 0 &&
            (first == NULL || node->rejoin_ms < first->rejoin_ms))
            first = node;
    }
    return first;
}

uint64_t nodes_association_tick(struct nodes *nodes, uint64_t now_ms)
{
    struct node *node = rejoin_first(nodes);

    if (node == NULL)
        return UINT64_MAX;
    if (now_ms < nodes->rejoin_next_ms)
        return nodes->rejoin_next_ms;
    if (now_ms < node->rejoin_ms)
        return node->rejoin_ms;
    node->rejoin_pause_ms = pause_after(node->rejoin_pause_ms);
    node->rejoin_ms = now_ms + node->rejoin_pause_ms;
    rejoin_send(nodes, node, NULL);
    nodes->rejoin_next_ms = now_ms + REJOIN_SPACING_MS;
    return nodes->rejoin_next_ms;
}

void nodes_association_publish(const struct nodes *nodes, const struct node *node)
{
    struct message m = {.type = MSG_NODE_KEYS, .node = node->row.id, .peer = node->endpoint};

    m.value = node->row.assoc_counter;
    m.request = node->row.boot_id;
    m.data[0] = (struct span){.at = node->assoc.tag_key, .len = sizeof node->assoc.tag_key};
    delegation_env_send(nodes->env, &m);
}

/* ---- request ---- */

static void answer_send(const struct nodes *nodes, const struct node *node, const struct endpoint *peer)
{
    uint8_t answer[ASSOC_MESSAGE_MAX];
    size_t len = assoc_encode(ASSOC_ANSWER, node->row.psk, &node->transcript, answer);

    nodes_control_send(nodes, node, peer, REPEAT_NO, answer, len);
}

/* Decodes and verifies a request into *t. *node is set as soon as the name is known. */
static enum status request_open(const struct nodes *nodes, struct span datagram, struct assoc_transcript *t,
                                struct node **node)
{
    assoc_decode(datagram.at, t);
    *node = nodes_find_name(nodes, t->node.text, t->node.len);
    if (*node == NULL)
        return SSM_NOT_FOUND;
    return assoc_verify((*node)->row.psk, t, datagram.at);
}

/* Answers a newer request than the pending one with a fresh nonce, and a repeated one as before. */
static enum status on_request(const struct nodes *nodes, const struct message *m, struct assoc_transcript *t)
{
    struct node *node = NULL;
    enum status status = request_open(nodes, m->data[0], t, &node);

    if (status != SSM_OK)
        return status;
    if (assoc_counter(t) <= node->row.assoc_counter)
        return SSM_REPLAYED;
    if (node->transcript_state != NODE_TRANSCRIPT_ANSWERED ||
        assoc_counter(t) > assoc_counter(&node->transcript)) {
        t->gateway = nodes->env->config.gateway;
        nodes->env->io.random(nodes->env->io.ctx, t->gateway_nonce, sizeof t->gateway_nonce);
        node->transcript = *t;
        node->transcript_state = NODE_TRANSCRIPT_ANSWERED;
    } else if (!bytes_equal(t->node_nonce, node->transcript.node_nonce, sizeof t->node_nonce)) {
        return SSM_REPLAYED;
    }
    answer_send(nodes, node, &m->peer);
    return SSM_OK;
}

/* ---- confirmation ---- */

static enum status association_begin(struct nodes *nodes, struct node *node, const struct assoc_transcript *t,
                                     const struct endpoint *peer, uint64_t now_ms)
{
    const struct keys_store *store = &nodes->env->store;
    uint32_t counter = assoc_counter(t);
    uint32_t boot_id = assoc_boot_id(t);

    enum status status = store->set_association(store->ctx, node->row.id, counter, boot_id);
    if (status != SSM_OK)
        return status;
    if (boot_id != node->row.boot_id)
        nodes_forget_sessions(nodes, node);
    node->attempt.is_earlier = true;
    node->row.assoc_counter = counter;
    node->row.boot_id = boot_id;
    nodes_question_stop(nodes, node, false);
    assoc_wipe(&node->assoc);
    assoc_derive(node->row.psk, t, &node->assoc);
    node->message_id = 0;
    node->transcript = *t;
    node->transcript_state = NODE_TRANSCRIPT_CONFIRMED;
    node->endpoint = *peer;
    node->is_associated = true;
    node->rejoin_pause_ms = 0;
    node->is_live_due = true;
    nodes->is_work_due = true;
    nodes_heard(nodes, node, now_ms);
    delegation_env_count(nodes->env, DELEGATOR_ASSOCIATIONS);
    nodes_association_publish(nodes, node);
    return SSM_OK;
}

/* Decodes a confirmation and verifies it against what was answered, which completes *t. */
static enum status confirm_open(const struct nodes *nodes, struct span datagram, struct assoc_transcript *t,
                                struct node **node)
{
    assoc_decode(datagram.at, t);
    *node = nodes_find_name(nodes, t->node.text, t->node.len);
    if (*node == NULL)
        return SSM_NOT_FOUND;
    if ((*node)->transcript_state == NODE_TRANSCRIPT_NONE)
        return SSM_REFUSED;
    *t = (*node)->transcript;
    assoc_decode(datagram.at, t);
    return assoc_verify((*node)->row.psk, t, datagram.at);
}

/* Sets *fresh to the node if the confirmation opened an association. */
static enum status on_confirm(struct nodes *nodes, const struct message *m, struct assoc_transcript *t,
                              uint64_t now_ms, struct node **fresh)
{
    struct node *node = NULL;
    enum status status = confirm_open(nodes, m->data[0], t, &node);

    if (status != SSM_OK)
        return status;
    if (node->transcript_state == NODE_TRANSCRIPT_ANSWERED) {
        status = association_begin(nodes, node, t, &m->peer, now_ms);
        *fresh = status == SSM_OK ? node : NULL;
        return status;
    }
    /* A node that has heard nothing from us yet repeats it; so does whoever has recorded it. Our first
     * message is being repeated anyway, and starts again if it was given up. */
    if (node->is_silent) {
        node->is_live_due = true;
        node->is_silent = false;
        nodes->is_work_due = true;
    }
    return SSM_OK;
}

static void log_refusal(const struct nodes *nodes, const struct assoc_name *name, const struct endpoint *peer,
                        enum status status)
{
    static const char *const EVENTS[SSM_IO + 1] = {
        [SSM_NOT_FOUND] = "association refused: unknown node; add it with 'ssmctl node add'",
        [SSM_BAD_TAG] = "association refused: the node's key is not the one that is stored",
        [SSM_REPLAYED] =
            "association refused: its counter was used before; a node whose storage was reset must be "
            "removed and added again",
        [SSM_IO] = "association refused: the keys database cannot be written",
    };
    static const struct assoc_name NOBODY;

    if (EVENTS[status] != NULL)
        nodes->env->io.log(nodes->env->io.ctx, EVENTS[status], name, &NOBODY, peer);
}

struct node *nodes_association_input(struct nodes *nodes, const struct message *m, uint64_t now_ms)
{
    struct assoc_transcript t;
    struct node *fresh = NULL;
    enum status status = SSM_MALFORMED;
    uint8_t number = assoc_number_of(m->data[0].at, m->data[0].len);

    bytes_fill(&t, 0, sizeof t);
    if (number == ASSOC_REQUEST)
        status = on_request(nodes, m, &t);
    else if (number == ASSOC_CONFIRM)
        status = on_confirm(nodes, m, &t, now_ms, &fresh);
    if (status != SSM_OK) {
        delegation_env_count(nodes->env, DELEGATOR_DROP_ASSOCIATION);
        log_refusal(nodes, &t.node, &m->peer, status);
    }
    return fresh;
}
