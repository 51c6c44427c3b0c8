#include "outbound.h"

#include "outbound_result.h"

enum {
    /* The node gives up 90 s after its acknowledgement: what follows adds up to less. */
    RESOLVE_MS = 12000,
    ADDRESS_MS = 8000,    /* for one address that is not the last */
    HANDSHAKE_MS = 30000, /* for the last, if handshake_timeout_s is not less */
};

/* ---- what a node asks for ---- */

/* Live sessions of the node with servers other than this one, whose session a new one replaces. */
static unsigned count_others(const struct node *node, uint32_t destination)
{
    unsigned count = 0;

    for (unsigned i = 0; i < KEYBLOCK_SLOTS; i++)
        if (node->slots[i].handle != 0 && node->slots[i].is_outbound &&
            node->slots[i].subscriber != destination)
            count++;
    return count;
}

/* SSM_OK, SSM_NOT_FOUND or SSM_IO; the destination's number. */
static enum status find_destination(const struct delegations *all, const struct node *node,
                                    const struct uri *server, uint32_t *id)
{
    const struct keys_store *store = &all->env->store;
    struct destination_row row;
    enum status status = store->find_destination(store->ctx, node->row.id, server, &row);

    if (status == SSM_OK) {
        *id = row.id;
        bytes_wipe(&row, sizeof row);
    }
    return status;
}

static uint8_t refuse(const struct delegations *all, const struct node *node, const struct uri *server,
                      enum delegator_counter counter)
{
    static const struct {
        const char *event;
        uint8_t code;
    } REFUSALS[] = {
        {"outbound session refused: the node asks for what is no URI of a server", COAP_BAD_REQUEST},
        {"outbound session refused: the server is no destination of this node; see 'ssmctl destination add'",
         COAP_FORBIDDEN},
        {"outbound session refused: the node has as many as it may, or another attempt is under way; see "
         "outbound_sessions",
         COAP_TOO_MANY_REQUESTS},
    };
    const struct assoc_name name = server != NULL ? outbound_result_server(server) : (struct assoc_name){0};
    const struct delegation_env *env = all->env;

    delegation_env_count(all->env, counter);
    env->io.log(env->io.ctx, REFUSALS[counter - DELEGATOR_OUTBOUND_MALFORMED].event, &node->row.name, &name,
                NULL);
    return REFUSALS[counter - DELEGATOR_OUTBOUND_MALFORMED].code;
}

static void resolve(const struct delegations *all, struct node *node, uint64_t now_ms)
{
    struct node_attempt *attempt = &node->attempt;
    struct message m = {.type = MSG_RESOLVE, .node = node->row.id, .request = ++attempt->request};

    attempt->state = NODE_ATTEMPT_RESOLVING;
    attempt->deadline_ms = now_ms + RESOLVE_MS;
    m.data[0].at = (const uint8_t *)attempt->server.host;
    m.data[0].len = uri_host_len(&attempt->server);
    delegation_env_count(all->env, DELEGATOR_OUTBOUND_STARTED);
    delegation_env_send(all->env, &m);
}

static uint8_t attempt_begin(const struct delegations *all, struct node *node,
                             const struct node_saying *asked, uint64_t now_ms)
{
    struct node_attempt *attempt = &node->attempt;
    struct uri server;
    uint32_t destination;

    if (uri_parse(asked->uri, asked->uri_len, &server, NULL) != SSM_OK)
        return refuse(all, node, NULL, DELEGATOR_OUTBOUND_MALFORMED);
    enum status status = find_destination(all, node, &server, &destination);
    if (status == SSM_NOT_FOUND)
        return refuse(all, node, &server, DELEGATOR_OUTBOUND_FORBIDDEN);
    if (status != SSM_OK || !all->nodes->are_sessions_known)
        return COAP_UNAVAILABLE;
    bool is_free = attempt->state == NODE_ATTEMPT_NONE || attempt->state == NODE_ATTEMPT_FAILED;
    if (!is_free || count_others(node, destination) >= all->env->config.outbound_sessions)
        return refuse(all, node, &server, DELEGATOR_OUTBOUND_TOO_MANY);
    if (node->exchange.kind == NODE_EXCHANGE_RESULT) /* it asks again, so it knows of the failure */
        nodes_question_stop(all->nodes, node, true);
    attempt->number = asked->message_id;
    attempt->boot_id = node->row.boot_id;
    attempt->server = server;
    resolve(all, node, now_ms);
    return COAP_CHANGED;
}

/* Later than all that the node has asked before? Message ids wrap around. */
static bool is_later(const struct node_attempt *attempt, uint16_t message_id)
{
    return attempt->is_earlier || attempt->last_asked == 0 ||
           (int16_t)(uint16_t)(message_id - attempt->last_asked) > 0;
}

void outbound_on_request(struct delegations *all, struct node *node, const struct node_saying *asked,
                         uint64_t now_ms)
{
    struct node_attempt *attempt = &node->attempt;

    if (asked->message_id == 0 || asked->message_id != attempt->last_asked) {
        if (!asked->is_new || asked->message_id == 0 || !is_later(attempt, asked->message_id)) {
            delegation_env_count(all->env, DELEGATOR_DROP_CONTROL);
            return;
        }
        attempt->last_code = attempt_begin(all, node, asked, now_ms);
        attempt->last_asked = asked->message_id;
        attempt->is_earlier = false;
    }
    nodes_control_ack(all->nodes, node, asked->message_id, attempt->last_code);
}

/* ---- its server's addresses ---- */

void outbound_on_resolved(struct delegations *all, const struct message *m)
{
    struct node *node = nodes_find(all->nodes, m->node);
    struct node_attempt *attempt;
    size_t count;

    if (node == NULL || node->attempt.state != NODE_ATTEMPT_RESOLVING || node->attempt.request != m->request)
        return;
    attempt = &node->attempt;
    if (resolved_decode(m, attempt->addresses, &count) != SSM_OK || count == 0) {
        outbound_result_failed(all->nodes, node, CONTROL_OUTBOUND_NO_NAME);
        return;
    }
    attempt->count = (uint8_t)count;
    attempt->next = 0;
    attempt->state = NODE_ATTEMPT_READY;
    all->nodes->is_work_due = true;
}

uint64_t outbound_tick(const struct delegations *all, struct node *node, uint64_t now_ms)
{
    if (node->attempt.state != NODE_ATTEMPT_RESOLVING)
        return UINT64_MAX;
    if (now_ms < node->attempt.deadline_ms)
        return node->attempt.deadline_ms;
    outbound_result_failed(all->nodes, node, CONTROL_OUTBOUND_NO_NAME);
    return UINT64_MAX;
}

/* ---- the handshake ---- */

static struct handshake *context_create(struct delegation *d, const struct destination_row *row)
{
    const struct handshake_engine *engine = &d->all->env->engine;
    const struct handshake_destination to = {
        .name = row->server.kind == URI_HOST_NAME ? row->server.host : NULL,
        .peer = d->peer,
        .identity = row->identity,
        .identity_len = row->identity_len,
        .psk = row->psk,
        .psk_len = row->kind == DESTINATION_PSK ? row->psk_len : 0,
        .anchors = row->anchors,
        .chain = row->chain,
        .key = row->key,
    };

    return engine->create_client(engine->ctx, d->work.lane, &to, &handshake_work_callbacks, &d->work);
}

/* Is that 5-tuple another session's, or a handshake's? One of the node itself with that server would be
 * replaced. */
static bool is_in_use(const struct delegations *all, const struct node *node, const struct endpoint *peer,
                      const struct endpoint *local)
{
    for (uint32_t i = 0; i < all->nodes->count; i++) {
        const struct node *other = all->nodes->by_name[i];

        for (unsigned k = 0; k < KEYBLOCK_SLOTS; k++) {
            const struct node_slot *slot = &other->slots[k];
            bool is_replaced = other == node && slot->is_outbound;

            if (slot->handle != 0 && !is_replaced && endpoint_equal(&slot->peer, peer) &&
                endpoint_equal(&slot->local, local))
                return true;
        }
    }
    return delegations_find_by_endpoints(all, peer, local) != NULL;
}

/* The port of the node's session with that server, which a new one replaces; 0: there is none. */
static uint16_t port_before(const struct node *node, const struct endpoint *peer,
                            const struct endpoint *local)
{
    for (unsigned i = 0; i < KEYBLOCK_SLOTS; i++) {
        const struct node_slot *slot = &node->slots[i];

        if (slot->handle != 0 && slot->is_outbound && endpoint_equal(&slot->peer, peer) &&
            bytes_equal(slot->local.addr, local->addr, sizeof local->addr))
            return slot->local.port;
    }
    return 0;
}

/* The node's port, so that its sessions with a server are told from other nodes'; the shared one where the
 * server is a node that is this one's client already. false: that is in use, too. */
static bool choose_port(const struct delegations *all, const struct node *node, const struct endpoint *peer,
                        struct endpoint *local)
{
    const uint16_t before = port_before(node, peer, local);

    local->port = before != 0 ? before : node->row.port;
    if (!is_in_use(all, node, peer, local))
        return true;
    local->port = all->env->config.shared_port;
    return local->port != 0 && !is_in_use(all, node, peer, local);
}

/* A delegation with the attempt's next address. NULL: no room. */
static struct delegation *call(struct delegations *all, const struct node *node,
                               const struct destination_row *row, const struct resolved *address)
{
    struct delegation *d = delegations_take(all);

    if (d == NULL)
        return NULL;
    d->is_outbound = true;
    d->attempt = node->attempt.number;
    d->port_node = node->row.id;
    d->peer = address->peer;
    d->peer.port = row->server.port;
    d->local = address->local;
    d->work.lane = delegations_take_lane(all);
    d->lane = row->kind == DESTINATION_PSK || all->env->io.executor.lanes == 0 ? DELEGATION_LOOP_LANE
                                                                               : d->work.lane;
    d->work.is_client = true;
    d->work.claim = (struct handshake_claim){CLAIM_KNOWN, row->id, row->kind == DESTINATION_CERTIFICATE,
                                             outbound_result_server(&row->server)};
    d->subscriber = row->id;
    d->identity = d->work.claim.identity;
    if (choose_port(all, node, &d->peer, &d->local))
        d->work.library = context_create(d, row);
    if (d->work.library == NULL) {
        delegation_free(d);
        return NULL;
    }
    d->node = node->row.id;
    return d;
}

static uint64_t wait_ms_of(const struct delegations *all, const struct node_attempt *attempt)
{
    const uint64_t configured_ms = (uint64_t)all->env->config.handshake_timeout_s * 1000;
    const uint64_t wait_ms = attempt->next + 1 < attempt->count ? ADDRESS_MS : HANDSHAKE_MS;

    return configured_ms < wait_ms ? configured_ms : wait_ms;
}

static void call_next(struct delegations *all, struct node *node, uint64_t now_ms)
{
    struct node_attempt *attempt = &node->attempt;
    const struct keys_store *store = &all->env->store;
    const uint64_t wait_ms = wait_ms_of(all, attempt);
    struct destination_row row;
    struct delegation *d;

    if (store->find_destination(store->ctx, node->row.id, &attempt->server, &row) != SSM_OK) {
        outbound_result_failed(all->nodes, node, CONTROL_OUTBOUND_BROKEN);
        return;
    }
    d = call(all, node, &row, &attempt->addresses[attempt->next++]);
    bytes_wipe(&row, sizeof row);
    if (d == NULL) {
        outbound_result_failed(all->nodes, node, CONTROL_OUTBOUND_NO_ROOM);
        return;
    }
    delegation_begin(d, now_ms + wait_ms);
    attempt->connection = d->connection;
    attempt->state = NODE_ATTEMPT_CONNECTING;
}

void outbound_advance(struct delegations *all, uint64_t now_ms)
{
    for (uint32_t i = 0; i < all->nodes->count; i++)
        if (all->nodes->by_name[i]->attempt.state == NODE_ATTEMPT_READY)
            call_next(all, all->nodes->by_name[i], now_ms);
}

void outbound_on_association(struct delegations *all, struct node *node)
{
    const uint32_t request = node->attempt.request;
    struct delegation *d = NULL;

    if (node->attempt.boot_id == node->row.boot_id)
        return;
    if (node->attempt.state == NODE_ATTEMPT_CONNECTING)
        d = delegations_find(all, node->attempt.connection);
    node->attempt = (struct node_attempt){.request = request, .boot_id = node->row.boot_id};
    if (d != NULL && d->state < DELEGATION_HANDOVER) /* from there on it is the hand-over's to end */
        delegation_drop(d, CLOSE_NODE_REBOOT);
}
