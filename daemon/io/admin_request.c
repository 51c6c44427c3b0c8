#include "admin_request.h"
#include "admin_key.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Fields, and what each must hold. The take functions answer whether the value is right. */
enum field_number {
    NAME,
    NODE,
    PSK,
    PORT,
    NODES,
    HANDLE,
    CURSOR,
    SHOW_KEY,
    CERTIFICATE,
    SUBJECT,
    PUBLIC_KEY,
    DAYS,
    NAMES,
    REPLACE,
    URI,
    IDENTITY,
    ANCHORS,
    CHAIN,
    PRIVATE_KEY,
    FIELDS
};
#define BIT(field) (1U << (field))

struct field {
    const char *name;
    const char *wanted;
    bool (*take)(const json_t *value, struct admin_request *r);
};

struct operation {
    const char *name;
    unsigned required;
    unsigned optional;
    unsigned one_of;     /* exactly one of these as well */
    const char *choices; /* what is said of that */
};

static const struct operation operations[ADMIN_OPS] = {
    [ADMIN_NODE_ADD] = {"node add", BIT(NAME) | BIT(PSK), BIT(PORT), 0, NULL},
    [ADMIN_NODE_LIST] = {"node list", 0, 0, 0, NULL},
    [ADMIN_NODE_SHOW] = {"node show", BIT(NAME), BIT(SHOW_KEY), 0, NULL},
    [ADMIN_NODE_REMOVE] = {"node remove", BIT(NAME), 0, 0, NULL},
    [ADMIN_SUBSCRIBER_ADD] = {"subscriber add", BIT(NAME) | BIT(NODES), 0,
                              BIT(PSK) | BIT(CERTIFICATE) | BIT(SUBJECT),
                              "exactly one of 'psk', 'certificate' and 'subject'"},
    [ADMIN_SUBSCRIBER_LIST] = {"subscriber list", 0, 0, 0, NULL},
    [ADMIN_SUBSCRIBER_SHOW] = {"subscriber show", BIT(NAME), BIT(SHOW_KEY), 0, NULL},
    [ADMIN_SUBSCRIBER_REMOVE] = {"subscriber remove", BIT(NAME), 0, 0, NULL},
    [ADMIN_SESSION_LIST] = {"session list", 0, BIT(CURSOR), 0, NULL},
    [ADMIN_SESSION_CLOSE] = {"session close", BIT(NODE) | BIT(HANDLE), 0, 0, NULL},
    [ADMIN_LINK_LIST] = {"link list", 0, 0, 0, NULL},
    [ADMIN_STATUS] = {"status", 0, 0, 0, NULL},
    [ADMIN_DESTINATION_ADD] = {"destination add", BIT(NODE) | BIT(URI),
                               BIT(IDENTITY) | BIT(CHAIN) | BIT(PRIVATE_KEY), BIT(PSK) | BIT(ANCHORS),
                               "either 'identity' and 'psk', or 'anchors', then perhaps with 'chain' and "
                               "'private_key'"},
    [ADMIN_DESTINATION_LIST] = {"destination list", 0, BIT(NODE), 0, NULL},
    [ADMIN_DESTINATION_REMOVE] = {"destination remove", BIT(NODE) | BIT(URI), 0, 0, NULL},
    [ADMIN_CA_INIT] = {"ca init", 0, BIT(DAYS) | BIT(NAMES) | BIT(REPLACE), 0, NULL},
    [ADMIN_CA_ISSUE] = {"ca issue", BIT(NAME) | BIT(PUBLIC_KEY), BIT(DAYS), 0, NULL},
    [ADMIN_CA_RENEW] = {"ca renew", 0, BIT(CERTIFICATE) | BIT(DAYS) | BIT(NAMES), 0, NULL},
    [ADMIN_CA_SHOW] = {"ca show", 0, 0, 0, NULL},
    [ADMIN_CA_EXPORT] = {"ca export", 0, 0, 0, NULL},
};

static bool take_assoc_name(const json_t *value, struct assoc_name *name)
{
    return json_is_string(value) &&
           assoc_name_set(name, json_string_value(value), json_string_length(value)) == SSM_OK;
}

static bool take_name(const json_t *value, struct admin_request *r)
{
    return take_assoc_name(value, &r->name);
}

static bool take_psk(const json_t *value, struct admin_request *r)
{
    if (!json_is_string(value))
        return false;
    if (r->op == ADMIN_NODE_ADD)
        return admin_key_parse_node(json_string_value(value), json_string_length(value), r->node_psk) ==
               SSM_OK;
    if (admin_key_parse_subscriber(json_string_value(value), json_string_length(value), &r->subscriber) !=
        SSM_OK)
        return false;
    bytes_copy(r->destination.psk, r->subscriber.psk, sizeof(r->destination.psk));
    r->destination.psk_len = r->subscriber.psk_len;
    return true;
}

static bool take_number(const json_t *value, uint64_t min, uint64_t max, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return *out >= min && *out <= max;
}

static bool take_u16(const json_t *value, uint16_t *out)
{
    uint64_t number = 0;

    if (!take_number(value, 1, UINT16_MAX, &number))
        return false;
    *out = (uint16_t)number;
    return true;
}

static bool take_port(const json_t *value, struct admin_request *r)
{
    return take_u16(value, &r->port);
}

static bool take_handle(const json_t *value, struct admin_request *r)
{
    return take_u16(value, &r->handle);
}

static bool take_cursor(const json_t *value, struct admin_request *r)
{
    return take_number(value, 0, INT64_MAX, &r->cursor);
}

static bool take_show_key(const json_t *value, struct admin_request *r)
{
    r->show_key = json_is_true(value);
    return json_is_boolean(value);
}

static bool take_replace(const json_t *value, struct admin_request *r)
{
    r->replace = json_is_true(value);
    return json_is_boolean(value);
}

static bool take_days(const json_t *value, struct admin_request *r)
{
    uint64_t days = 0;

    if (!take_number(value, 1, CA_DAYS_MAX, &days))
        return false;
    r->days = (uint32_t)days;
    return true;
}

static bool take_certificate(const json_t *value, struct admin_request *r)
{
    if (!json_is_string(value) || json_string_length(value) > CERTIFICATE_PEM_MAX)
        return false;
    r->subscriber.credential = SUBSCRIBER_CERTIFICATE;
    return certificate_from_pem(json_string_value(value), json_string_length(value), &r->certificate) ==
           SSM_OK;
}

/* It stands in the log and in tables. */
static bool is_printable(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] < 0x20 || text[i] == 0x7F)
            return false;
    return true;
}

static bool take_subject(const json_t *value, struct admin_request *r)
{
    const char *text = json_string_value(value); /* NULL for what is no string */
    size_t len = json_string_length(value);

    if (text == NULL || len == 0 || len > SUBSCRIBER_SUBJECT_MAX || !is_printable(text, len))
        return false;
    r->subscriber.credential = SUBSCRIBER_SUBJECT;
    bytes_copy(r->subscriber.subject, text, len);
    r->subscriber.subject_len = (uint8_t)len;
    return true;
}

static bool take_uri(const json_t *value, struct admin_request *r)
{
    return json_is_string(value) && uri_parse(json_string_value(value), json_string_length(value),
                                              &r->destination.server, NULL) == SSM_OK;
}

static bool take_identity(const json_t *value, struct admin_request *r)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);

    if (text == NULL || len == 0 || len > DESTINATION_IDENTITY_MAX || !is_printable(text, len))
        return false;
    bytes_copy(r->destination.identity, text, len);
    r->destination.identity_len = (uint8_t)len;
    return true;
}

/* What is in it is looked at later, together with the clock. */
static bool take_pem(const json_t *value, char *out, size_t max)
{
    size_t len = json_string_length(value);

    if (!json_is_string(value) || len == 0 || len > max)
        return false;
    bytes_copy(out, json_string_value(value), len + 1);
    return true;
}

static bool take_anchors(const json_t *value, struct admin_request *r)
{
    r->destination.kind = DESTINATION_CERTIFICATE;
    return take_pem(value, r->destination.anchors, DESTINATION_PEM_MAX);
}

static bool take_chain(const json_t *value, struct admin_request *r)
{
    return take_pem(value, r->destination.chain, DESTINATION_PEM_MAX);
}

static bool take_private_key(const json_t *value, struct admin_request *r)
{
    return take_pem(value, r->destination.key, DESTINATION_KEY_PEM_MAX);
}

static bool take_public_key(const json_t *value, struct admin_request *r)
{
    return json_is_string(value) && admin_key_parse_hex(json_string_value(value), json_string_length(value),
                                                        r->public_key, sizeof(r->public_key)) == SSM_OK;
}

/* A host's name, or an address as inet_pton takes it. */
static bool take_ca_name(const json_t *value, char out[HOST_NAME_MAX_LEN + 1])
{
    const char *text = json_string_value(value);
    uint8_t address[16];
    uint8_t len;

    if (text == NULL || json_string_length(value) > HOST_NAME_MAX_LEN + 1)
        return false;
    if (inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1) {
        strcpy(out, text);
        return true;
    }
    if (host_name_set(out, &len, text, json_string_length(value)) != SSM_OK)
        return false;
    out[len] = '\0';
    return true;
}

static bool take_names(const json_t *value, struct admin_request *r)
{
    size_t count = json_array_size(value);

    if (count == 0 || count > CA_NAMES_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!take_ca_name(json_array_get(value, i), r->ca_names.list[i]))
            return false;
    r->ca_names.count = count;
    return true;
}

static bool is_granted(const struct admin_request *r, const struct assoc_name *name)
{
    for (size_t i = 0; i < r->grant_count; i++)
        if (r->grants[i].len == name->len && memcmp(r->grants[i].text, name->text, name->len) == 0)
            return true;
    return false;
}

static bool take_nodes(const json_t *value, struct admin_request *r)
{
    size_t count = json_array_size(value); /* 0 for what is no array */

    if (count == 0 || count > ADMIN_GRANTS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct assoc_name *name = &r->grants[i];

        if (!take_assoc_name(json_array_get(value, i), name) || is_granted(r, name))
            return false;
        r->grant_count++;
    }
    return true;
}

static const char NAME_WANTED[] = "a string of 1 to 32 of A-Z a-z 0-9 . _ -";

static const struct field fields[FIELDS] = {
    [NAME] = {"name", NAME_WANTED, take_name},
    [NODE] = {"node", NAME_WANTED, take_name},
    [PSK] = {"psk",
             "a string: for a node 32 hex digits; for a subscriber 16 to 32 characters, or hex: and 32 to 64 "
             "digits",
             take_psk},
    [PORT] = {"port", "a whole number from 1 to 65535", take_port},
    [NODES] = {"nodes", "an array of 1 to 128 different names of nodes", take_nodes},
    [HANDLE] = {"handle", "a whole number from 1 to 65535", take_handle},
    [CURSOR] = {"cursor", "a whole number, 0 or the \"next\" of the page before", take_cursor},
    [SHOW_KEY] = {"show_key", "true or false", take_show_key},
    [CERTIFICATE] = {"certificate", "a certificate in PEM form, at most 4096 bytes in DER", take_certificate},
    [SUBJECT] = {"subject", "a common name: 1 to 64 bytes without control characters", take_subject},
    [PUBLIC_KEY] = {"public_key", "182 hex digits: a SubjectPublicKeyInfo on the curve P-256",
                    take_public_key},
    [DAYS] = {"days", "a whole number from 1 to 7300", take_days},
    [NAMES] = {"names", "an array of 1 to 8 names of hosts or addresses", take_names},
    [REPLACE] = {"replace", "true or false", take_replace},
    [URI] = {"uri", "the URI of a server, coaps://HOST or coaps://HOST:PORT, of at most 48 characters",
             take_uri},
    [IDENTITY] = {"identity", "a PSK identity: 1 to 128 bytes without control characters", take_identity},
    [ANCHORS] = {"anchors", "certificates of CAs in PEM form, at most 4096 characters", take_anchors},
    [CHAIN] = {"chain", "certificates in PEM form, at most 4096 characters", take_chain},
    [PRIVATE_KEY] = {"private_key", "a private key in PEM form, at most 512 characters", take_private_key},
};

/* FIELDS: there is none of that name. */
static unsigned field_find(const char *name)
{
    unsigned i = 0;

    while (i < FIELDS && strcmp(fields[i].name, name) != 0)
        i++;
    return i;
}

static enum status take_op(const json_t *root, struct admin_request *r, char error[ADMIN_ERROR_MAX])
{
    const char *name = json_string_value(json_object_get(root, "op"));

    for (unsigned i = 0; name != NULL && i < ADMIN_OPS; i++)
        if (strcmp(operations[i].name, name) == 0) {
            r->op = (enum admin_op)i;
            return SSM_OK;
        }
    snprintf(error, ADMIN_ERROR_MAX, "field 'op' must name an operation, such as \"node list\"");
    return SSM_MALFORMED;
}

static enum status take_field(const char *key, const json_t *value, struct admin_request *r, unsigned *seen,
                              char error[ADMIN_ERROR_MAX])
{
    const struct operation *op = &operations[r->op];
    unsigned field = field_find(key);

    if (field == FIELDS || ((op->required | op->optional | op->one_of) & BIT(field)) == 0) {
        bool known = field < FIELDS; /* an unknown name is not repeated: it could be anything, even a key */
        snprintf(error, ADMIN_ERROR_MAX, "'%s' takes no field %s%s%s", op->name, known ? "'" : "of that name",
                 known ? fields[field].name : "", known ? "'" : "");
        return SSM_MALFORMED;
    }
    if (!fields[field].take(value, r)) {
        snprintf(error, ADMIN_ERROR_MAX, "field '%s' must be %s", fields[field].name, fields[field].wanted);
        return SSM_MALFORMED;
    }
    *seen |= BIT(field);
    return SSM_OK;
}

/* Fields of a destination's that go together. */
static bool destination_agrees(unsigned seen)
{
    bool has_psk = (seen & BIT(PSK)) != 0;
    bool has_chain = (seen & BIT(CHAIN)) != 0;

    return has_psk == ((seen & BIT(IDENTITY)) != 0) && has_chain == ((seen & BIT(PRIVATE_KEY)) != 0) &&
           !(has_psk && has_chain);
}

/* Is everything there that has to be? */
static enum status check_seen(const struct operation *op, unsigned seen, char error[ADMIN_ERROR_MAX])
{
    unsigned choices = seen & op->one_of;

    for (unsigned i = 0; i < FIELDS; i++)
        if ((op->required & BIT(i)) != 0 && (seen & BIT(i)) == 0) {
            snprintf(error, ADMIN_ERROR_MAX, "'%s' needs field '%s'", op->name, fields[i].name);
            return SSM_MALFORMED;
        }
    if ((op->one_of != 0 && (choices == 0 || (choices & (choices - 1)) != 0)) ||
        (op == &operations[ADMIN_DESTINATION_ADD] && !destination_agrees(seen))) {
        snprintf(error, ADMIN_ERROR_MAX, "'%s' needs %s", op->name, op->choices);
        return SSM_MALFORMED;
    }
    return SSM_OK;
}

static enum status take_fields(json_t *root, struct admin_request *r, char error[ADMIN_ERROR_MAX])
{
    unsigned seen = 0;
    const char *key;
    json_t *value;

    json_object_foreach(root, key, value)
    {
        if (strcmp(key, "op") == 0)
            continue;
        if (take_field(key, value, r, &seen, error) != SSM_OK)
            return SSM_MALFORMED;
    }
    return check_seen(&operations[r->op], seen, error);
}

enum status admin_request_parse(const char *line, size_t len, struct admin_request *out,
                                char error[ADMIN_ERROR_MAX])
{
    json_error_t where;
    json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
    enum status status = SSM_MALFORMED;

    *out = (struct admin_request){0};
    if (json_is_object(root)) {
        status = take_op(root, out, error);
        if (status == SSM_OK)
            status = take_fields(root, out, error);
    } else {
        snprintf(error, ADMIN_ERROR_MAX, "a request must be one JSON object on one line");
    }
    json_decref(root);
    bytes_wipe(&where, sizeof(where)); /* quotes the input */
    return status;
}
