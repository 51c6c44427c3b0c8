#include "delegation_handover.h"

#include "access.h"
#include "delegation_resumption.h"
#include "nodes_association.h"
#include "outbound_result.h"

static const struct delegation_failure STORE_FAILED = {DELEGATOR_FAILED_NODE, ALERT_INTERNAL_ERROR,
                                                       CLOSE_STORE,
                                                       "hand-over failed: the keys database cannot be used"};
static const struct delegation_failure NODE_SILENT = {
    DELEGATOR_FAILED_NODE, ALERT_INTERNAL_ERROR, CLOSE_NODE_SILENT,
    "hand-over failed: the node does not answer; see 'ssmctl node show' for when it was last heard"};

/* ---- access ---- */

static void refuse(struct delegation *d, enum access_verdict verdict)
{
    static const char *const EVENTS[] = {
        [ACCESS_NOT_GRANTED] =
            "handshake refused: the subscriber is not granted this node; add it again with "
            "'ssmctl subscriber add NAME --node NODE'",
        [ACCESS_NO_NODE] = "handshake refused: the subscriber is granted no node; add it again with 'ssmctl "
                           "subscriber add NAME --node NODE'",
        [ACCESS_SEVERAL_NODES] =
            "handshake refused: on the shared port the subscriber must be granted exactly one "
            "node; it can use the node's own port",
    };
    const struct delegation_failure failure = {DELEGATOR_FAILED_GRANT, delegation_refusal(d), CLOSE_HANDSHAKE,
                                               EVENTS[verdict]};

    delegation_fail(d, &failure);
}

/* Sets d->node and returns true, or ends the delegation. */
static bool decide_access(struct delegation *d)
{
    const struct keys_store *store = &d->all->env->store;
    uint32_t wanted = d->port_node != 0 ? d->port_node : d->named_node;
    uint32_t granted = 0; /* of several, the first */
    size_t count = 0;

    if (store->grants(store->ctx, d->subscriber, wanted, &granted, 1, &count) != SSM_OK) {
        delegation_fail(d, &STORE_FAILED);
        return false;
    }
    enum access_verdict verdict = access_decide(wanted, &granted, count, &d->node);
    if (verdict != ACCESS_GRANTED)
        refuse(d, verdict);
    return verdict == ACCESS_GRANTED;
}

/* ---- the node's queue ---- */

/* One hand-over at a time for a node, a peer's host and a subscriber: a newer one shows that the older was
 * given up. */
static void supersede_queued(const struct delegation *d)
{
    for (uint32_t i = 0; i < d->all->end; i++) {
        struct delegation *other = &d->all->pool[i];
        if (other != d && !other->is_outbound && other->state == DELEGATION_QUEUED &&
            other->node == d->node && other->subscriber == d->subscriber &&
            bytes_equal(other->peer.addr, d->peer.addr, sizeof d->peer.addr))
            delegation_drop(other, CLOSE_REPLACED);
    }
}

void handover_begin(struct delegation *d, uint64_t now_ms)
{
    static const struct delegation_failure NODE_UNKNOWN = {
        DELEGATOR_FAILED_NODE, ALERT_INTERNAL_ERROR, CLOSE_NODE_SILENT, "hand-over failed: no such node"};

    if (!d->is_outbound && !decide_access(d))
        return;
    struct node *node = nodes_find(d->all->nodes, d->node);
    if (node == NULL) {
        delegation_fail(d, &NODE_UNKNOWN);
        return;
    }
    nodes_association_want(node);
    if (!d->is_outbound)
        supersede_queued(d);
    delegation_resumption_finished(d, now_ms);
    d->state = DELEGATION_QUEUED;
    d->order = ++d->all->last_order;
    d->deadline_ms = now_ms + (uint64_t)d->all->env->config.handover_timeout_s * 1000;
    d->all->nodes->is_work_due = true;
}

static struct delegation *queue_first(const struct delegations *all, const struct node *node)
{
    struct delegation *first = NULL;

    for (uint32_t i = 0; i < all->end; i++) {
        struct delegation *d = &all->pool[i];
        if (d->state == DELEGATION_QUEUED && d->node == node->row.id &&
            (first == NULL || d->order < first->order))
            first = d;
    }
    return first;
}

/* ---- the key block ---- */

/* Seals the key block for the node; every plain copy of the keys is wiped then. */
static enum status keyblock_seal(struct delegation *d, struct node *node, uint8_t *frame, size_t *frame_len)
{
    uint8_t payload[KEYBLOCK_LEN];
    struct keyblock k = {
        .session = d->handle,
        .role = d->is_outbound ? KEYBLOCK_CLIENT : KEYBLOCK_SERVER,
        .suite = KEYBLOCK_AES_128_CCM_8,
        .slot = d->slot,
        .replaces = nodes_slot_replaces(&node->slots[d->slot]),
        .first_send_seq = KEYBLOCK_FIRST_SEND_SEQ,
        .scope = d->is_outbound ? d->attempt : KEYBLOCK_SCOPE_ALL,
        .lifetime_min = KEYBLOCK_LIFETIME_UNLIMITED,
        .client = d->work.keys.client,
        .server = d->work.keys.server,
    };

    keyblock_encode(&k, payload);
    bytes_wipe(&k, sizeof k);
    enum status status =
        nodes_control_seal(node, CONTROL_KEYBLOCK, payload, sizeof payload, frame, frame_len);
    bytes_wipe(payload, sizeof payload);
    if (status == SSM_OK) { /* otherwise the peer may be owed a tombstone first */
        bytes_wipe(&d->work.keys, sizeof d->work.keys);
        d->work.has_keys = false;
    }
    return status;
}

static void prepare_send(const struct delegation *d, struct span sealed, struct span tombstone)
{
    struct message m = {.type = MSG_SESSION_PREPARE,
                        .connection = d->connection,
                        .node = d->node,
                        .handle = d->handle,
                        .slot = d->slot,
                        .subscriber = d->subscriber};

    m.peer = d->peer;
    m.local = d->local;
    m.data[0] = sealed;
    m.data[1] = tombstone;
    m.data[2] = (struct span){.at = d->work.flight, .len = d->work.flight_len};
    delegation_env_send(d->all->env, &m);
}

/* The key block leaves, once; the sealed copy here is wiped, and relay repeats its own byte for byte. */
static void ship(struct delegation *d, struct node *node)
{
    uint8_t frame[NODE_CONTROL_FRAME_MAX];
    uint8_t tombstone[TOMBSTONE_LEN];
    size_t frame_len;

    tombstone_seal(delegation_own_key(d), tombstone);
    if (keyblock_seal(d, node, frame, &frame_len) != SSM_OK) {
        bytes_wipe(frame, sizeof frame);
        delegation_fail(d, &NODE_SILENT);
        return;
    }
    d->state = DELEGATION_HANDOVER;
    nodes_exchange_begin(node, NODE_EXCHANGE_KEYBLOCK, d->connection, (uint8_t)(1u << d->slot));
    prepare_send(d, (struct span){.at = frame, .len = frame_len},
                 (struct span){.at = tombstone, .len = sizeof tombstone});
    bytes_wipe(frame, sizeof frame);
}

static void evict(const struct delegation *d, struct node *node)
{
    struct message m = {.type = MSG_SESSION_EVICT, .node = node->row.id};

    nodes_exchange_begin(node, NODE_EXCHANGE_EVICT, d->connection, 0);
    delegation_env_send(d->all->env, &m);
}

static void start(struct delegation *d, struct node *node)
{
    static const struct delegation_failure NUMBERS = {
        DELEGATOR_FAILED_NODE, ALERT_INTERNAL_ERROR, CLOSE_NO_ROOM,
        "hand-over failed: the node's session numbers are used up; "
        "restart the node"};

    d->slot = nodes_choose_slot(d->all->nodes, node, &d->peer, &d->local);
    if (d->slot == NODE_NO_SLOT) {
        evict(d, node);
        return;
    }
    enum status status = nodes_take_session_number(d->all->nodes, node, &d->handle);
    if (status == SSM_OK)
        ship(d, node);
    else
        delegation_fail(d, status == SSM_EXHAUSTED ? &NUMBERS : &STORE_FAILED);
}

static bool is_free(const struct delegations *all, const struct node *node)
{
    return node->is_associated && all->nodes->are_sessions_known && node->exchange.kind == NODE_EXCHANGE_NONE;
}

void handover_advance(struct delegations *all, uint64_t now_ms)
{
    /* After each association the live list comes first; otherwise a waiting peer does. */
    for (uint32_t i = 0; i < all->end; i++) {
        struct delegation *d = &all->pool[i];
        struct node *node = d->state == DELEGATION_QUEUED ? nodes_find(all->nodes, d->node) : NULL;
        if (node != NULL && is_free(all, node) && !node->is_live_due && queue_first(all, node) == d)
            start(d, node);
    }
    for (uint32_t i = 0; i < all->nodes->count; i++) {
        struct node *node = all->nodes->by_name[i];
        if (is_free(all, node) && nodes_live_list_is_due(all->nodes, node))
            nodes_live_list_send(all->nodes, node, now_ms);
        else if (is_free(all, node) && outbound_result_is_due(node))
            outbound_result_send(all->nodes, node, now_ms);
    }
}

/* ---- its outcome ---- */

static void commit(struct delegation *d, struct node *node)
{
    struct node_slot *slot = &node->slots[d->slot];
    struct message m = {
        .type = MSG_SESSION_COMMIT, .connection = d->connection, .node = d->node, .handle = d->handle};

    assoc_ratchet_gateway(&node->assoc);
    *slot = (struct node_slot){.handle = d->handle,
                               .is_outbound = d->is_outbound,
                               .subscriber = d->subscriber,
                               .peer = d->peer,
                               .local = d->local};
    outbound_result_up(node, d->connection);
    nodes_exchange_end(d->all->nodes, node, true);
    d->state = DELEGATION_COMMITTING;
    delegation_env_count(d->all->env, DELEGATOR_KEYBLOCKS_ACKED);
    delegation_env_send(d->all->env, &m);
}

void handover_on_answer(struct delegations *all, struct node *node, uint8_t code)
{
    static const struct delegation_failure NODE_REFUSED = {
        DELEGATOR_FAILED_NODE, ALERT_INTERNAL_ERROR, CLOSE_NO_ROOM,
        "hand-over failed: the node refused the key block"};
    struct delegation *d = delegations_find(all, node->exchange.connection);

    if (code == COAP_CREATED)
        commit(d, node);
    else
        delegation_fail(d, &NODE_REFUSED);
}

void handover_on_association(struct delegations *all, const struct node *node)
{
    static const struct delegation_failure REJOINED = {
        DELEGATOR_FAILED_NODE, ALERT_INTERNAL_ERROR, CLOSE_NODE_REBOOT,
        "hand-over failed: the node joined again in the midst of it"};

    if (node->exchange.kind == NODE_EXCHANGE_KEYBLOCK)
        delegation_fail(delegations_find(all, node->exchange.connection), &REJOINED);
}

void handover_on_durable(struct delegations *all, const struct message *m)
{
    struct delegation *d = delegations_find(all, m->connection);

    if (d == NULL || d->state != DELEGATION_COMMITTING)
        return;
    delegation_env_count(all->env, d->is_outbound ? DELEGATOR_OUTBOUND_DONE : DELEGATOR_HANDSHAKES_DONE);
    delegation_resumption_done(d);
    delegation_free(d);
}

static struct delegation_failure failure_of_abort(enum close_reason reason)
{
    static const struct delegation_failure OTHER = {DELEGATOR_FAILED_HANDSHAKE, ALERT_INTERNAL_ERROR,
                                                    CLOSE_NONE, "handshake failed: the relay has ended it"};
    static const struct delegation_failure NO_ROOM = {
        DELEGATOR_FAILED_BUSY, ALERT_INTERNAL_ERROR, CLOSE_NONE,
        "handshake failed: no room for another session; see max_sessions and max_handshakes"};
    static const struct delegation_failure RELAY_STORE = {
        DELEGATOR_FAILED_NODE, ALERT_INTERNAL_ERROR, CLOSE_NONE,
        "hand-over failed: the relay database cannot be written"};
    struct delegation_failure failure = reason == CLOSE_NO_ROOM ? NO_ROOM
                                        : reason == CLOSE_STORE ? RELAY_STORE
                                                                : OTHER;

    failure.reason = reason;
    return failure;
}

void handover_on_abort(struct delegations *all, const struct message *m)
{
    const struct delegation_failure failure = failure_of_abort((enum close_reason)m->kind);
    struct delegation *d = delegations_find(all, m->connection);

    if (d == NULL)
        return;
    struct node *node = nodes_find(all->nodes, d->node);
    if (node != NULL && d->state == DELEGATION_COMMITTING)
        nodes_free_slot(all->nodes, node, d->handle, false);
    delegation_fail(d, &failure);
}

void handover_on_closed(struct delegations *all, const struct message *m)
{
    static const struct delegation_failure SLOTS_LIVE = {
        DELEGATOR_FAILED_BUSY, ALERT_INTERNAL_ERROR, CLOSE_NO_ROOM,
        "hand-over failed: all sessions of the node are in use; see 'ssmctl session list'"};
    struct node *node = nodes_find(all->nodes, m->node);

    if (node == NULL)
        return;
    nodes_free_slot(all->nodes, node, m->handle, false);
    for (uint32_t i = 0; i < all->end; i++) {
        struct delegation *d = &all->pool[i];
        if (d->state == DELEGATION_COMMITTING && d->node == m->node && d->handle == m->handle)
            delegation_free(d);
    }
    if (node->exchange.kind != NODE_EXCHANGE_EVICT)
        return;
    if (m->handle == 0)
        delegation_fail(delegations_find(all, node->exchange.connection), &SLOTS_LIVE);
    else
        nodes_exchange_end(all->nodes, node, true);
}

uint64_t handover_tick(struct delegation *d, uint64_t now_ms)
{
    if (d->state != DELEGATION_QUEUED && d->state != DELEGATION_HANDOVER)
        return UINT64_MAX;
    if (now_ms < d->deadline_ms)
        return d->deadline_ms;
    delegation_fail(d, &NODE_SILENT);
    return UINT64_MAX;
}
