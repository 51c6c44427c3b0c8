#include "admin_ca.h"

#include "admin_reply.h"
#include "log.h"

static uint64_t wall_s(const struct admin_ops *o)
{
    return o->context->wall_s(o->context->ctx);
}

static uint32_t days_of(const struct admin_request *r, uint32_t usual)
{
    return r->days != 0 ? r->days : usual;
}

static json_t *refusal_of(enum status status)
{
    switch (status) {
    case SSM_NOT_FOUND:
        return admin_refuse("there is no CA; `ssmctl ca init` makes one");
    case SSM_EXISTS:
        return admin_refuse("there is a CA already; with --replace it makes a new one, and every certificate "
                            "that the old one issued, and every copy of the old CA's, becomes worthless");
    case SSM_EXHAUSTED:
        return admin_refuse("the CA has expired; `ssmctl ca init --replace` makes a new one, and then all "
                            "certificates have to be issued anew");
    case SSM_REFUSED:
        return admin_refuse("the clock of this machine is wrong; set it first");
    case SSM_MALFORMED:
        return admin_refuse("the public key is no point of the curve P-256");
    case SSM_BAD_TAG:
        return admin_refuse("that is not a subscriber's certificate of this CA; `ssmctl ca issue` makes one");
    default:
        return admin_refuse_store();
    }
}

/* ---- what there is ---- */

static json_t *describe(const struct admin_ops *o, const struct certificate *certificate)
{
    struct certificate_facts facts;
    json_t *object;

    if (certificate_read(certificate, &facts) != SSM_OK)
        return NULL;
    object = json_pack("{s:o, s:o, s:o}", "name", json_stringn(facts.common_name, facts.common_name_len),
                       "serial", admin_json_hex(facts.serial, facts.serial_len), "fingerprint",
                       admin_json_hex(facts.fingerprint, sizeof(facts.fingerprint)));
    admin_json_set_end(object, facts.not_after_s, wall_s(o));
    return object;
}

/* Reads one of the two; its private key does not leave here. */
static enum status read_certificate(const struct admin_ops *o, enum store_ca_role role,
                                    struct certificate *out)
{
    struct store_ca_row row;
    enum status status = store_ca_read(o->context->ca->store, role, &row);

    if (status == SSM_OK)
        *out = row.certificate;
    bytes_wipe(&row, sizeof(row));
    return status;
}

struct issued_list {
    const struct admin_ops *ops;
    json_t *rows;
};

static enum status collect_issued(void *arg, const struct store_ca_issued *issued)
{
    const struct issued_list *list = arg;
    json_t *object = json_pack("{s:o, s:o}", "name", admin_json_name(&issued->name), "serial",
                               admin_json_hex(issued->serial, issued->serial_len));

    admin_json_set_end(object, issued->not_after_s, wall_s(list->ops));
    json_array_append_new(list->rows, object);
    return SSM_OK;
}

/* {"ca": ..., "gateway": ...}, to which "issued" may be added. */
static json_t *describe_both(const struct admin_ops *o)
{
    struct certificate root;
    struct certificate gateway;
    enum status status = read_certificate(o, STORE_CA_ROOT, &root);

    if (status == SSM_OK)
        status = read_certificate(o, STORE_CA_GATEWAY, &gateway);
    if (status != SSM_OK)
        return refusal_of(status);
    return json_pack("{s:b, s:o, s:o}", "ok", 1, "ca", describe(o, &root), "gateway", describe(o, &gateway));
}

json_t *admin_ca_show(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    json_t *reply = describe_both(o);
    struct issued_list list = {o, json_array()};

    (void)r;
    (void)caller;
    if (store_ca_each_issued(o->context->ca->store, collect_issued, &list) != SSM_OK) {
        json_decref(reply);
        reply = admin_refuse_store();
    } else if (json_is_true(json_object_get(reply, "ok"))) {
        json_object_set(reply, "issued", list.rows);
    }
    json_decref(list.rows);
    return reply;
}

json_t *admin_ca_export(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    struct certificate root;
    enum status status = read_certificate(o, STORE_CA_ROOT, &root);

    (void)r;
    (void)caller;
    if (status != SSM_OK)
        return refusal_of(status);
    return json_pack("{s:b, s:o}", "ok", 1, "certificate", admin_json_certificate(&root));
}

/* ---- changes ---- */

json_t *admin_ca_init(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    const struct admin_context *c = o->context;
    enum status status = ca_init(c->ca, days_of(r, CA_DAYS), &r->ca_names, r->replace, wall_s(o));

    if (status != SSM_OK)
        return refusal_of(status);
    log_line(LOG_NOTICE, "admin: uid %u made %s CA", caller, r->replace ? "a new" : "the");
    c->ca_changed(c->ctx);
    return describe_both(o);
}

static json_t *issued_reply(const struct admin_ops *o, const struct assoc_name *name,
                            const struct certificate *certificate)
{
    json_t *object = describe(o, certificate);

    json_object_set_new(object, "name", admin_json_name(name));
    json_object_set_new(object, "certificate", admin_json_certificate(certificate));
    return admin_reply_with(object);
}

json_t *admin_ca_issue(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    struct certificate made;
    enum status status =
        ca_issue(o->context->ca, &r->name, r->public_key, days_of(r, CA_CERTIFICATE_DAYS), wall_s(o), &made);

    if (status != SSM_OK)
        return refusal_of(status);
    log_line(LOG_NOTICE, "admin: uid %u had a certificate issued to '%.*s'", caller, NAME(&r->name));
    return issued_reply(o, &r->name, &made);
}

static json_t *renew_subscriber(const struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    struct assoc_name name;
    struct certificate made;
    enum status status =
        ca_reissue(o->context->ca, &r->certificate, days_of(r, CA_CERTIFICATE_DAYS), wall_s(o), &name, &made);

    if (status != SSM_OK)
        return refusal_of(status);
    log_line(LOG_NOTICE, "admin: uid %u had the certificate of '%.*s' renewed", caller, NAME(&name));
    return issued_reply(o, &name, &made);
}

json_t *admin_ca_renew(struct admin_ops *o, const struct admin_request *r, uid_t caller)
{
    const struct admin_context *c = o->context;
    enum status status;

    if (r->certificate.len > 0)
        return renew_subscriber(o, r, caller);
    status = ca_renew(c->ca, days_of(r, CA_CERTIFICATE_DAYS), &r->ca_names, wall_s(o));
    if (status != SSM_OK)
        return refusal_of(status);
    log_line(LOG_NOTICE, "admin: uid %u renewed the gateway's certificate", caller);
    c->ca_changed(c->ctx);
    return describe_both(o);
}
