#include "admin_subscribers.h"

#include "admin_key.h"
#include "admin_nodes.h"
#include "admin_reply.h"
#include "log.h"

enum { RSA_BITS_MIN = 2048 };

/* The grants' ids, and their names and ports for the reply. */
static bool grants_resolve(const struct admin_ops *o, const struct admin_request *r, uint32_t *ids,
                           json_t *nodes, json_t **refusal)
{
    for (size_t i = 0; i < r->grant_count; i++) {
        struct node_view view;

        if (!admin_node_find(o, &r->grants[i], &view)) {
            *refusal = admin_refuse_unknown("node", &r->grants[i]);
            return false;
        }
        ids[i] = view.id;
        json_array_append_new(
            nodes, json_pack("{s:o, s:i}", "name", admin_json_name(&view.name), "port", view.port));
    }
    return true;
}

/* ---- credentials ---- */

static uint64_t wall_s(const struct admin_ops *o)
{
    return o->context->wall_s(o->context->ctx);
}

/* Could the engine take a peer with this key? */
static json_t *key_refusal(const struct admin_ops *o, const struct certificate_facts *facts)
{
    if (facts->key == CERTIFICATE_KEY_P256)
        return NULL;
    if (facts->key != CERTIFICATE_KEY_RSA)
        return admin_refuse("the certificate's key is not one of ECDSA on the curve P-256 (prime256v1)");
    if (o->context->config->rsa_certificate[0] == '\0')
        return admin_refuse("the certificate's key is RSA, which is off while the option rsa_certificate is "
                            "empty; take one of ECDSA on the curve P-256 (prime256v1)");
    if (facts->key_bits < RSA_BITS_MIN)
        return admin_refuse("the certificate's RSA key has %u bits; at least %d are needed", facts->key_bits,
                            RSA_BITS_MIN);
    return NULL;
}

static json_t *certificate_refusal(const struct admin_ops *o, const struct certificate *certificate,
                                   struct subscriber_row *row)
{
    struct certificate_facts facts;

    if (certificate_read(certificate, &facts) != SSM_OK)
        return admin_refuse("the certificate cannot be read");
    if (facts.not_after_s <= wall_s(o))
        return admin_refuse("the certificate has expired; take a valid one");
    bytes_copy(row->fingerprint, facts.fingerprint, sizeof(row->fingerprint));
    row->not_after_s = facts.not_after_s;
    return key_refusal(o, &facts);
}

/* A certificate and a subject are one subscriber's. */
static json_t *credential_refusal(const struct admin_ops *o, const struct subscriber_row *row)
{
    const struct keys_store *store = o->context->store;
    bool is_pinned = row->credential == SUBSCRIBER_CERTIFICATE;
    struct subscriber_row same;
    json_t *refusal = NULL;
    enum status status = SSM_NOT_FOUND;

    if (is_pinned)
        status = store->find_certificate(store->ctx, row->fingerprint, &same);
    else if (row->credential == SUBSCRIBER_SUBJECT)
        status = store->find_subject(store->ctx, row->subject, row->subject_len, &same);
    if (status == SSM_OK)
        refusal = admin_refuse("subscriber '%.*s' has that %s already; remove it first", NAME(&same.name),
                               is_pinned ? "certificate" : "subject");
    else if (status != SSM_NOT_FOUND)
        refusal = admin_refuse_store();
    bytes_wipe(&same, sizeof(same));
    return refusal;
}

/* "credential", and what there is to say about it but a key. */
static void credential_describe(const struct admin_ops *o, const struct subscriber_row *row, json_t *object)
{
    static const char *const names[] = {
        [SUBSCRIBER_PSK] = "psk", [SUBSCRIBER_CERTIFICATE] = "certificate", [SUBSCRIBER_SUBJECT] = "subject"};

    json_object_set_new(object, "credential", json_string(names[row->credential]));
    if (row->credential == SUBSCRIBER_SUBJECT)
        json_object_set_new(object, "subject", json_stringn(row->subject, row->subject_len));
    if (row->credential != SUBSCRIBER_CERTIFICATE)
        return;
    json_object_set_new(object, "fingerprint", admin_json_hex(row->fingerprint, sizeof(row->fingerprint)));
    admin_json_set_end(object, row->not_after_s, wall_s(o));
}

/* ---- requests ---- */

/* NULL: it is entered. */
static json_t *subscriber_enter(const struct admin_ops *o, const struct admin_request *r,
                                struct subscriber_row *row, const uint32_t *ids)
{
    const struct keys_store *store = o->context->store;
    json_t *refusal = NULL;
    enum status status;

    if (row->credential == SUBSCRIBER_CERTIFICATE)
        refusal = certificate_refusal(o, &r->certificate, row);
    if (refusal == NULL)
        refusal = credential_refusal(o, row);
    if (refusal != NULL)
        return refusal;
    status = store->add_subscriber(store->ctx, row, ids, r->grant_count);
    if (status == SSM_OK)
        return NULL;
    return status == SSM_EXISTS ? admin_refuse_taken("subscriber", &r->name) : admin_refuse_store();
}

json_t *admin_subscriber_add(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    struct subscriber_row row = r->subscriber;
    uint32_t ids[ADMIN_GRANTS_MAX];
    json_t *nodes = json_array();
    json_t *reply = NULL;

    row.name = r->name;
    if (grants_resolve(o, r, ids, nodes, &reply))
        reply = subscriber_enter(o, r, &row, ids);
    if (reply == NULL) {
        log_line(LOG_NOTICE, "admin: uid %u added subscriber '%.*s', nodes granted: %zu", caller,
                 NAME(&r->name), r->grant_count);
        reply = json_pack("{s:b, s:o, s:O, s:i}", "ok", 1, "name", admin_json_name(&r->name), "nodes", nodes,
                          "shared_port", o->context->config->peer_address.port);
        credential_describe(o, &row, reply);
    }
    json_decref(nodes);
    bytes_wipe(&row, sizeof(row));
    return reply;
}

/* Names of the granted nodes; NULL: the database failed. */
static json_t *grants_names(const struct admin_ops *o, uint32_t subscriber, const json_t *node_names)
{
    const struct keys_store *store = o->context->store;
    uint32_t ids[ADMIN_GRANTS_MAX];
    size_t count = 0;
    json_t *names;

    if (store->grants(store->ctx, subscriber, 0, ids, ADMIN_GRANTS_MAX, &count) != SSM_OK)
        return NULL;
    names = json_array();
    for (size_t i = 0; i < count && i < ADMIN_GRANTS_MAX; i++)
        json_array_append(names, admin_map_get(node_names, ids[i]));
    return names;
}

struct subscriber_list {
    const struct admin_ops *ops;
    json_t *rows;
};

static enum status subscriber_collect(void *arg, const struct subscriber_row *row)
{
    const struct subscriber_list *list = arg;
    json_t *object = json_pack("{s:I, s:o}", "id", (json_int_t)row->id, "name", admin_json_name(&row->name));

    credential_describe(list->ops, row, object);
    json_array_append_new(list->rows, object);
    return SSM_OK;
}

/* Replaces each row's id by the names of its nodes. */
static enum status subscribers_add_grants(const struct admin_ops *o, json_t *rows)
{
    json_t *node_names = admin_node_names(o);
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

json_t *admin_subscriber_list(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    const struct keys_store *store = o->context->store;
    json_t *rows = json_array();

    (void)r;
    (void)caller;
    if (store->each_subscriber(store->ctx, subscriber_collect, &(struct subscriber_list){o, rows}) !=
            SSM_OK ||
        subscribers_add_grants(o, rows) != SSM_OK) {
        json_decref(rows);
        return admin_refuse_store();
    }
    return json_pack("{s:b, s:o}", "ok", 1, "subscribers", rows);
}

static bool subscriber_find(const struct admin_ops *o, const struct assoc_name *name,
                            struct subscriber_row *row, json_t **refusal)
{
    const struct keys_store *store = o->context->store;
    enum status status = store->find_subscriber(store->ctx, name->text, name->len, row);

    if (status != SSM_OK)
        *refusal = status == SSM_NOT_FOUND ? admin_refuse_unknown("subscriber", name) : admin_refuse_store();
    return status == SSM_OK;
}

static void subscriber_show_key(const struct subscriber_row *row, json_t *reply)
{
    char text[ADMIN_KEY_TEXT_MAX + 1];

    admin_key_print_subscriber(row, text);
    json_object_set_new(reply, "psk", json_string(text));
    bytes_wipe(text, sizeof(text));
}

json_t *admin_subscriber_show(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    struct subscriber_row row;
    json_t *reply = NULL;
    json_t *node_names;
    json_t *nodes;

    if (!subscriber_find(o, &r->name, &row, &reply))
        return reply;
    node_names = admin_node_names(o);
    nodes = grants_names(o, row.id, node_names);
    json_decref(node_names);
    reply = nodes == NULL
                ? admin_refuse_store()
                : json_pack("{s:b, s:o, s:o}", "ok", 1, "name", admin_json_name(&row.name), "nodes", nodes);
    if (nodes != NULL)
        credential_describe(o, &row, reply);
    if (r->show_key && nodes != NULL && row.credential == SUBSCRIBER_PSK) {
        log_line(LOG_NOTICE, "admin: uid %u looked at the key of subscriber '%.*s'", caller, NAME(&r->name));
        subscriber_show_key(&row, reply);
    }
    bytes_wipe(&row, sizeof(row));
    return reply;
}

json_t *admin_subscriber_remove(struct admin_ops *o, const struct admin_request *r, uid_t caller)
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
        return admin_refuse_store();
    delegator_remove_subscriber(c->delegator, id, c->now_ms(c->ctx));
    log_line(LOG_NOTICE, "admin: uid %u removed subscriber '%.*s'", caller, NAME(&r->name));
    return json_pack("{s:b, s:o}", "ok", 1, "name", admin_json_name(&r->name));
}
