#include "admin_nodes.h"

#include "admin_key.h"
#include "admin_links.h"
#include "admin_reply.h"
#include "log.h"

#include <inttypes.h>
#include <string.h>

bool admin_node_find(const struct admin_ops *o, const struct assoc_name *name, struct node_view *out)
{
    return delegator_find_node(o->context->delegator, name->text, name->len, out) == SSM_OK;
}

json_t *admin_node_names(const struct admin_ops *o)
{
    json_t *map = json_object();
    struct node_view view;

    for (size_t i = 0; delegator_view_node(o->context->delegator, i, &view); i++)
        admin_map_set_new(map, view.id, admin_json_name(&view.name));
    return map;
}

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
        *refusal = status == SSM_EXISTS ? admin_refuse_taken("node", &row->name) : admin_refuse_store();
        return false;
    }
    if (delegator_add_node(o->context->delegator, row) == SSM_OK)
        return true;
    if (store->remove_node(store->ctx, row->id) != SSM_OK)
        log_line(LOG_ERR, "admin: node '%.*s' was refused but could not be removed from the database",
                 NAME(&row->name));
    *refusal = admin_refuse("there are %" PRIu32 " nodes already; raise max_nodes in the configuration",
                            o->context->config->max_nodes);
    return false;
}

json_t *admin_node_add(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    struct node_row row = {.name = r->name, .port = r->port};
    struct node_view same;
    json_t *refusal = NULL;
    bool entered;

    if (admin_node_find(o, &r->name, &same))
        return admin_refuse_taken("node", &r->name);
    if (row.port != 0 && port_is_taken(o, row.port))
        return admin_refuse("port %u is taken; leave the port out to get a free one", row.port);
    if (row.port == 0)
        row.port = port_choose(o);
    if (row.port == 0)
        return admin_refuse("no port of the range node_ports is free; widen it in the configuration");
    bytes_copy(row.psk, r->node_psk, sizeof(row.psk));
    entered = node_enter(o, &row, &refusal);
    bytes_wipe(row.psk, sizeof(row.psk));
    if (!entered)
        return refusal;
    tell_parent(o, MSG_PORT_NEEDED, row.id, row.port);
    log_line(LOG_NOTICE, "admin: uid %u added node '%.*s', port %u", caller, NAME(&row.name), row.port);
    return json_pack("{s:b, s:o, s:i, s:i}", "ok", 1, "name", admin_json_name(&row.name), "port", row.port,
                     "link_port", o->context->config->link_address.port);
}

static const char *state_of(const struct node_view *view)
{
    if (view->silent)
        return "silent";
    if (view->associated)
        return "joined";
    return view->assoc_counter == 0 ? "new" : "joining";
}

static json_t *node_describe(const struct admin_ops *o, const struct node_view *view)
{
    uint64_t now_ms = o->context->now_ms(o->context->ctx);
    json_t *heard_s =
        view->heard_ms == 0 ? json_null() : json_integer((json_int_t)((now_ms - view->heard_ms) / 1000));

    return json_pack("{s:o, s:i, s:b, s:s, s:o, s:o, s:i, s:I, s:I, s:O?}", "name",
                     admin_json_name(&view->name), "port", view->port, "associated", view->associated,
                     "state", state_of(view), "address", admin_link_address(o, &view->endpoint), "heard_s",
                     heard_s, "sessions", view->sessions, "association", (json_int_t)view->assoc_counter,
                     "boot", (json_int_t)view->boot_id, "port_error",
                     admin_map_get(o->port_faults, view->id));
}

json_t *admin_node_list(struct admin_ops *o, const struct admin_request *r, uid_t caller)
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

json_t *admin_node_show(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    struct node_view view;
    json_t *reply;

    if (!admin_node_find(o, &r->name, &view))
        return admin_refuse_unknown("node", &r->name);
    reply = admin_reply_with(node_describe(o, &view));
    if (!r->show_key)
        return reply;
    log_line(LOG_NOTICE, "admin: uid %u looked at the key of node '%.*s'", caller, NAME(&r->name));
    if (node_show_key(o, view.id, reply) == SSM_OK)
        return reply;
    json_decref(reply);
    return admin_refuse_store();
}

json_t *admin_node_remove(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    const struct admin_context *c = o->context;
    struct node_view view;

    if (!admin_node_find(o, &r->name, &view))
        return admin_refuse_unknown("node", &r->name);
    if (c->store->remove_node(c->store->ctx, view.id) != SSM_OK)
        return admin_refuse_store();
    delegator_remove_node(c->delegator, view.id, c->now_ms(c->ctx));
    tell_parent(o, MSG_PORT_DROPPED, view.id, view.port);
    admin_map_remove(o->port_faults, view.id);
    log_line(LOG_NOTICE, "admin: uid %u removed node '%.*s'", caller, NAME(&r->name));
    return json_pack("{s:b, s:o}", "ok", 1, "name", admin_json_name(&r->name));
}

void admin_node_port_failed(struct admin_ops *o, const struct message *m)
{
    const char *why = strerror((int)m->value);

    log_line(LOG_ERR, "port %u of node %" PRIu32 " could not be opened: %s", m->local.port, m->node, why);
    admin_map_set_new(o->port_faults, m->node, json_string(why));
}
