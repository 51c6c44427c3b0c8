#include "admin_destinations.h"

#include "admin_nodes.h"
#include "admin_reply.h"
#include "log.h"

#include <string.h>

static uint64_t wall_s(const struct admin_ops *o)
{
    return o->context->wall_s(o->context->ctx);
}

/* ---- certificates ---- */

/* NULL: all are CAs' and valid; *ends_s is when the first expires. */
static json_t *anchors_refusal(const struct admin_ops *o, const struct destination_row *row, uint64_t *ends_s)
{
    struct certificate_chain chain;

    if (certificate_read_chain(row->anchors, strlen(row->anchors) + 1, &chain) != SSM_OK)
        return admin_refuse("the CA's certificate cannot be read");
    if (!chain.are_all_ca)
        return admin_refuse("a certificate by which the server is to be known is not a CA's");
    if (chain.not_after_s <= wall_s(o))
        return admin_refuse("the CA's certificate has expired; take a valid one");
    *ends_s = chain.not_after_s;
    return NULL;
}

/* The gateway's own are checked when they are loaded. Nodes speak one suite with certificates, and its are
 * ECDSA. */
static json_t *client_refusal(const struct admin_ops *o, const struct destination_row *row, uint64_t *ends_s)
{
    struct certificate_chain chain;
    size_t chain_len = strlen(row->chain) + 1;

    if (row->chain[0] == '\0')
        return NULL;
    if (certificate_read_chain(row->chain, chain_len, &chain) != SSM_OK)
        return admin_refuse("the certificate cannot be read");
    if (chain.not_after_s <= wall_s(o))
        return admin_refuse("the certificate has expired; take a valid one");
    if (chain.first.key != CERTIFICATE_KEY_P256)
        return admin_refuse("the certificate's key is not one of ECDSA on the curve P-256 (prime256v1)");
    if (certificate_check_key(row->chain, chain_len, row->key, strlen(row->key) + 1) != SSM_OK)
        return admin_refuse("the key is not that of the certificate, or it has a password");
    if (chain.not_after_s < *ends_s)
        *ends_s = chain.not_after_s;
    return NULL;
}

static json_t *credential_refusal(const struct admin_ops *o, struct destination_row *row)
{
    json_t *refusal = NULL;

    if (row->kind == DESTINATION_CERTIFICATE)
        refusal = anchors_refusal(o, row, &row->not_after_s);
    if (refusal == NULL && row->kind == DESTINATION_CERTIFICATE)
        refusal = client_refusal(o, row, &row->not_after_s);
    return refusal;
}

/* ---- requests ---- */

/* "uri", "credential", and what there is to say about it but a key. */
static json_t *destination_describe(const struct admin_ops *o, const struct destination_row *row,
                                    json_t *node)
{
    bool has_psk = row->kind == DESTINATION_PSK;
    char server[URI_LEN_MAX + 1];
    json_t *object;

    (void)uri_print(&row->server, server);
    object = json_pack("{s:O?, s:s, s:s}", "node", node, "uri", server, "credential",
                       has_psk                 ? "psk"
                       : row->chain[0] == '\0' ? "gateway"
                                               : "certificate");
    if (has_psk)
        json_object_set_new(object, "identity", json_stringn((const char *)row->identity, row->identity_len));
    else
        admin_json_set_end(object, row->not_after_s, wall_s(o));
    return object;
}

/* NULL: it is entered. */
static json_t *destination_enter(const struct admin_ops *o, struct destination_row *row,
                                 const struct assoc_name *node)
{
    const struct keys_store *store = o->context->store;
    json_t *refusal = credential_refusal(o, row);
    char server[URI_LEN_MAX + 1];
    enum status status;

    if (refusal != NULL)
        return refusal;
    status = store->add_destination(store->ctx, row);
    if (status == SSM_OK)
        return NULL;
    (void)uri_print(&row->server, server);
    return status == SSM_EXISTS
               ? admin_refuse("node '%.*s' has destination %s already; remove it first", NAME(node), server)
               : admin_refuse_store();
}

json_t *admin_destination_add(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    struct destination_row row = r->destination;
    char server[URI_LEN_MAX + 1];
    struct node_view view;
    json_t *reply;

    if (!admin_node_find(o, &r->name, &view)) {
        bytes_wipe(&row, sizeof(row));
        return admin_refuse_unknown("node", &r->name);
    }
    row.node = view.id;
    reply = destination_enter(o, &row, &r->name);
    if (reply == NULL) {
        json_t *name = admin_json_name(&r->name);

        (void)uri_print(&row.server, server);
        log_line(LOG_NOTICE, "admin: uid %u added destination %s of node '%.*s'", caller, server,
                 NAME(&r->name));
        o->context->destination_added(o->context->ctx);
        reply = admin_reply_with(destination_describe(o, &row, name));
        json_decref(name);
    }
    bytes_wipe(&row, sizeof(row));
    return reply;
}

struct destination_list {
    const struct admin_ops *ops;
    json_t *node_names;
    json_t *rows;
};

static enum status destination_collect(void *arg, const struct destination_row *row)
{
    const struct destination_list *list = arg;
    json_t *node = admin_map_get(list->node_names, row->node);

    json_array_append_new(list->rows, destination_describe(list->ops, row, node));
    return SSM_OK;
}

json_t *admin_destination_list(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    const struct keys_store *store = o->context->store;
    struct destination_list list = {.ops = o};
    struct node_view view = {.id = 0}; /* all */
    enum status status;

    (void)caller;
    if (r->name.len > 0 && !admin_node_find(o, &r->name, &view))
        return admin_refuse_unknown("node", &r->name);
    list.node_names = admin_node_names(o);
    list.rows = json_array();
    status = store->each_destination(store->ctx, view.id, destination_collect, &list);
    json_decref(list.node_names);
    if (status == SSM_OK)
        return json_pack("{s:b, s:o}", "ok", 1, "destinations", list.rows);
    json_decref(list.rows);
    return admin_refuse_store();
}

/* NULL: it is removed. */
static json_t *destination_drop(const struct admin_ops *o, uint32_t node, const struct admin_request *r)
{
    const struct keys_store *store = o->context->store;
    struct destination_row row;
    char server[URI_LEN_MAX + 1];
    enum status status = store->find_destination(store->ctx, node, &r->destination.server, &row);
    uint32_t id = status == SSM_OK ? row.id : 0;

    bytes_wipe(&row, sizeof(row));
    (void)uri_print(&r->destination.server, server);
    if (status == SSM_NOT_FOUND)
        return admin_refuse("node '%.*s' has no destination %s; `ssmctl destination list` shows them",
                            NAME(&r->name), server);
    if (status != SSM_OK || store->remove_destination(store->ctx, id) != SSM_OK)
        return admin_refuse_store();
    delegator_remove_destination(o->context->delegator, node, id, o->context->now_ms(o->context->ctx));
    return NULL;
}

json_t *admin_destination_remove(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    char server[URI_LEN_MAX + 1];
    struct node_view view;
    json_t *refusal;

    if (!admin_node_find(o, &r->name, &view))
        return admin_refuse_unknown("node", &r->name);
    refusal = destination_drop(o, view.id, r);
    if (refusal != NULL)
        return refusal;
    (void)uri_print(&r->destination.server, server);
    log_line(LOG_NOTICE, "admin: uid %u removed destination %s of node '%.*s'", caller, server,
             NAME(&r->name));
    return json_pack("{s:b, s:o, s:s}", "ok", 1, "node", admin_json_name(&r->name), "uri", server);
}
