#include "admin_ops.h"
#include "admin_key.h"
#include "log.h"
#include "relay.h"
#include "session.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What "%.*s" wants of a name. */
#define NAME(name) (int)(name)->len, (name)->text

enum { ID_TEXT_MAX = 12, ENDPOINT_TEXT_MAX = INET6_ADDRSTRLEN + 10 };

json_t *admin_ops_refusal(const char *format, ...)
{
    char sentence[2 * ADMIN_ERROR_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return json_pack("{s:b, s:s}", "ok", 0, "error", sentence);
}

static json_t *refuse_store(void)
{
    return admin_ops_refusal(
        "the database refused; nothing was changed; the log says why (journalctl -u ssmd)");
}

static json_t *refuse_unknown(const char *kind, const struct assoc_name *name)
{
    return admin_ops_refusal("no %s is called '%.*s'; `ssmctl %s list` shows them", kind, NAME(name), kind);
}

static json_t *refuse_taken(const char *kind, const struct assoc_name *name)
{
    return admin_ops_refusal("%s '%.*s' exists already; remove it first, or choose another name", kind,
                             NAME(name));
}

static bool find_node(const struct admin_ops *o, const struct assoc_name *name, struct node_view *out)
{
    return delegator_find_node(o->context->delegator, name->text, name->len, out) == SSM_OK;
}

static json_t *json_name(const struct assoc_name *name)
{
    return json_stringn(name->text, name->len);
}

/* "192.0.2.1:5684" or "[2001:db8::1]:5684"; null where there is no endpoint. */
static json_t *json_endpoint(const struct endpoint *e)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF}; /* RFC 4291 2.5.5.2 */
    char address[INET6_ADDRSTRLEN];
    char text[ENDPOINT_TEXT_MAX];

    if (e->port == 0)
        return json_null();
    if (memcmp(e->addr, mapped, sizeof(mapped)) == 0) {
        inet_ntop(AF_INET, e->addr + sizeof(mapped), address, sizeof(address));
        snprintf(text, sizeof(text), "%s:%u", address, e->port);
    } else {
        inet_ntop(AF_INET6, e->addr, address, sizeof(address));
        snprintf(text, sizeof(text), "[%s]:%u", address, e->port);
    }
    return json_string(text);
}

/* ---- JSON objects as maps from an id to a text ---- */

static json_t *map_get(const json_t *map, uint32_t id)
{
    char key[ID_TEXT_MAX];

    snprintf(key, sizeof(key), "%" PRIu32, id);
    return json_object_get(map, key);
}

static void map_set_new(json_t *map, uint32_t id, json_t *value)
{
    char key[ID_TEXT_MAX];

    snprintf(key, sizeof(key), "%" PRIu32, id);
    json_object_set_new(map, key, value);
}

static void map_remove(json_t *map, uint32_t id)
{
    char key[ID_TEXT_MAX];

    snprintf(key, sizeof(key), "%" PRIu32, id);
    json_object_del(map, key);
}

static json_t *map_node_names(const struct admin_ops *o)
{
    json_t *map = json_object();
    struct node_view view;

    for (size_t i = 0; delegator_view_node(o->context->delegator, i, &view); i++)
        map_set_new(map, view.id, json_name(&view.name));
    return map;
}

static enum status map_subscriber(void *map, const struct subscriber_row *row)
{
    map_set_new(map, row->id, json_name(&row->name));
    return SSM_OK;
}

/* ---- nodes ---- */

static bool port_is_taken(const struct admin_ops *o, uint16_t port)
{
    const struct config *config = o->context->config;
    struct node_view view;

    if (port == config->peer_address.port || port == config->link_address.port)
        return true;
    for (size_t i = 0; delegator_view_node(o->context->delegator, i, &view); i++)
        if (view.port == port)
            return true;
    return false;
}

/* The lowest free port of the range; 0: there is none. */
static uint16_t port_choose(const struct admin_ops *o)
{
    const struct config *config = o->context->config;

    for (uint32_t port = config->node_port_first; port <= config->node_port_last; port++)
        if (!port_is_taken(o, (uint16_t)port))
            return (uint16_t)port;
    return 0;
}

static void tell_parent(const struct admin_ops *o, uint8_t type, uint32_t node, uint16_t port)
{
    struct message m = {.type = type, .node = node, .local.port = port};

    o->context->to_parent(o->context->ctx, &m);
}

/* Store and delegator, or neither. */
static bool node_enter(const struct admin_ops *o, struct node_row *row, json_t **refusal)
{
    const struct keys_store *store = o->context->store;
    enum status status = store->add_node(store->ctx, row);

    if (status != SSM_OK) {
        *refusal = status == SSM_EXISTS ? refuse_taken("node", &row->name) : refuse_store();
        return false;
    }
    if (delegator_add_node(o->context->delegator, row) == SSM_OK)
        return true;
    if (store->remove_node(store->ctx, row->id) != SSM_OK)
        log_line(LOG_ERR, "admin: node '%.*s' was refused but could not be removed from the database",
                 NAME(&row->name));
    *refusal = admin_ops_refusal("there are %" PRIu32 " nodes already; raise max_nodes in the configuration",
                                 o->context->config->max_nodes);
    return false;
}

static json_t *node_add(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    struct node_row row = {.name = r->name, .port = r->port};
    struct node_view same;
    json_t *refusal = NULL;
    bool entered;

    if (find_node(o, &r->name, &same))
        return refuse_taken("node", &r->name);
    if (row.port != 0 && port_is_taken(o, row.port))
        return admin_ops_refusal("port %u is taken; leave the port out to get a free one", row.port);
    if (row.port == 0)
        row.port = port_choose(o);
    if (row.port == 0)
        return admin_ops_refusal("no port of the range node_ports is free; widen it in the configuration");
    bytes_copy(row.psk, r->node_psk, sizeof(row.psk));
    entered = node_enter(o, &row, &refusal);
    bytes_wipe(row.psk, sizeof(row.psk));
    if (!entered)
        return refusal;
    tell_parent(o, MSG_PORT_NEEDED, row.id, row.port);
    log_line(LOG_NOTICE, "admin: uid %u added node '%.*s', port %u", caller, NAME(&row.name), row.port);
    return json_pack("{s:b, s:o, s:i, s:i}", "ok", 1, "name", json_name(&row.name), "port", row.port,
                     "link_port", o->context->config->link_address.port);
}

static json_t *node_describe(const struct admin_ops *o, const struct node_view *view)
{
    uint64_t now_ms = o->context->now_ms(o->context->ctx);
    json_t *heard_s =
        view->heard_ms == 0 ? json_null() : json_integer((json_int_t)((now_ms - view->heard_ms) / 1000));

    return json_pack("{s:o, s:i, s:b, s:o, s:o, s:i, s:I, s:I, s:O?}", "name", json_name(&view->name), "port",
                     view->port, "associated", view->associated, "address", json_endpoint(&view->endpoint),
                     "heard_s", heard_s, "sessions", view->sessions, "association",
                     (json_int_t)view->assoc_counter, "boot", (json_int_t)view->boot_id, "port_error",
                     map_get(o->port_faults, view->id));
}

static json_t *node_list(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    json_t *nodes = json_array();
    struct node_view view;

    (void)r;
    (void)caller;
    for (size_t i = 0; delegator_view_node(o->context->delegator, i, &view); i++)
        json_array_append_new(nodes, node_describe(o, &view));
    return json_pack("{s:b, s:o}", "ok", 1, "nodes", nodes);
}

struct node_key_search {
    uint32_t node;
    char text[ADMIN_KEY_NODE_TEXT_LEN + 1];
};

static enum status node_key_take(void *arg, const struct node_row *row)
{
    struct node_key_search *search = arg;

    if (row->id == search->node)
        admin_key_print_node(row->psk, search->text);
    return SSM_OK;
}

static enum status node_show_key(const struct admin_ops *o, uint32_t node, json_t *reply)
{
    const struct keys_store *store = o->context->store;
    struct node_key_search search = {.node = node};
    enum status status = store->each_node(store->ctx, node_key_take, &search);

    if (status == SSM_OK)
        json_object_set_new(reply, "psk", json_string(search.text));
    bytes_wipe(&search, sizeof(search));
    return status;
}

/* {"ok": true} and the fields of `object`, which is taken over. */
static json_t *reply_with(json_t *object)
{
    json_t *reply = json_pack("{s:b}", "ok", 1);

    if (json_object_update(reply, object) != 0) {
        json_decref(reply);
        reply = NULL;
    }
    json_decref(object);
    return reply;
}

static json_t *node_show(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    struct node_view view;
    json_t *reply;

    if (!find_node(o, &r->name, &view))
        return refuse_unknown("node", &r->name);
    reply = reply_with(node_describe(o, &view));
    if (!r->show_key)
        return reply;
    log_line(LOG_NOTICE, "admin: uid %u looked at the key of node '%.*s'", caller, NAME(&r->name));
    if (node_show_key(o, view.id, reply) == SSM_OK)
        return reply;
    json_decref(reply);
    return refuse_store();
}

static json_t *node_remove(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    const struct admin_context *c = o->context;
    struct node_view view;

    if (!find_node(o, &r->name, &view))
        return refuse_unknown("node", &r->name);
    if (c->store->remove_node(c->store->ctx, view.id) != SSM_OK)
        return refuse_store();
    delegator_remove_node(c->delegator, view.id, c->now_ms(c->ctx));
    tell_parent(o, MSG_PORT_DROPPED, view.id, view.port);
    map_remove(o->port_faults, view.id);
    log_line(LOG_NOTICE, "admin: uid %u removed node '%.*s'", caller, NAME(&r->name));
    return json_pack("{s:b, s:o}", "ok", 1, "name", json_name(&r->name));
}

/* ---- subscribers ---- */

/* The grants' ids, and their names and ports for the reply. */
static bool grants_resolve(const struct admin_ops *o, const struct admin_request *r, uint32_t *ids,
                           json_t *nodes, json_t **refusal)
{
    for (size_t i = 0; i < r->grant_count; i++) {
        struct node_view view;

        if (!find_node(o, &r->grants[i], &view)) {
            *refusal = refuse_unknown("node", &r->grants[i]);
            return false;
        }
        ids[i] = view.id;
        json_array_append_new(nodes,
                              json_pack("{s:o, s:i}", "name", json_name(&view.name), "port", view.port));
    }
    return true;
}

static bool subscriber_enter(const struct admin_ops *o, const struct admin_request *r, const uint32_t *ids,
                             json_t **refusal)
{
    const struct keys_store *store = o->context->store;
    struct subscriber_row row = r->subscriber;
    enum status status;

    row.name = r->name;
    status = store->add_subscriber(store->ctx, &row, ids, r->grant_count);
    bytes_wipe(&row, sizeof(row));
    if (status != SSM_OK)
        *refusal = status == SSM_EXISTS ? refuse_taken("subscriber", &r->name) : refuse_store();
    return status == SSM_OK;
}

static json_t *subscriber_add(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    uint32_t ids[ADMIN_GRANTS_MAX];
    json_t *nodes = json_array();
    json_t *refusal = NULL;

    if (!grants_resolve(o, r, ids, nodes, &refusal) || !subscriber_enter(o, r, ids, &refusal)) {
        json_decref(nodes);
        return refusal;
    }
    log_line(LOG_NOTICE, "admin: uid %u added subscriber '%.*s', nodes granted: %zu", caller, NAME(&r->name),
             r->grant_count);
    return json_pack("{s:b, s:o, s:o, s:i}", "ok", 1, "name", json_name(&r->name), "nodes", nodes,
                     "shared_port", o->context->config->peer_address.port);
}

/* Names of the granted nodes; NULL: the database failed. */
static json_t *grants_names(const struct admin_ops *o, uint32_t subscriber, const json_t *node_names)
{
    const struct keys_store *store = o->context->store;
    uint32_t ids[ADMIN_GRANTS_MAX];
    size_t count = 0;
    json_t *names;

    if (store->grants(store->ctx, subscriber, ids, ADMIN_GRANTS_MAX, &count) != SSM_OK)
        return NULL;
    names = json_array();
    for (size_t i = 0; i < count && i < ADMIN_GRANTS_MAX; i++)
        json_array_append(names, map_get(node_names, ids[i]));
    return names;
}

static enum status subscriber_collect(void *rows, const struct subscriber_row *row)
{
    json_array_append_new(rows,
                          json_pack("{s:I, s:o}", "id", (json_int_t)row->id, "name", json_name(&row->name)));
    return SSM_OK;
}

/* Replaces each row's id by the names of its nodes. */
static enum status subscribers_add_grants(const struct admin_ops *o, json_t *rows)
{
    json_t *node_names = map_node_names(o);
    enum status status = SSM_OK;

    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        uint32_t id = (uint32_t)json_integer_value(json_object_get(row, "id"));
        json_t *names = grants_names(o, id, node_names);

        if (names == NULL)
            status = SSM_IO;
        json_object_set_new(row, "nodes", names);
        json_object_del(row, "id");
    }
    json_decref(node_names);
    return status;
}

static json_t *subscriber_list(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    const struct keys_store *store = o->context->store;
    json_t *rows = json_array();

    (void)r;
    (void)caller;
    if (store->each_subscriber(store->ctx, subscriber_collect, rows) != SSM_OK ||
        subscribers_add_grants(o, rows) != SSM_OK) {
        json_decref(rows);
        return refuse_store();
    }
    return json_pack("{s:b, s:o}", "ok", 1, "subscribers", rows);
}

static bool subscriber_find(const struct admin_ops *o, const struct assoc_name *name,
                            struct subscriber_row *row, json_t **refusal)
{
    const struct keys_store *store = o->context->store;
    enum status status = store->find_subscriber(store->ctx, name->text, name->len, row);

    if (status != SSM_OK)
        *refusal = status == SSM_NOT_FOUND ? refuse_unknown("subscriber", name) : refuse_store();
    return status == SSM_OK;
}

static void subscriber_show_key(const struct subscriber_row *row, json_t *reply)
{
    char text[ADMIN_KEY_TEXT_MAX + 1];

    admin_key_print_subscriber(row, text);
    json_object_set_new(reply, "psk", json_string(text));
    bytes_wipe(text, sizeof(text));
}

static json_t *subscriber_show(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    struct subscriber_row row;
    json_t *reply = NULL;
    json_t *node_names;
    json_t *nodes;

    if (!subscriber_find(o, &r->name, &row, &reply))
        return reply;
    node_names = map_node_names(o);
    nodes = grants_names(o, row.id, node_names);
    json_decref(node_names);
    reply = nodes == NULL
                ? refuse_store()
                : json_pack("{s:b, s:o, s:o}", "ok", 1, "name", json_name(&row.name), "nodes", nodes);
    if (r->show_key && nodes != NULL) {
        log_line(LOG_NOTICE, "admin: uid %u looked at the key of subscriber '%.*s'", caller, NAME(&r->name));
        subscriber_show_key(&row, reply);
    }
    bytes_wipe(&row, sizeof(row));
    return reply;
}

static json_t *subscriber_remove(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    const struct admin_context *c = o->context;
    struct subscriber_row row;
    json_t *refusal = NULL;
    uint32_t id;

    if (!subscriber_find(o, &r->name, &row, &refusal))
        return refusal;
    id = row.id;
    bytes_wipe(&row, sizeof(row));
    if (c->store->remove_subscriber(c->store->ctx, id) != SSM_OK)
        return refuse_store();
    delegator_remove_subscriber(c->delegator, id, c->now_ms(c->ctx));
    log_line(LOG_NOTICE, "admin: uid %u removed subscriber '%.*s'", caller, NAME(&r->name));
    return json_pack("{s:b, s:o}", "ok", 1, "name", json_name(&r->name));
}

/* ---- sessions and status ---- */

static json_t *session_close(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    const struct admin_context *c = o->context;
    struct node_view view;

    if (!find_node(o, &r->name, &view))
        return refuse_unknown("node", &r->name);
    if (delegator_close_session(c->delegator, view.id, r->handle, c->now_ms(c->ctx)) != SSM_OK)
        return admin_ops_refusal("node '%.*s' has no session %u; `ssmctl session list` shows them",
                                 NAME(&r->name), r->handle);
    log_line(LOG_NOTICE, "admin: uid %u closed session %u of node '%.*s'", caller, r->handle, NAME(&r->name));
    return json_pack("{s:b, s:o, s:i}", "ok", 1, "node", json_name(&r->name), "handle", r->handle);
}

static json_t *session_describe(const struct session_row *row, const json_t *node_names,
                                const json_t *subscriber_names)
{
    return json_pack("{s:O?, s:i, s:O?, s:s, s:i, s:o, s:o, s:I, s:I, s:I, s:I}", "node",
                     map_get(node_names, row->node), "handle", row->handle, "subscriber",
                     map_get(subscriber_names, row->subscriber), "state",
                     session_state_name((enum session_state)row->state), "slot", row->slot, "peer",
                     json_endpoint(&row->peer), "local", json_endpoint(&row->local), "age_s",
                     (json_int_t)row->age_s, "idle_s", (json_int_t)row->idle_s, "to_node",
                     (json_int_t)row->to_node, "from_node", (json_int_t)row->from_node);
}

static json_t *session_page(const struct admin_ops *o, const struct message *answer)
{
    const struct keys_store *store = o->context->store;
    json_t *node_names = map_node_names(o);
    json_t *subscriber_names = json_object();
    json_t *sessions = json_array();
    json_t *next = answer->value == 0 ? json_null() : json_integer((json_int_t)answer->value);

    /* Without the subscribers' names the list is still worth having. */
    if (store->each_subscriber(store->ctx, map_subscriber, subscriber_names) != SSM_OK)
        log_line(LOG_ERR, "admin: the subscribers could not be read");
    for (size_t at = 0; at + SESSION_ROW_LEN <= answer->data[0].len; at += SESSION_ROW_LEN) {
        struct session_row row;

        if (session_row_decode(answer->data[0].at + at, &row) == SSM_OK)
            json_array_append_new(sessions, session_describe(&row, node_names, subscriber_names));
    }
    json_decref(node_names);
    json_decref(subscriber_names);
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

static json_t *status_report(const struct admin_ops *o, const struct message *answer)
{
    const struct admin_context *c = o->context;
    struct node_view view;
    size_t nodes = 0;
    size_t associated = 0;

    for (; delegator_view_node(c->delegator, nodes, &view); nodes++)
        associated += view.associated;
    return json_pack("{s:b, s:s, s:o, s:I, s:I, s:I, s:o, s:o}", "ok", 1, "version", SSM_VERSION, "gateway",
                     json_name(&c->config->gateway_id), "uptime_s",
                     (json_int_t)((c->now_ms(c->ctx) - o->started_ms) / 1000), "nodes", (json_int_t)nodes,
                     "nodes_associated", (json_int_t)associated, "keys", keys_counters(o), "relay",
                     relay_counters(&answer->data[0]));
}

bool admin_ops_ask_relay(const struct admin_request *r, struct message *out)
{
    *out = (struct message){.value = r->cursor};
    if (r->op == ADMIN_SESSION_LIST)
        out->type = MSG_SESSION_LIST;
    if (r->op == ADMIN_STATUS)
        out->type = MSG_STATUS;
    return out->type != 0;
}

json_t *admin_ops_relay_answered(const struct admin_ops *o, const struct message *answer)
{
    return answer->type == MSG_STATUS ? status_report(o, answer) : session_page(o, answer);
}

void admin_ops_port_failed(struct admin_ops *o, const struct message *m)
{
    const char *why = strerror((int)m->value);

    log_line(LOG_ERR, "port %u of node %" PRIu32 " could not be opened: %s", m->local.port, m->node, why);
    map_set_new(o->port_faults, m->node, json_string(why));
}

json_t *admin_ops_run(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    static json_t *(*const run[ADMIN_OPS])(struct admin_ops *, const struct admin_request *, uid_t) = {
        [ADMIN_NODE_ADD] = node_add,
        [ADMIN_NODE_LIST] = node_list,
        [ADMIN_NODE_SHOW] = node_show,
        [ADMIN_NODE_REMOVE] = node_remove,
        [ADMIN_SUBSCRIBER_ADD] = subscriber_add,
        [ADMIN_SUBSCRIBER_LIST] = subscriber_list,
        [ADMIN_SUBSCRIBER_SHOW] = subscriber_show,
        [ADMIN_SUBSCRIBER_REMOVE] = subscriber_remove,
        [ADMIN_SESSION_CLOSE] = session_close,
    };

    SSM_ASSERT(run[r->op] != NULL);
    return run[r->op](o, r, caller);
}
