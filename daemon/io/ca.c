#include "ca.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum {
    DAY_S = 86400,
    EARLIER_S = DAY_S,           /* certificates begin in the past: clocks of devices are wrong */
    CLOCK_BEGINS_S = 1735689600, /* 2025-01-01: no clock that is right stands before it */
    NAME_TEXT_MAX = 80,
};

/* ---- the names of the gateway ---- */

static void add_name(struct certificate_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->list[i], name) == 0)
            return;
    }
    SSM_ASSERT(names->count < CERTIFICATE_NAMES_MAX && strlen(name) <= CERTIFICATE_NAME_MAX);
    strcpy(names->list[names->count++], name);
}

static bool is_address(const char *text)
{
    uint8_t address[16];

    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* A host, and what is below it: nodes are called NODE.HOST. What is no host's name is left out. */
static void add_host(struct certificate_names *names, const char *text, size_t len)
{
    char host[HOST_NAME_MAX_LEN];
    char name[CERTIFICATE_NAME_MAX + 1];
    uint8_t host_len;

    if (host_name_set(host, &host_len, text, len) != SSM_OK)
        return;
    snprintf(name, sizeof name, "%.*s", (int)host_len, host);
    add_name(names, name);
    snprintf(name, sizeof name, "*.%.*s", (int)host_len, host);
    add_name(names, name);
}

static void add_either(struct certificate_names *names, const char *text)
{
    if (is_address(text))
        add_name(names, text);
    else
        add_host(names, text, strlen(text));
}

/* The address that peers connect to, unless it is every address. */
static void add_peer_address(struct certificate_names *names, const struct endpoint *e)
{
    static const uint8_t any[16];
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF}; /* RFC 4291 2.5.5.2 */
    char text[INET6_ADDRSTRLEN];
    bool is_ipv4 = memcmp(e->addr, mapped, sizeof mapped) == 0;
    const uint8_t *address = is_ipv4 ? e->addr + sizeof mapped : e->addr;

    if (memcmp(address, any, is_ipv4 ? 4 : 16) == 0)
        return;
    inet_ntop(is_ipv4 ? AF_INET : AF_INET6, address, text, sizeof text);
    add_name(names, text);
}

static void collect_names(const struct ca *ca, const char *given, struct certificate_names *names)
{
    const struct config *c = ca->config;
    char word[HOST_NAME_MAX_LEN + 1];

    names->count = 0;
    for (size_t i = 0; i < c->server_names.count; i++)
        add_host(names, c->server_names.names[i].text, c->server_names.names[i].len);
    add_host(names, c->gateway_id.text, c->gateway_id.len);
    add_host(names, ca->host, strlen(ca->host));
    add_host(names, "localhost", strlen("localhost"));
    for (int used = 0; sscanf(given, "%64s%n", word, &used) == 1; given += used)
        add_either(names, word);
    add_peer_address(names, &c->peer_address);
    add_name(names, "127.0.0.1");
    add_name(names, "::1");
}

/* ---- making ---- */

static uint64_t after_days(uint64_t now_s, uint32_t days)
{
    return now_s + (uint64_t)days * DAY_S;
}

/* Reads the root; SSM_EXHAUSTED: it has expired. `not_after_s` becomes its end. */
static enum status read_root(const struct ca *ca, uint64_t now_s, struct store_ca_row *root,
                             uint64_t *not_after_s)
{
    struct certificate_facts facts;
    enum status status = store_ca_read(ca->store, STORE_CA_ROOT, root);

    if (status == SSM_OK && now_s < CLOCK_BEGINS_S)
        status = SSM_REFUSED;
    if (status == SSM_OK)
        status = certificate_read(&root->certificate, &facts);
    if (status != SSM_OK)
        return status;
    *not_after_s = facts.not_after_s;
    return facts.not_after_s <= now_s ? SSM_EXHAUSTED : SSM_OK;
}

static void keep_key(struct store_ca_row *row, const struct certificate_key_pair *pair)
{
    bytes_copy(row->private_key, pair->private_key, pair->private_key_len);
    row->private_key_len = pair->private_key_len;
}

static enum status make_root(const struct ca *ca, uint32_t days, uint64_t now_s, struct store_ca_row *out)
{
    char name[NAME_TEXT_MAX];
    struct certificate_key_pair pair;
    struct certificate_plan plan = {.use = CERTIFICATE_FOR_CA,
                                    .common_name = name,
                                    .public_key = pair.public_key,
                                    .not_before_s = now_s - EARLIER_S,
                                    .not_after_s = after_days(now_s, days)};
    enum status status = certificate_make_key(&pair);

    snprintf(name, sizeof name, "%.*s CA", (int)ca->config->gateway_id.len, ca->config->gateway_id.text);
    if (status == SSM_OK) {
        const struct certificate_signer self = {NULL, pair.private_key, pair.private_key_len};

        keep_key(out, &pair);
        status = certificate_make(&plan, &self, &out->certificate);
    }
    bytes_wipe(&pair, sizeof pair);
    return status;
}

static enum status sign_with(const struct store_ca_row *root, uint64_t root_ends_s,
                             struct certificate_plan *plan, struct certificate *out)
{
    const struct certificate_signer signer = {&root->certificate, root->private_key, root->private_key_len};

    if (plan->not_after_s > root_ends_s)
        plan->not_after_s = root_ends_s;
    return certificate_make(plan, &signer, out);
}

/* `out->names` are those that the owner gave. */
static enum status make_gateway(const struct ca *ca, const struct store_ca_row *root, uint64_t root_ends_s,
                                uint32_t days, uint64_t now_s, struct store_ca_row *out)
{
    char name[NAME_TEXT_MAX]; /* RFC 7925 4.4.1: "MUST NOT use DNS domain names in the CN" */
    struct certificate_names names;
    struct certificate_key_pair pair;
    struct certificate_plan plan = {.use = CERTIFICATE_FOR_SERVER,
                                    .common_name = name,
                                    .names = &names,
                                    .public_key = pair.public_key,
                                    .not_before_s = now_s - EARLIER_S,
                                    .not_after_s = after_days(now_s, days)};
    enum status status = certificate_make_key(&pair);

    snprintf(name, sizeof name, "%.*s gateway", (int)ca->config->gateway_id.len, ca->config->gateway_id.text);
    collect_names(ca, out->names, &names);
    keep_key(out, &pair);
    if (status == SSM_OK)
        status = sign_with(root, root_ends_s, &plan, &out->certificate);
    bytes_wipe(&pair, sizeof pair);
    return status;
}

static void join_names(const struct ca_names *names, char out[STORE_CA_NAMES_MAX])
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < names->count; i++)
        len +=
            (size_t)snprintf(out + len, STORE_CA_NAMES_MAX - len, "%s%s", i == 0 ? "" : " ", names->list[i]);
}

_Static_assert(CA_NAMES_MAX *(HOST_NAME_MAX_LEN + 1) <= STORE_CA_NAMES_MAX, "all names fit");

/* ---- interface ---- */

static enum status init_both(const struct ca *ca, uint32_t days, const struct ca_names *names, uint64_t now_s,
                             struct store_ca_row *root, struct store_ca_row *gateway)
{
    enum status status = make_root(ca, days, now_s, root);

    join_names(names, gateway->names);
    if (status == SSM_OK)
        status = make_gateway(ca, root, after_days(now_s, days), CA_CERTIFICATE_DAYS, now_s, gateway);
    return status == SSM_OK ? store_ca_replace(ca->store, root, gateway) : status;
}

enum status ca_init(const struct ca *ca, uint32_t days, const struct ca_names *names, bool replace,
                    uint64_t now_s)
{
    struct store_ca_row root = {0};
    struct store_ca_row gateway = {0};
    enum status status = store_ca_read(ca->store, STORE_CA_ROOT, &root);

    if (status == SSM_OK && !replace)
        status = SSM_EXISTS;
    else if (status == SSM_OK || status == SSM_NOT_FOUND)
        status = now_s < CLOCK_BEGINS_S ? SSM_REFUSED : init_both(ca, days, names, now_s, &root, &gateway);
    bytes_wipe(&root, sizeof root);
    bytes_wipe(&gateway, sizeof gateway);
    return status;
}

enum status ca_renew(const struct ca *ca, uint32_t days, const struct ca_names *names, uint64_t now_s)
{
    struct store_ca_row root;
    struct store_ca_row gateway;
    uint64_t root_ends_s;
    enum status status = read_root(ca, now_s, &root, &root_ends_s);

    if (status == SSM_OK)
        status = store_ca_read(ca->store, STORE_CA_GATEWAY, &gateway);
    if (status == SSM_OK && names->count > 0)
        join_names(names, gateway.names);
    if (status == SSM_OK)
        status = make_gateway(ca, &root, root_ends_s, days, now_s, &gateway);
    if (status == SSM_OK)
        status = store_ca_renew_gateway(ca->store, &gateway);
    bytes_wipe(&root, sizeof root);
    bytes_wipe(&gateway, sizeof gateway);
    return status;
}

static enum status note_issued(const struct ca *ca, const struct assoc_name *name,
                               const struct certificate *certificate)
{
    struct certificate_facts facts;
    struct store_ca_issued issued = {.name = *name};
    enum status status = certificate_read(certificate, &facts);

    if (status != SSM_OK)
        return status;
    bytes_copy(issued.serial, facts.serial, facts.serial_len);
    issued.serial_len = facts.serial_len;
    issued.not_after_s = facts.not_after_s;
    return store_ca_add_issued(ca->store, &issued);
}

enum status ca_issue(const struct ca *ca, const struct assoc_name *name,
                     const uint8_t public_key[CERTIFICATE_PUBLIC_KEY_LEN], uint32_t days, uint64_t now_s,
                     struct certificate *out)
{
    char common_name[ASSOC_NAME_MAX + 1];
    struct certificate_plan plan = {.use = CERTIFICATE_FOR_CLIENT,
                                    .common_name = common_name,
                                    .public_key = public_key,
                                    .not_before_s = now_s - EARLIER_S,
                                    .not_after_s = after_days(now_s, days)};
    struct store_ca_row root;
    uint64_t root_ends_s;
    enum status status = read_root(ca, now_s, &root, &root_ends_s);

    snprintf(common_name, sizeof common_name, "%.*s", (int)name->len, name->text);
    if (status == SSM_OK)
        status = sign_with(&root, root_ends_s, &plan, out);
    bytes_wipe(&root, sizeof root);
    return status == SSM_OK ? note_issued(ca, name, out) : status;
}

enum status ca_reissue(const struct ca *ca, const struct certificate *old, uint32_t days, uint64_t now_s,
                       struct assoc_name *name, struct certificate *out)
{
    struct store_ca_row root;
    struct certificate_facts facts;
    enum status status = store_ca_read(ca->store, STORE_CA_ROOT, &root);

    if (status == SSM_OK &&
        (certificate_read(old, &facts) != SSM_OK || !certificate_is_client_of(old, &root.certificate) ||
         facts.key != CERTIFICATE_KEY_P256 ||
         assoc_name_set(name, facts.common_name, facts.common_name_len) != SSM_OK))
        status = SSM_BAD_TAG;
    bytes_wipe(&root, sizeof root);
    return status == SSM_OK ? ca_issue(ca, name, facts.public_key, days, now_s, out) : status;
}
