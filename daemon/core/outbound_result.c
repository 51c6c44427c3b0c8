#include "outbound_result.h"

struct text {
    const char *counter;
    const char *event; /* for the log */
};

static const struct text TEXTS[CONTROL_OUTBOUND_REASONS] = {
    [CONTROL_OUTBOUND_NO_NAME] = {"outbound_failed_no_name",
                                  "outbound session failed: the server's name cannot be resolved"},
    [CONTROL_OUTBOUND_NO_ANSWER] = {"outbound_failed_no_answer",
                                    "outbound session failed: the server does not answer"},
    [CONTROL_OUTBOUND_REFUSED] = {"outbound_failed_refused",
                                  "outbound session failed: the server refuses it with an alert"},
    [CONTROL_OUTBOUND_PROTOCOL] = {"outbound_failed_protocol",
                                   "outbound session failed: the server does not speak DTLS 1.2 with "
                                   "AES_128_CCM_8 as it should"},
    [CONTROL_OUTBOUND_WRONG_PSK] =
        {"outbound_failed_wrong_psk",
         "outbound session failed: the server has another PSK or does not know the "
         "identity; see 'ssmctl destination add'"},
    [CONTROL_OUTBOUND_EXPIRED] = {"outbound_failed_expired",
                                  "outbound session refused: the server's certificate has expired, or is not "
                                  "valid yet"},
    [CONTROL_OUTBOUND_OTHER_NAME] =
        {"outbound_failed_other_name",
         "outbound session refused: the server's certificate is for another name"},
    [CONTROL_OUTBOUND_FOREIGN_CA] = {"outbound_failed_foreign_ca",
                                     "outbound session refused: the server's certificate is of none of the "
                                     "destination's CAs"},
    [CONTROL_OUTBOUND_SELF_SIGNED] = {"outbound_failed_self_signed",
                                      "outbound session refused: the server's certificate is self-signed"},
    [CONTROL_OUTBOUND_UNFIT] = {"outbound_failed_unfit",
                                "outbound session refused: the server's certificate is not fit: wrong usage, "
                                "curve or signature"},
    [CONTROL_OUTBOUND_NO_ROOM] = {"outbound_failed_no_room",
                                  "outbound session failed: no room for it at the node or here; see 'ssmctl "
                                  "session list' and max_handshakes"},
    [CONTROL_OUTBOUND_BROKEN] =
        {"outbound_failed_broken",
         "outbound session failed: the node does not answer, or the gateway cannot go "
         "on"},
};

const char *outbound_result_counter_name(enum control_outbound_reason reason)
{
    return TEXTS[reason].counter;
}

/* ---- why ---- */

static enum control_outbound_reason reason_of_fault(const struct handshake_work *w)
{
    static const uint8_t REASONS[HANDSHAKE_FAULTS] = {
        [HANDSHAKE_FAULT_OTHER] = CONTROL_OUTBOUND_PROTOCOL,
        [HANDSHAKE_FAULT_NO_CERTIFICATE] = CONTROL_OUTBOUND_PROTOCOL,
        [HANDSHAKE_FAULT_CERTIFICATE_EXPIRED] = CONTROL_OUTBOUND_EXPIRED,
        [HANDSHAKE_FAULT_CERTIFICATE_FOREIGN] = CONTROL_OUTBOUND_FOREIGN_CA,
        [HANDSHAKE_FAULT_CERTIFICATE_UNFIT] = CONTROL_OUTBOUND_UNFIT,
        [HANDSHAKE_FAULT_CERTIFICATE_NAME] = CONTROL_OUTBOUND_OTHER_NAME,
        [HANDSHAKE_FAULT_CERTIFICATE_SELF_SIGNED] = CONTROL_OUTBOUND_SELF_SIGNED,
        [HANDSHAKE_FAULT_KEY] = CONTROL_OUTBOUND_WRONG_PSK,
        [HANDSHAKE_FAULT_UNSUITED] = CONTROL_OUTBOUND_PROTOCOL,
        [HANDSHAKE_FAULT_REFUSED] = CONTROL_OUTBOUND_REFUSED,
        [HANDSHAKE_FAULT_TIMEOUT] = CONTROL_OUTBOUND_NO_ANSWER,
    };
    const bool is_psk = !w->claim.is_certificate;

    if (w->is_key_wrong)
        return is_psk ? CONTROL_OUTBOUND_WRONG_PSK : CONTROL_OUTBOUND_PROTOCOL;
    if (w->fault == HANDSHAKE_FAULT_KEY && !is_psk)
        return CONTROL_OUTBOUND_REFUSED;
    /* After its ServerHello a server has nothing left to refuse but, with a PSK, our Finished, for which each
     * has an alert of its own; with certificates, ours: handshake_failure may stand for that. */
    if ((w->fault == HANDSHAKE_FAULT_REFUSED || w->fault == HANDSHAKE_FAULT_UNSUITED) && w->has_keys)
        return is_psk ? CONTROL_OUTBOUND_WRONG_PSK : CONTROL_OUTBOUND_REFUSED;
    return (enum control_outbound_reason)REASONS[w->fault];
}

/* RFC 6347 4.1.2.7: a server may say nothing to a Finished that does not authenticate, as most do; so one
 * that has answered up to there has another key. */
static enum control_outbound_reason reason_of_silence(const struct handshake_work *w)
{
    return w->has_keys && !w->claim.is_certificate ? CONTROL_OUTBOUND_WRONG_PSK : CONTROL_OUTBOUND_NO_ANSWER;
}

static enum control_outbound_reason reason_of(const struct delegation *d,
                                              const struct delegation_failure *failure)
{
    if (d->work.result == HANDSHAKE_FAILED && d->work.fault != HANDSHAKE_FAULT_TIMEOUT)
        return reason_of_fault(&d->work);
    if (d->work.result == HANDSHAKE_FAILED || failure->counter == DELEGATOR_FAILED_TIMEOUT)
        return reason_of_silence(&d->work);
    if (failure->reason == CLOSE_NO_ROOM)
        return CONTROL_OUTBOUND_NO_ROOM;
    return failure->reason == CLOSE_HANDSHAKE ? CONTROL_OUTBOUND_PROTOCOL : CONTROL_OUTBOUND_BROKEN;
}

/* ---- the end of an attempt ---- */

struct assoc_name outbound_result_server(const struct uri *uri)
{
    struct assoc_name name;

    return assoc_name_set(&name, uri->host, uri_host_len(uri)) == SSM_OK ? name : (struct assoc_name){0};
}

static void note(const struct nodes *nodes, const struct node *node, const struct assoc_name *server,
                 const struct endpoint *peer, enum control_outbound_reason reason)
{
    static const struct assoc_name NOBODY;
    struct delegation_env *env = nodes->env;

    env->counters[DELEGATOR_OUTBOUND_FAILED + (int)reason - 1]++;
    env->io.log(env->io.ctx, TEXTS[reason].event, node != NULL ? &node->row.name : &NOBODY, server, peer);
}

static void attempt_fail(struct nodes *nodes, struct node *node, enum control_outbound_reason reason)
{
    node->attempt.state = NODE_ATTEMPT_FAILED;
    node->attempt.reason = (uint8_t)reason;
    nodes->is_work_due = true;
}

void outbound_result_failed(struct nodes *nodes, struct node *node, enum control_outbound_reason reason)
{
    const struct assoc_name server = outbound_result_server(&node->attempt.server);

    note(nodes, node, &server, NULL, reason);
    attempt_fail(nodes, node, reason);
}

void outbound_result_of(const struct delegation *d, const struct delegation_failure *failure)
{
    const enum control_outbound_reason reason = reason_of(d, failure);
    struct nodes *nodes = d->all->nodes;
    struct node *node = nodes_find(nodes, d->node);
    struct node_attempt *attempt = node != NULL ? &node->attempt : NULL;
    bool is_attempt =
        attempt != NULL && attempt->state == NODE_ATTEMPT_CONNECTING && attempt->connection == d->connection;

    if (is_attempt && reason == CONTROL_OUTBOUND_NO_ANSWER && attempt->next < attempt->count) {
        attempt->state = NODE_ATTEMPT_READY;
        nodes->is_work_due = true;
        return;
    }
    note(nodes, node, &d->identity, &d->peer, reason);
    if (is_attempt)
        attempt_fail(nodes, node, reason);
}

void outbound_result_up(struct node *node, uint32_t connection)
{
    if (node->attempt.state == NODE_ATTEMPT_CONNECTING && node->attempt.connection == connection)
        node->attempt.state = NODE_ATTEMPT_NONE;
}

/* ---- telling the node ---- */

bool outbound_result_is_due(const struct node *node)
{
    return node->attempt.state == NODE_ATTEMPT_FAILED && !node->is_silent;
}

void outbound_result_send(struct nodes *nodes, struct node *node, uint64_t now_ms)
{
    uint8_t frame[NODE_CONTROL_FRAME_MAX];
    uint8_t payload[CONTROL_FAILED_LEN];
    size_t len;

    bytes_put_u16(payload, node->attempt.number);
    payload[CONTROL_FAILED_LEN - 1] = node->attempt.reason;
    if (nodes_control_seal(node, CONTROL_FAILED, payload, sizeof payload, frame, &len) == SSM_OK)
        nodes_question_begin(nodes, node, NODE_EXCHANGE_RESULT, (struct span){frame, len}, now_ms);
}
