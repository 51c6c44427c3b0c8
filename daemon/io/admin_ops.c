#include "admin_ops.h"

#include "admin_ca.h"
#include "admin_destinations.h"
#include "admin_links.h"
#include "admin_nodes.h"
#include "admin_reply.h"
#include "admin_subscribers.h"
#include "log.h"
#include "relay.h"
#include "session.h"

/* ---- sessions and status ---- */

static json_t *session_close(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    const struct admin_context *c = o->context;
    struct node_view view;

    if (!admin_node_find(o, &r->name, &view))
        return admin_refuse_unknown("node", &r->name);
    if (delegator_close_session(c->delegator, view.id, r->handle, c->now_ms(c->ctx)) != SSM_OK)
        return admin_refuse("node '%.*s' has no session %u; `ssmctl session list` shows them", NAME(&r->name),
                            r->handle);
    log_line(LOG_NOTICE, "admin: uid %u closed session %u of node '%.*s'", caller, r->handle, NAME(&r->name));
    return json_pack("{s:b, s:o, s:i}", "ok", 1, "node", admin_json_name(&r->name), "handle", r->handle);
}

static enum status map_subscriber(void *map, const struct subscriber_row *row)
{
    admin_map_set_new(map, row->id, admin_json_name(&row->name));
    return SSM_OK;
}

static enum status map_destination(void *map, const struct destination_row *row)
{
    char server[URI_LEN_MAX + 1];

    (void)uri_print(&row->server, server);
    admin_map_set_new(map, row->id, json_string(server));
    return SSM_OK;
}

/* What numbers stand for. */
struct session_names {
    json_t *nodes;
    json_t *subscribers;
    json_t *destinations;
};

/* Without all names the list is still worth having. */
static struct session_names session_names_read(const struct admin_ops *o)
{
    const struct keys_store *store = o->context->store;
    struct session_names names = {admin_node_names(o), json_object(), json_object()};

    if (store->each_subscriber(store->ctx, map_subscriber, names.subscribers) != SSM_OK ||
        store->each_destination(store->ctx, 0, map_destination, names.destinations) != SSM_OK)
        log_line(LOG_ERR, "admin: the subscribers or destinations could not be read");
    return names;
}

static void session_names_free(struct session_names *names)
{
    json_decref(names->nodes);
    json_decref(names->subscribers);
    json_decref(names->destinations);
}

/* Of "subscriber" and "destination" one is null. */
static json_t *session_describe(const struct session_row *row, const struct session_names *names)
{
    json_t *subscriber = row->is_outbound ? NULL : admin_map_get(names->subscribers, row->subscriber);
    json_t *destination = row->is_outbound ? admin_map_get(names->destinations, row->subscriber) : NULL;

    return json_pack("{s:O?, s:i, s:s, s:O?, s:O?, s:s, s:i, s:o, s:o, s:I, s:I, s:I, s:I}", "node",
                     admin_map_get(names->nodes, row->node), "handle", row->handle, "direction",
                     row->is_outbound ? "out" : "in", "subscriber", subscriber, "destination", destination,
                     "state", session_state_name((enum session_state)row->state), "slot", row->slot, "peer",
                     admin_json_endpoint(&row->peer), "local", admin_json_endpoint(&row->local), "age_s",
                     (json_int_t)row->age_s, "idle_s", (json_int_t)row->idle_s, "to_node",
                     (json_int_t)row->to_node, "from_node", (json_int_t)row->from_node);
}

static json_t *session_page(const struct admin_ops *o, const struct message *answer)
{
    struct session_names names = session_names_read(o);
    json_t *sessions = json_array();
    json_t *next = answer->value == 0 ? json_null() : json_integer((json_int_t)answer->value);

    for (size_t at = 0; at + SESSION_ROW_LEN <= answer->data[0].len; at += SESSION_ROW_LEN) {
        struct session_row row;

        if (session_row_decode(answer->data[0].at + at, &row) == SSM_OK)
            json_array_append_new(sessions, session_describe(&row, &names));
    }
    session_names_free(&names);
    return json_pack("{s:b, s:o, s:o}", "ok", 1, "sessions", sessions, "next", next);
}

static json_t *keys_counters(const struct admin_ops *o)
{
    json_t *counters = json_object();

    for (unsigned i = 0; i < DELEGATOR_COUNTERS; i++) {
        enum delegator_counter counter = (enum delegator_counter)i;

        json_object_set_new(counters, delegator_counter_name(counter),
                            json_integer((json_int_t)delegator_counter(o->context->delegator, counter)));
    }
    return counters;
}

/* MSG_STATUS: 8 bytes a counter, little-endian, in the order of enum relay_counter. */
static json_t *relay_counters(const struct span *data)
{
    json_t *counters = json_object();

    for (unsigned i = 0; i < RELAY_COUNTERS && (i + 1) * sizeof(uint64_t) <= data->len; i++) {
        uint64_t value = 0;

        for (unsigned byte = 8; byte-- > 0;)
            value = value << 8 | data->at[8 * i + byte];
        json_object_set_new(counters, relay_counter_name((enum relay_counter)i),
                            json_integer((json_int_t)value));
    }
    return counters;
}

static void add_warning(void *warnings, int level, const char *text)
{
    const char *name = level == LOG_ERR ? "error" : level == LOG_WARNING ? "warning" : "notice";

    json_array_append_new(warnings, json_pack("{s:s, s:s}", "level", name, "text", text));
}

static json_t *certificate_warnings(const struct admin_context *c)
{
    json_t *warnings = json_array();

    if (expiry_each(c->expiry, c->wall_s(c->ctx), add_warning, warnings) != SSM_OK)
        add_warning(warnings, LOG_ERR, "not all certificates could be checked for their end");
    return warnings;
}

/* Null: off. */
static json_t *resumption_report(const struct admin_context *c)
{
    if (c->config->resumption_s == 0)
        return json_null();
    return json_pack("{s:I, s:I, s:I}", "lifetime_s", (json_int_t)c->config->resumption_s, "master_secrets",
                     (json_int_t)delegator_resumable_sessions(c->delegator), "master_secrets_max",
                     (json_int_t)c->config->resumption_sessions);
}

static json_t *status_report(const struct admin_ops *o, const struct message *answer)
{
    const struct admin_context *c = o->context;
    struct node_view view;
    size_t nodes = 0;
    size_t associated = 0;

    for (; delegator_view_node(c->delegator, nodes, &view); nodes++)
        associated += view.associated;
    return json_pack("{s:b, s:s, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "ok", 1, "version", SSM_VERSION,
                     "gateway", admin_json_name(&c->config->gateway_id), "uptime_s",
                     (json_int_t)((c->now_ms(c->ctx) - o->started_ms) / 1000), "nodes", (json_int_t)nodes,
                     "nodes_associated", (json_int_t)associated, "warnings", certificate_warnings(c),
                     "resumption", resumption_report(c), "keys", keys_counters(o), "relay",
                     relay_counters(&answer->data[0]));
}

bool admin_ops_ask_relay(const struct admin_request *r, struct message *out)
{
    *out = (struct message){.value = r->cursor};
    if (r->op == ADMIN_SESSION_LIST)
        out->type = MSG_SESSION_LIST;
    if (r->op == ADMIN_LINK_LIST)
        out->type = MSG_LINK_LIST;
    if (r->op == ADMIN_STATUS)
        out->type = MSG_STATUS;
    return out->type != 0;
}

json_t *admin_ops_relay_answered(const struct admin_ops *o, const struct message *answer)
{
    if (answer->type == MSG_LINK_LIST)
        return admin_link_list(o, answer);
    return answer->type == MSG_STATUS ? status_report(o, answer) : session_page(o, answer);
}

json_t *admin_ops_run(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    static json_t *(*const run[ADMIN_OPS])(struct admin_ops *, const struct admin_request *, uid_t) = {
        [ADMIN_NODE_ADD] = admin_node_add,
        [ADMIN_NODE_LIST] = admin_node_list,
        [ADMIN_NODE_SHOW] = admin_node_show,
        [ADMIN_NODE_REMOVE] = admin_node_remove,
        [ADMIN_SUBSCRIBER_ADD] = admin_subscriber_add,
        [ADMIN_SUBSCRIBER_LIST] = admin_subscriber_list,
        [ADMIN_SUBSCRIBER_SHOW] = admin_subscriber_show,
        [ADMIN_SUBSCRIBER_REMOVE] = admin_subscriber_remove,
        [ADMIN_SESSION_CLOSE] = session_close,
        [ADMIN_DESTINATION_ADD] = admin_destination_add,
        [ADMIN_DESTINATION_LIST] = admin_destination_list,
        [ADMIN_DESTINATION_REMOVE] = admin_destination_remove,
        [ADMIN_CA_INIT] = admin_ca_init,
        [ADMIN_CA_ISSUE] = admin_ca_issue,
        [ADMIN_CA_RENEW] = admin_ca_renew,
        [ADMIN_CA_SHOW] = admin_ca_show,
        [ADMIN_CA_EXPORT] = admin_ca_export,
    };

    SSM_ASSERT(run[r->op] != NULL);
    return run[r->op](o, r, caller);
}
