#include "delegation.h"

#include "delegation_handover.h"
#include "delegation_resumption.h"
#include "linkframe.h"
#include "nodes_association.h"
#include "outbound.h"
#include "outbound_result.h"
#include "session.h"

#include <stdlib.h>

struct delegator {
    struct delegation_env env;
    struct nodes nodes;
    struct delegations delegations;
    uint32_t list_request; /* of the session list that is awaited */
};

const char *delegator_counter_name(enum delegator_counter counter)
{
    static const char *const NAMES[DELEGATOR_COUNTERS] = {
        [DELEGATOR_HANDSHAKES] = "handshakes",
        [DELEGATOR_HANDSHAKES_STARTED] = "handshakes_started",
        [DELEGATOR_HANDSHAKES_DONE] = "handshakes_done",
        [DELEGATOR_RESUMPTION_DONE] = "resumption_done",
        [DELEGATOR_RESUMPTION_MISSED] = "resumption_missed",
        [DELEGATOR_COOKIES_SENT] = "cookies_sent",
        [DELEGATOR_FAILED_HANDSHAKE] = "failed_handshake",
        [DELEGATOR_FAILED_IDENTITY] = "failed_identity",
        [DELEGATOR_FAILED_CERTIFICATE] = "failed_certificate",
        [DELEGATOR_FAILED_NAME] = "failed_name",
        [DELEGATOR_FAILED_KEY] = "failed_key",
        [DELEGATOR_FAILED_GRANT] = "failed_grant",
        [DELEGATOR_FAILED_NODE] = "failed_node",
        [DELEGATOR_FAILED_TIMEOUT] = "failed_timeout",
        [DELEGATOR_FAILED_BUSY] = "failed_busy",
        [DELEGATOR_DROP_FORGED] = "drop_forged",
        [DELEGATOR_ASSOCIATIONS] = "associations",
        [DELEGATOR_DROP_ASSOCIATION] = "drop_association",
        [DELEGATOR_DROP_CONTROL] = "drop_control",
        [DELEGATOR_KEYBLOCKS_ACKED] = "keyblocks_acked",
        [DELEGATOR_OUTBOUND_STARTED] = "outbound_started",
        [DELEGATOR_OUTBOUND_DONE] = "outbound_done",
        [DELEGATOR_OUTBOUND_MALFORMED] = "outbound_malformed",
        [DELEGATOR_OUTBOUND_FORBIDDEN] = "outbound_forbidden",
        [DELEGATOR_OUTBOUND_TOO_MANY] = "outbound_too_many",
    };

    if (counter >= DELEGATOR_OUTBOUND_FAILED)
        return outbound_result_counter_name(
            (enum control_outbound_reason)(counter - DELEGATOR_OUTBOUND_FAILED + 1));
    return NAMES[counter];
}

uint64_t delegator_counter(const struct delegator *d, enum delegator_counter counter)
{
    return d->env.counters[counter];
}

/* ---- life ---- */

/* Without resumption there is no room for a secret of it. */
static bool resumption_allocate(struct delegations *all, const struct delegator_config *config)
{
    if (config->resumption_s == 0)
        return true;
    all->sessions = calloc(config->max_handshakes, sizeof *all->sessions);
    all->resumption.all = calloc(config->resumption_sessions, sizeof *all->resumption.all);
    all->resumption.cap = all->resumption.all != NULL ? config->resumption_sessions : 0;
    return all->sessions != NULL && all->resumption.all != NULL;
}

static bool delegator_allocate(struct delegator *d)
{
    const struct delegator_config *config = &d->env.config;

    d->nodes.pool = calloc(config->max_nodes, sizeof *d->nodes.pool);
    d->nodes.by_name = calloc(config->max_nodes, sizeof *d->nodes.by_name);
    d->delegations.pool = calloc(config->max_handshakes, sizeof *d->delegations.pool);
    d->delegations.buffers = calloc(config->max_handshakes, sizeof *d->delegations.buffers);
    return d->nodes.pool != NULL && d->nodes.by_name != NULL && d->delegations.pool != NULL &&
           d->delegations.buffers != NULL && resumption_allocate(&d->delegations, config);
}

struct delegator *delegator_create(const struct delegator_config *config, const struct delegator_io *io,
                                   const struct handshake_engine *engine, const struct keys_store *store)
{
    SSM_ASSERT(config->node_slots > 0 && config->node_slots <= KEYBLOCK_SLOTS);
    SSM_ASSERT(config->resumption_s == 0 || config->resumption_sessions > 0);
    SSM_ASSERT(io->executor.lanes <= DELEGATION_LANES_MAX);
    struct delegator *d = calloc(1, sizeof *d);

    if (d == NULL)
        return NULL;
    d->env.config = *config;
    d->env.io = *io;
    d->env.engine = *engine;
    d->env.store = *store;
    d->nodes.env = &d->env;
    d->delegations.env = &d->env;
    d->delegations.nodes = &d->nodes;
    if (!delegator_allocate(d)) {
        delegator_destroy(d);
        return NULL;
    }
    /* A peer of the run before must not be taken for one of this run: connections start anywhere. */
    io->random(io->ctx, (uint8_t *)&d->delegations.last_connection, sizeof d->delegations.last_connection);
    io->random(io->ctx, (uint8_t *)&d->delegations.hash_seed, sizeof d->delegations.hash_seed);
    return d;
}

void delegator_destroy(struct delegator *d)
{
    const struct delegator_config *config = &d->env.config;

    for (uint32_t i = 0; i < d->delegations.end; i++)
        if (d->delegations.pool[i].state != DELEGATION_FREE)
            delegation_abandon(&d->delegations.pool[i]);
    if (d->nodes.pool != NULL)
        bytes_wipe(d->nodes.pool, config->max_nodes * sizeof *d->nodes.pool);
    resumption_forget_all(&d->delegations.resumption, 0, 0, 0);
    free(d->delegations.resumption.all);
    free(d->delegations.sessions);
    free(d->delegations.pool);
    free(d->delegations.buffers);
    free(d->nodes.pool);
    free(d->nodes.by_name);
    bytes_wipe(d, sizeof *d);
    free(d);
}

static enum status on_node_row(void *arg, const struct node_row *row)
{
    struct nodes *nodes = arg;
    enum status status = nodes_add(nodes, row);

    return status == SSM_EXISTS ? SSM_OK : status; /* relay was restarted, not we */
}

static void list_request(const struct delegator *d, uint64_t cursor)
{
    struct message m = {.type = MSG_SESSION_LIST, .request = d->list_request, .value = cursor};

    delegation_env_send(&d->env, &m);
}

/* Which sessions a node has is unknown until relay has listed them. */
static void node_restart(const struct delegator *d, struct node *node, uint64_t now_ms)
{
    for (uint8_t i = 0; i < KEYBLOCK_SLOTS; i++)
        node->slots[i] = (struct node_slot){.is_stale = true};
    node->exchange = (struct node_exchange){.kind = NODE_EXCHANGE_NONE};
    node->is_live_due = true;
    node->answer_due_ms = 0;
    node->is_silent = false;
    node->rejoin_ms = now_ms;
    node->rejoin_pause_ms = 0;
    if (node->is_associated)
        nodes_association_publish(&d->nodes, node);
}

enum status delegator_start(struct delegator *d, uint64_t now_ms)
{
    static const struct delegation_failure RESTART = {DELEGATOR_FAILED_HANDSHAKE, ALERT_INTERNAL_ERROR,
                                                      CLOSE_RESTART,
                                                      "handshake failed: the gateway's relay was restarted"};

    for (uint32_t i = 0; i < d->delegations.end; i++)
        if (d->delegations.pool[i].state >= DELEGATION_HANDSHAKE)
            delegation_fail(&d->delegations.pool[i], &RESTART);
    enum status status = d->env.store.each_node(d->env.store.ctx, on_node_row, &d->nodes);
    if (status != SSM_OK)
        return status;
    for (uint32_t i = 0; i < d->nodes.count; i++)
        node_restart(d, d->nodes.by_name[i], now_ms);
    d->nodes.are_sessions_known = false;
    d->list_request++;
    list_request(d, 0);
    return SSM_OK;
}

static void take_finished(struct delegator *d, uint64_t now_ms)
{
    struct delegation *finished;

    d->delegations.is_finished = false;
    while ((finished = delegations_find_in_state(&d->delegations, DELEGATION_FINISHED)) != NULL)
        handover_begin(finished, now_ms);
}

/* Starts whatever turn or exchange has become possible. One that starts may end at once and make room for
 * another. */
static void advance(struct delegator *d, uint64_t now_ms)
{
    delegations_run_turns(&d->delegations, now_ms);
    if (d->delegations.is_finished)
        take_finished(d, now_ms);
    while (d->nodes.is_work_due) {
        d->nodes.is_work_due = false;
        outbound_advance(&d->delegations, now_ms);
        handover_advance(&d->delegations, now_ms);
    }
    delegations_run_turns(&d->delegations, now_ms); /* of what has begun just now */
}

/* ---- messages of relay ---- */

static void on_control(struct delegator *d, const struct message *m, uint64_t now_ms)
{
    struct node *node = nodes_find(&d->nodes, m->node);
    struct node_saying said;

    if (node == NULL) {
        delegation_env_count(&d->env, DELEGATOR_DROP_CONTROL);
        return;
    }
    if (!node->is_associated) {
        nodes_association_missing(&d->nodes, node, &m->peer, now_ms);
        return;
    }
    nodes_control_input(&d->nodes, node, m->data[0], now_ms, &said);
    if (said.kind == NODE_ANSWERS_KEYBLOCK)
        handover_on_answer(&d->delegations, node, said.code);
    else if (said.kind == NODE_ASKS_OUTBOUND)
        outbound_on_request(&d->delegations, node, &said, now_ms);
}

static void on_node_datagram(struct delegator *d, const struct message *m, uint64_t now_ms)
{
    if (link_kind_of(m->data[0].at, m->data[0].len) != LINK_ASSOCIATION) {
        on_control(d, m, now_ms);
        return;
    }
    struct node *node = nodes_association_input(&d->nodes, m, now_ms);
    if (node == NULL)
        return;
    outbound_on_association(&d->delegations, node);
    handover_on_association(&d->delegations, node);
}

static void on_sign_of_life(struct delegator *d, const struct message *m, uint64_t now_ms)
{
    struct node *node = nodes_find(&d->nodes, m->node);

    if (node == NULL)
        return;
    if (m->type == MSG_NODE_HEARD)
        nodes_heard(&d->nodes, node, now_ms);
    else
        nodes_quiet(&d->nodes, node, now_ms);
}

static void on_session_row(struct delegator *d, const struct session_row *row)
{
    struct node *node = nodes_find(&d->nodes, row->node);
    struct message gone = {.type = MSG_NODE_GONE, .node = row->node};

    if (node == NULL)
        delegation_env_send(&d->env, &gone);
    else if (row->state == SESSION_ACTIVE)
        nodes_restore_slot(node, row);
}

static void on_session_list(struct delegator *d, const struct message *m)
{
    struct session_row row;

    if (m->request != d->list_request || d->nodes.are_sessions_known)
        return;
    for (size_t at = 0; at + SESSION_ROW_LEN <= m->data[0].len; at += SESSION_ROW_LEN)
        if (session_row_decode(m->data[0].at + at, &row) == SSM_OK)
            on_session_row(d, &row);
    if (m->value != 0) {
        list_request(d, m->value);
        return;
    }
    d->nodes.are_sessions_known = true;
    d->nodes.is_work_due = true;
}

void delegator_on_message(struct delegator *d, const struct message *m, uint64_t now_ms)
{
    switch (m->type) {
    case MSG_DGRAM_IN:
        delegations_on_record(&d->delegations, m, now_ms);
        break;
    case MSG_NODE_CTRL_IN:
        on_node_datagram(d, m, now_ms);
        break;
    case MSG_NODE_HEARD:
    case MSG_NODE_QUIET:
        on_sign_of_life(d, m, now_ms);
        break;
    case MSG_SESSION_DURABLE:
        handover_on_durable(&d->delegations, m);
        break;
    case MSG_SESSION_ABORT:
        handover_on_abort(&d->delegations, m);
        break;
    case MSG_SESSION_CLOSED:
        handover_on_closed(&d->delegations, m);
        break;
    case MSG_SESSION_LIST:
        on_session_list(d, m);
        break;
    case MSG_RESOLVED:
        outbound_on_resolved(&d->delegations, m);
        break;
    default:
        break;
    }
    advance(d, now_ms);
}

void delegator_on_turn(struct delegator *d, struct handshake_work *w, uint64_t now_ms)
{
    delegations_on_turn(&d->delegations, w);
    advance(d, now_ms);
}

/* ---- time ---- */

static void keep_earliest(uint64_t *earliest, uint64_t other)
{
    if (other < *earliest)
        *earliest = other;
}

uint64_t delegator_on_tick(struct delegator *d, uint64_t now_ms)
{
    uint64_t next = UINT64_MAX;

    for (uint32_t i = 0; i < d->delegations.end; i++) {
        delegation_handshake_tick(&d->delegations.pool[i], now_ms);
        keep_earliest(&next, handover_tick(&d->delegations.pool[i], now_ms));
    }
    keep_earliest(&next, nodes_association_tick(&d->nodes, now_ms));
    keep_earliest(&next, resumption_tick(&d->delegations.resumption, now_ms));
    for (uint32_t i = 0; i < d->nodes.count; i++) {
        (void)nodes_silence_tick(&d->nodes, d->nodes.by_name[i], now_ms);
        keep_earliest(&next, outbound_tick(&d->delegations, d->nodes.by_name[i], now_ms));
    }
    advance(d, now_ms);
    for (uint32_t i = 0; i < d->delegations.end; i++)
        keep_earliest(&next, delegation_handshake_wake_ms(&d->delegations.pool[i]));
    for (uint32_t i = 0; i < d->nodes.count; i++)
        keep_earliest(&next, nodes_silence_tick(&d->nodes, d->nodes.by_name[i], now_ms));
    return next;
}

/* ---- administration ---- */

enum status delegator_add_node(struct delegator *d, const struct node_row *row)
{
    return nodes_add(&d->nodes, row);
}

void delegator_remove_node(struct delegator *d, uint32_t node, uint64_t now_ms)
{
    static const struct delegation_failure REMOVED = {DELEGATOR_FAILED_NODE, ALERT_INTERNAL_ERROR,
                                                      CLOSE_REVOKED, "handshake ended: the node was removed"};
    struct message gone = {.type = MSG_NODE_GONE, .node = node};
    struct node *known = nodes_find(&d->nodes, node);

    for (uint32_t i = 0; i < d->delegations.end; i++) {
        struct delegation *each = &d->delegations.pool[i];
        if (each->state >= DELEGATION_HANDSHAKE && (each->node == node || each->port_node == node))
            delegation_fail(each, &REMOVED);
    }
    resumption_forget_all(&d->delegations.resumption, node, 0, 0);
    if (known == NULL)
        return;
    delegation_env_send(&d->env, &gone);
    nodes_remove(&d->nodes, known);
    advance(d, now_ms);
}

/* Whose sessions are to end. */
struct whose {
    uint16_t handle; /* 0: any */
    enum message_direction direction;
    uint32_t subscriber; /* or destination; 0: any */
};

/* Ends these sessions of the node; the slots are free once relay says so. */
static void session_close(const struct delegator *d, const struct node *node, struct whose whose,
                          enum close_reason reason)
{
    struct message m = {.type = MSG_SESSION_CLOSE,
                        .node = node->row.id,
                        .handle = whose.handle,
                        .slot = (uint8_t)whose.direction,
                        .subscriber = whose.subscriber,
                        .kind = (uint8_t)reason};

    delegation_env_send(&d->env, &m);
}

void delegator_remove_subscriber(struct delegator *d, uint32_t subscriber, uint64_t now_ms)
{
    for (uint32_t i = 0; i < d->delegations.end; i++) {
        struct delegation *each = &d->delegations.pool[i];
        const struct delegation_failure removed = {DELEGATOR_FAILED_GRANT, delegation_refusal(each),
                                                   CLOSE_REVOKED,
                                                   "handshake ended: the subscriber was removed"};

        if (each->is_outbound || each->state < DELEGATION_HANDSHAKE || each->subscriber != subscriber)
            continue;
        if (each->state < DELEGATION_COMMITTING)
            delegation_fail(each, &removed);
        else
            delegation_resumption_revoke(each);
    }
    resumption_forget_all(&d->delegations.resumption, 0, subscriber, 0);
    for (uint32_t i = 0; i < d->nodes.count; i++)
        if (!d->nodes.are_sessions_known || nodes_has_session_of(d->nodes.by_name[i], subscriber))
            session_close(d, d->nodes.by_name[i], (struct whose){0, DIRECTION_IN, subscriber}, CLOSE_REVOKED);
    advance(d, now_ms);
}

void delegator_remove_destination(struct delegator *d, uint32_t node, uint32_t destination, uint64_t now_ms)
{
    static const struct delegation_failure REMOVED = {DELEGATOR_FAILED_GRANT, ALERT_INTERNAL_ERROR,
                                                      CLOSE_REVOKED,
                                                      "handshake ended: the destination was removed"};
    const struct node *known = nodes_find(&d->nodes, node);

    for (uint32_t i = 0; i < d->delegations.end; i++) {
        struct delegation *each = &d->delegations.pool[i];

        if (each->is_outbound && each->state >= DELEGATION_HANDSHAKE && each->state < DELEGATION_COMMITTING &&
            each->subscriber == destination)
            delegation_fail(each, &REMOVED);
    }
    if (known == NULL)
        return;
    session_close(d, known, (struct whose){0, DIRECTION_OUT, destination}, CLOSE_REVOKED);
    advance(d, now_ms);
}

enum status delegator_close_session(struct delegator *d, uint32_t node, uint16_t handle, uint64_t now_ms)
{
    struct node *known = nodes_find(&d->nodes, node);

    if (known == NULL || nodes_find_slot(known, handle) == NULL)
        return SSM_NOT_FOUND;
    for (uint32_t i = 0; i < d->delegations.end; i++) {
        struct delegation *each = &d->delegations.pool[i];

        if (each->state == DELEGATION_COMMITTING && each->node == node && each->handle == handle)
            delegation_resumption_revoke(each);
    }
    resumption_forget_all(&d->delegations.resumption, node, 0, handle);
    session_close(d, known, (struct whose){handle, DIRECTION_IN, 0}, CLOSE_ADMIN);
    advance(d, now_ms);
    return SSM_OK;
}

void delegator_on_trust_changed(struct delegator *d)
{
    d->delegations.trust++;
    resumption_forget_all(&d->delegations.resumption, 0, 0, 0);
}

uint32_t delegator_resumable_sessions(const struct delegator *d)
{
    return d->delegations.resumption.count;
}

static void view_fill(const struct node *node, struct node_view *out)
{
    *out = (struct node_view){
        .id = node->row.id,
        .name = node->row.name,
        .port = node->row.port,
        .associated = node->is_associated,
        .silent = node->is_silent,
        .assoc_counter = node->row.assoc_counter,
        .boot_id = node->row.boot_id,
        .endpoint = node->endpoint,
        .heard_ms = node->heard_ms,
        .sessions = nodes_session_count(node),
    };
}

bool delegator_view_node(const struct delegator *d, size_t index, struct node_view *out)
{
    if (index >= d->nodes.count)
        return false;
    view_fill(d->nodes.by_name[index], out);
    return true;
}

enum status delegator_find_node(const struct delegator *d, const char *name, size_t len,
                                struct node_view *out)
{
    const struct node *node = nodes_find_name(&d->nodes, name, len);

    if (node == NULL)
        return SSM_NOT_FOUND;
    view_fill(node, out);
    return SSM_OK;
}
