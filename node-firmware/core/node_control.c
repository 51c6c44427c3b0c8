#include "node_control.h"

#include "control.h"
#include "node_join.h"
#include "node_session.h"
#include "node_timer.h"

enum {
    REPORT_LAST = NODE_TICKS(16384), /* four reports: 2, 4, 8, 16 s */
    SESSION_NUMBER_LEN = 2,
    COPIES_MAX = 32, /* of a request that are acknowledged: anybody can repeat what he has heard */
};

void node_control_send(struct node *n, size_t body_len)
{
    if (assoc_seal(n->present, ASSOC_UP, n->frame, body_len) == SSM_OK)
        port_send(n->port, n->frame, body_len + CONTROL_OVERHEAD);
    else
        node_join_renew(n);
}

uint8_t node_control_install(struct node *n, const struct keyblock *k)
{
    struct node_session *slot = NULL;
    uint8_t left = k->slot;

    for (struct node_session *s = n->sessions; s < n->sessions + NODE_SESSIONS; s++) {
        if (s->block.session == k->session)
            return COAP_BAD_REQUEST; /* installed before: its counters must not start again */
        if (left-- == 0)
            slot = s;
    }
    /* No scope but "everything" is defined, so any other allows nothing. */
    if (slot == NULL || k->role != KEYBLOCK_SERVER || k->scope != KEYBLOCK_SCOPE_ALL)
        return COAP_BAD_REQUEST;
    if (!k->replaces && node_session_is_live(slot))
        return COAP_UNAVAILABLE;
    node_session_install(n, slot, k);
    return COAP_CREATED;
}

static uint8_t on_keyblock(struct node *n)
{
    const struct control_message *m = &n->message;
    struct keyblock k;
    uint8_t code = COAP_BAD_REQUEST;

    if (keyblock_decode(m->payload, m->payload_len, &k) == SSM_OK)
        code = node_control_install(n, &k);
    bytes_wipe(&k, sizeof k);
    return code;
}

static bool list_has(const struct node *n, uint16_t handle)
{
    const struct control_message *m = &n->message;

    for (size_t at = 0; at < m->payload_len; at += SESSION_NUMBER_LEN)
        if (bytes_u16(m->payload + at) == handle)
            return true;
    return false;
}

static uint8_t on_live_list(struct node *n)
{
    if (n->message.payload_len % SESSION_NUMBER_LEN != 0)
        return COAP_BAD_REQUEST;
    for (struct node_session *s = n->sessions; s < n->sessions + NODE_SESSIONS; s++)
        if (!list_has(n, s->block.session))
            bytes_wipe(s, sizeof *s);
    return COAP_CHANGED;
}

/* A report has its session's number as message ID. */
static void on_ack(struct node *n)
{
    for (struct node_session *s = n->sessions; s < n->sessions + NODE_SESSIONS; s++)
        if (s->closed_reason != 0 && s->block.session == n->message.message_id)
            bytes_wipe(s, sizeof *s);
}

uint8_t node_control_handle(struct node *n)
{
    if (n->message.is_ack) {
        on_ack(n);
        return COAP_EMPTY;
    }
    if (n->message.resource == CONTROL_KEYBLOCK)
        return on_keyblock(n);
    if (n->message.resource == CONTROL_LIVE)
        return on_live_list(n);
    return COAP_NOT_FOUND;
}

/* Handles an authentic message. */
static enum status on_message(struct node *n)
{
    struct control_message *m = &n->message;
    enum status status = control_decode(n->control.body, n->control.body_len, m);

    if (status != SSM_OK)
        return status;
    if (m->is_ack) {
        n->on_control(n);
        return SSM_OK;
    }
    /* The gateway asks one thing at a time, under rising message IDs: what comes behind a later request was
     * obeyed before or has been given up, and what it says of sessions is no longer true. */
    if (m->message_id > n->last_message_id) {
        n->last_message_id = m->message_id;
        n->last_code = n->on_control(n);
        if (n->last_code == COAP_CREATED)
            assoc_ratchet_node(n->present, n->control.step);
        n->copies_left = COPIES_MAX;
    } else if (m->message_id != n->last_message_id || n->copies_left == 0) {
        return SSM_REPLAYED;
    } else {
        n->copies_left--;
    }
    node_control_send(n, control_encode_ack(m->message_id, n->last_code, n->frame + CONTROL_HEADER_LEN));
    return SSM_OK;
}

/*
 * The first byte names the association by four bits of its counter; a message of another one is left
 * untouched. Should sixteen attempts fail in a row, messages of the present association wait until that of
 * the same four bits is given up.
 */
static enum status control_open(struct node *n, uint8_t *datagram, size_t len)
{
    struct control *c = &n->control;
    struct assoc *pending = node_join_pending(n);
    enum status status = SSM_BAD_TAG;

    if (pending != NULL)
        status = assoc_open(pending, ASSOC_DOWN, datagram, len, c);
    if (status == SSM_OK) {
        node_join_confirmed(n);
        node_session_report(n); /* what the association before left unacknowledged */
    } else if (n->present != NULL) {
        status = assoc_open(n->present, ASSOC_DOWN, datagram, len, c);
    }
    return status;
}

enum status node_control_input(struct node *n, uint8_t *datagram, size_t len)
{
    enum status status = control_open(n, datagram, len);

    if (status == SSM_OK || status == SSM_REPLAYED) {
        status = on_message(n);
        bytes_wipe(n->control.body, n->control.body_len);
    }
    return status;
}

void node_control_tick(struct node *n)
{
    uint8_t waiting = 0;

    if (!node_timer_fired(n, &n->report_timer))
        return;
    for (const struct node_session *s = n->sessions; s < n->sessions + NODE_SESSIONS; s++) {
        uint8_t report[3] = {(uint8_t)(s->block.session >> 8), (uint8_t)s->block.session, s->closed_reason};
        if ((s->floods | s->closed_reason) == 0)
            continue;
        if (n->report_delay > REPORT_LAST) {
            node_join_renew(n);
            return;
        }
        waiting |= s->closed_reason;
        node_control_send(n, control_encode_request(CONTROL_CLOSED, s->block.session, report, sizeof report,
                                                    n->frame + CONTROL_HEADER_LEN));
    }
    if (waiting != 0)
        node_timer_backoff(n, &n->report_timer, &n->report_delay);
}
