#include "relay.h"

#include "relay_close.h"
#include "relay_handover.h"
#include "relay_link.h"
#include "relay_peer.h"

#include <stdlib.h> /* one calloc at the start */

const char *relay_counter_name(enum relay_counter counter)
{
    static const char *const names[RELAY_COUNTERS] = {
        [RELAY_TO_NODE] = "records_to_node",
        [RELAY_FROM_NODE] = "records_from_node",
        [RELAY_SESSIONS] = "sessions",
        [RELAY_OPENING] = "opening",
        [RELAY_SESSIONS_OPENED] = "sessions_opened",
        [RELAY_SESSIONS_CLOSED] = "sessions_closed",
        [RELAY_SESSIONS_THROTTLED] = "sessions_throttled",
        [RELAY_FLIGHTS_REPLAYED] = "flights_replayed",
        [RELAY_TOMBSTONES_SENT] = "tombstones_sent",
        [RELAY_HELLOS] = "client_hellos",
        [RELAY_TO_KEYS] = "handshake_records",
        [RELAY_CONTROL_IN] = "control_from_node",
        [RELAY_DROP_PEER_MALFORMED] = "drop_peer_malformed",
        [RELAY_DROP_PEER_UNKNOWN] = "drop_peer_unknown",
        [RELAY_DROP_PEER_TYPE] = "drop_peer_type",
        [RELAY_DROP_PEER_TOO_LONG] = "drop_peer_too_long",
        [RELAY_DROP_PEER_BUDGET] = "drop_peer_budget",
        [RELAY_DROP_PEER_HELD] = "drop_peer_held",
        [RELAY_DROP_EARLY] = "drop_early",
        [RELAY_DROP_NODE_MALFORMED] = "drop_node_malformed",
        [RELAY_DROP_NODE_UNKNOWN] = "drop_node_unknown",
        [RELAY_DROP_NODE_FORGED] = "drop_node_forged",
        [RELAY_DROP_NODE_REPLAYED] = "drop_node_replayed",
        [RELAY_DROP_NODE_FLOOD] = "drop_node_flood",
        [RELAY_DROP_NO_ROOM] = "drop_no_room",
    };

    return counter < RELAY_COUNTERS ? names[counter] : "?";
}

/* ---- life ---- */

/* Lays everything out in the arena, the relay itself first. */
static void lay_out(struct relay *r, struct arena *a, const struct relay_config *config)
{
    /* A record that fits one frame behind the shortest link header, with its DTLS header. */
    size_t early_cap = (size_t)config->link_mtu - LINK_RECORD_HEADER_MIN + RECORD_SEALED_HEADER_LEN;

    (void)arena_take(a, 1, sizeof *r);
    session_table_init(&r->sessions, a, config->max_sessions, config->hash_seed);
    flight_pool_init(&r->flights, a, config->max_handovers, early_cap, config->hash_seed);
    relay_nodes_init(&r->nodes, a, config->max_nodes, config->hash_seed);
    r->rows = arena_take(a, SESSION_ROWS_MAX, SESSION_ROW_LEN);
}

struct relay *relay_create(const struct relay_config *config, const struct relay_io *io,
                           const struct relay_store *store)
{
    struct relay measured;
    struct arena arena = {.block = NULL};
    struct relay *r;

    lay_out(&measured, &arena, config);
    arena.block = calloc(1, arena.used);
    arena.used = 0;
    if (arena.block == NULL)
        return NULL;
    r = (void *)arena.block;
    lay_out(r, &arena, config);
    r->config = *config;
    r->io = io;
    r->store = store;
    r->repeat_due_ms = UINT64_MAX;
    relay_budgets_init(r);
    return r;
}

void relay_destroy(struct relay *r)
{
    if (r == NULL)
        return;
    for (uint32_t number = 1; number <= r->nodes.slots.high; number++) {
        struct relay_node *node = relay_nodes_at(&r->nodes, number);

        if (node != NULL)
            relay_nodes_remove(&r->nodes, node);
    }
    free(r);
}

/* ---- start ---- */

struct load {
    struct relay *relay;
    uint64_t now_ms;
    uint64_t wall_s;
};

static enum status node_load(void *arg, const struct relay_node_row *row)
{
    struct relay *r = ((const struct load *)arg)->relay;
    struct relay_node *node = relay_nodes_add(&r->nodes, row->node);

    if (node == NULL) {
        relay_log(r, "a node of the database has no room: see max_nodes", row->node, NULL);
        return SSM_OK;
    }
    relay_node_move(&r->nodes, node, &row->endpoint);
    for (uint8_t i = row->tag_keys_before_count; i-- > 0;)
        relay_node_set_key(node, 0, row->tag_keys_before[i]);
    relay_node_set_key(node, row->generation, row->tag_key);
    return SSM_OK;
}

static enum status session_load(void *arg, const struct relay_session_row *row)
{
    const struct load *load = arg;
    struct relay *r = load->relay;
    uint32_t now_s = relay_seconds(load->now_ms);
    struct session *s = NULL;

    if (session_find_by_peer(&r->sessions, &row->local, &row->peer).settled == NULL)
        s = session_add(&r->sessions, &row->local, &row->peer);
    if (s == NULL) {
        relay_log(r, "a session of the database has no room: see max_sessions", row->node, &row->peer);
        return SSM_OK;
    }
    session_set_handle(&r->sessions, s, row->node, row->handle);
    s->slot = row->slot;
    s->is_outbound = row->is_outbound;
    s->subscriber = row->subscriber;
    session_keep_tombstone(s, row->tombstone);
    s->since_s = now_s - (load->wall_s > row->opened_s ? (uint32_t)(load->wall_s - row->opened_s) : 0);
    s->last_s = now_s;
    s->is_used = true; /* nobody knows; the idle time-out ends it if it is not */
    relay_session_event(s, SESSION_RESTORE);
    r->counters[RELAY_SESSIONS]++;
    return SSM_OK;
}

enum status relay_load(struct relay *r, uint64_t now_ms, uint64_t wall_s)
{
    struct load load = {.relay = r, .now_ms = now_ms, .wall_s = wall_s};
    enum status status = r->store->each_node(r->store->ctx, node_load, &load);

    return status == SSM_OK ? r->store->each_session(r->store->ctx, session_load, &load) : status;
}

/* ---- datagrams ---- */

void relay_from_peer(struct relay *r, uint32_t node, const struct endpoint *local,
                     const struct endpoint *peer, uint8_t *datagram, size_t len, uint64_t now_ms)
{
    struct peer_record p = {.node = node, .local = local, .peer = peer, .bytes = datagram, .now_ms = now_ms};

    do {
        if (record_peek(p.bytes, len, &p.record, &p.len) != SSM_OK) {
            r->counters[RELAY_DROP_PEER_MALFORMED]++;
            return;
        }
        relay_peer_on_record(r, &p);
        p.bytes += p.len;
        len -= p.len;
    } while (len > 0);
}

void relay_from_node(struct relay *r, const struct endpoint *node, uint8_t *datagram, size_t len,
                     uint64_t now_ms)
{
    r->counters[relay_link_on_datagram(r, node, datagram, len, now_ms)]++;
}

/* ---- messages of `keys` ---- */

static void session_describe(const struct session *s, uint32_t now_s, uint8_t out[SESSION_ROW_LEN])
{
    const struct session_row row = {.node = s->node,
                                    .is_outbound = s->is_outbound,
                                    .subscriber = s->subscriber,
                                    .handle = s->handle,
                                    .slot = s->slot,
                                    .state = s->state,
                                    .peer = s->peer,
                                    .local = s->local,
                                    .age_s = now_s - s->since_s,
                                    .idle_s = now_s - s->last_s,
                                    .to_node = s->to_node,
                                    .from_node = s->from_node};

    session_row_encode(&row, out);
}

/* Lists the live sessions; a cursor is one more than the number of the last session looked at. */
static void list(struct relay *r, const struct message *m, uint64_t now_ms)
{
    struct message answer = {.type = MSG_SESSION_LIST, .request = m->request, .data = {{.at = r->rows}}};
    uint64_t number = m->value > 0 ? m->value : 1;

    for (; number <= r->sessions.slots.high; number++) {
        const struct session *s = session_at(&r->sessions, (uint32_t)number);

        if (s == NULL || s->state != SESSION_ACTIVE)
            continue;
        if (answer.data[0].len == SESSION_ROWS_MAX * SESSION_ROW_LEN) {
            answer.value = number;
            break;
        }
        session_describe(s, relay_seconds(now_ms), r->rows + answer.data[0].len);
        answer.data[0].len += SESSION_ROW_LEN;
    }
    r->io->to_keys(r->io->ctx, &answer);
}

static void status_report(const struct relay *r, const struct message *m)
{
    uint8_t counters[RELAY_COUNTERS * sizeof(uint64_t)];
    const struct message answer = {
        .type = MSG_STATUS, .request = m->request, .data = {{.at = counters, .len = sizeof counters}}};

    for (size_t i = 0; i < sizeof counters; i++)
        counters[i] = (uint8_t)(r->counters[i / 8] >> i % 8 * 8);
    r->io->to_keys(r->io->ctx, &answer);
}

void relay_on_message(struct relay *r, const struct message *m, uint64_t now_ms, uint64_t wall_s)
{
    switch (m->type) {
    case MSG_DGRAM_OUT:
        relay_handover_datagram(r, m, now_ms);
        break;
    case MSG_SESSION_PREPARE:
        relay_handover_prepare(r, m, now_ms);
        break;
    case MSG_SESSION_COMMIT:
        relay_handover_commit(r, m, wall_s);
        break;
    case MSG_SESSION_ABORT:
        relay_handover_abort(r, m);
        break;
    case MSG_NODE_CTRL_OUT:
        relay_link_send(r, m, now_ms);
        break;
    case MSG_NODE_CTRL_DONE:
        relay_link_done(r, m);
        break;
    case MSG_NODE_KEYS:
        relay_link_keys(r, m, now_ms);
        break;
    case MSG_NODE_GONE:
        relay_link_gone(r, m, now_ms);
        break;
    case MSG_SESSION_CLOSE:
        relay_close_matching(r, m, (enum close_reason)m->kind, now_ms);
        break;
    case MSG_SESSION_THROTTLE:
        relay_link_throttle(r, m);
        break;
    case MSG_SESSION_EVICT:
        relay_evict(r, m->node, now_ms);
        break;
    case MSG_SESSION_LIST:
        list(r, m, now_ms);
        break;
    case MSG_STATUS:
        status_report(r, m);
        break;
    default:
        relay_log(r, "a message of another kind was ignored", m->node, NULL);
    }
}

void relay_on_keys_restart(struct relay *r)
{
    relay_handover_restart(r);
}

/* ---- time ---- */

uint64_t relay_on_tick(struct relay *r, uint64_t now_ms)
{
    uint64_t sweep_ms = relay_sweep(r, now_ms);
    uint64_t quiet_ms = relay_link_quiet(r, now_ms);
    uint64_t repeat_ms = relay_link_repeat(r, now_ms);
    uint64_t next_ms = sweep_ms < quiet_ms ? sweep_ms : quiet_ms;

    return next_ms < repeat_ms ? next_ms : repeat_ms;
}

void relay_flush(struct relay *r, uint64_t now_ms)
{
    relay_handover_flush(r, now_ms);
}
