#include "node_session.h"

#include "control.h"
#include "node_timer.h"

enum {
    UNUSED = 938, /* 30 s: a session without an authentic record is dropped then */
    MINUTE = 1875,
    REPORT_FIRST = NODE_TICKS(2000),
    ALERT_LEN = 2,
    ALERT_WARNING = 1, /* RFC 5246 7.2 */
    ALERT_FATAL = 2,
    ALERT_CLOSE_NOTIFY = 0,
};

bool node_session_is_live(const struct node_session *s)
{
    return s->block.session != 0 && s->closed_reason == 0;
}

struct node_session *node_session_find(struct node *n, uint16_t handle)
{
    for (struct node_session *s = n->sessions; s < n->sessions + NODE_SESSIONS; s++)
        if (s->block.session == handle && node_session_is_live(s))
            return s;
    return NULL;
}

void node_session_install(struct node *n, struct node_session *s, const struct keyblock *k)
{
    bytes_wipe(s, sizeof *s);
    bytes_copy(&s->block, k, sizeof *k);
    s->send_seq.bytes[SEQ48_LEN - 1] = k->first_send_seq;
    node_timer_set(n, &s->timer, UNUSED);
    n->counters.installed++;
}

static void record_send(struct node *n, struct node_session *s, uint8_t type, uint16_t len)
{
    struct record *r = &n->record;

    bytes_put_u16(r->epoch, 1);
    bytes_copy(&r->seq, &s->send_seq, sizeof r->seq);
    seq48_increment(&s->send_seq); /* spent, whatever happens next */
    r->type = type;
    record_set_explicit_nonce(r);
    r->body = n->frame + NODE_BODY_AT;
    r->body_len = len;
    record_seal(&s->block.server, r);

    uint8_t *tag = r->body + r->body_len;
    linkframe_tag(n->present->tag_key, s->block.session, r, tag);
    uint8_t *start = linkframe_put_header(s->block.session, r);
    port_send(n->port, start, (size_t)(tag + LINK_TAG_LEN - start));
    n->counters.sealed++;
}

void node_session_report(struct node *n)
{
    n->report_delay = REPORT_FIRST;
    node_timer_set(n, &n->report_timer, 0);
}

void node_session_close(struct node *n, struct node_session *s, uint8_t reason)
{
    uint16_t handle = s->block.session;

    if (s->used) {
        n->frame[NODE_BODY_AT] = ALERT_WARNING;
        n->frame[NODE_BODY_AT + 1] = ALERT_CLOSE_NOTIFY;
        record_send(n, s, RECORD_ALERT, ALERT_LEN);
    }
    bytes_wipe(s, sizeof *s);
    s->block.session = handle;
    s->closed_reason = reason;
    n->counters.closed++;
    node_session_report(n);
}

void node_session_send(struct node *n, struct node_session *s, uint16_t len)
{
    /* Far from 2^48-2, which the gateway's tombstone has, and with room for our close_notify. */
    if ((s->send_seq.bytes[0] & s->send_seq.bytes[1]) == 0xFF)
        node_session_close(n, s, CONTROL_CLOSED_EXPIRED);
    else
        record_send(n, s, RECORD_APPLICATION_DATA, len);
}

/* From the moment that was due, so that the delays of ticks do not add up. */
static void session_extend(struct node_session *s, uint16_t more)
{
    s->timer.due = (uint16_t)(s->timer.due + more);
    s->timer.armed = true;
}

void node_session_mark_used(struct node_session *s)
{
    if (s->used)
        return;
    s->used = true;
    if (s->block.lifetime_min == 0)
        s->timer.armed = false;
    else
        session_extend(s, MINUTE - UNUSED); /* to the end of the lifetime's first minute */
}

static enum status session_on_alert(struct node *n, struct node_session *s)
{
    const uint8_t *alert = n->record.body;

    if (n->record.body_len != ALERT_LEN)
        return SSM_UNSUPPORTED;
    if (alert[0] == ALERT_FATAL || alert[1] == ALERT_CLOSE_NOTIFY)
        node_session_close(n, s, CONTROL_CLOSED_BY_PEER);
    return SSM_OK;
}

/* RFC 6347 4.1.2.7: "invalid records SHOULD be silently discarded, thus preserving the association". Whoever
 * can send in the peer's name must not end its session; but no tag of 64 bits should be tried without end. */
static void session_on_forgery(struct node *n, struct node_session *s)
{
    if (++s->failures % CONTROL_FLOOD != 0)
        return;
    if (++s->floods < CONTROL_FLOODS_MAX)
        node_session_report(n);
    else
        node_session_close(n, s, CONTROL_CLOSED_FORGED);
}

enum status node_session_receive(struct node *n, uint8_t *datagram, size_t len, struct node_session **from)
{
    struct record *r = &n->record;
    uint16_t handle;

    *from = NULL;
    enum status status = linkframe_decode(datagram, len, &handle, r);
    if (status != SSM_OK)
        return status;
    struct node_session *s = node_session_find(n, handle);
    if (s == NULL)
        return SSM_NOT_FOUND;
    status = record_open(&s->block.client, r);
    if (status != SSM_OK) {
        session_on_forgery(n, s);
        return status;
    }
    if (!replay_accept(&s->received, &r->seq))
        return SSM_REPLAYED;
    node_session_mark_used(s);
    if (r->type == RECORD_ALERT)
        return session_on_alert(n, s);
    *from = s;
    if (n->clients != NULL)
        n->clients->on_record(n, s);
    return SSM_OK;
}

void node_session_tick(struct node *n, struct node_session *s)
{
    if (!node_timer_fired(n, &s->timer))
        return;
    if (!s->used)
        node_session_close(n, s, CONTROL_CLOSED_UNUSED);
    else if (--s->block.lifetime_min == 0)
        node_session_close(n, s, CONTROL_CLOSED_EXPIRED);
    else
        session_extend(s, MINUTE);
}
