#include "admin.h"
#include "delegation.h"
#include "handshake_mbedtls.h"
#include "handshake_work.h"
#include "keys_certificates.h"
#include "keys_resolver.h"
#include "log.h"
#include "processes.h"
#include "registers.h"
#include "store_keys.h"
#include "workers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { NODE_SLOTS = 4 }; /* sessions that a node can hold */

struct keys_process {
    struct child child;
    const struct config *config;
    int admin_fd; /* -1: the admin socket has it */
    struct store_keys *store;
    struct keys_store table;
    struct workers *workers;
    struct handshake_mbedtls *library;
    struct keys_certificates certificates;
    struct keys_resolver resolver;
    struct handshake_engine engine;
    struct delegator_io io;
    struct delegator *delegator;
    struct admin *admin; /* NULL until the delegator has started */
    bool failed;
};

/* ---- what delegator and admin ask for ---- */

static void to_relay(void *ctx, const struct message *m)
{
    struct keys_process *p = ctx;

    if (m->type == MSG_RESOLVE) /* another's work */
        keys_resolver_ask(&p->resolver, m);
    else
        child_to_sibling(&p->child, m);
}

static void to_parent(void *ctx, const struct message *m)
{
    struct keys_process *p = ctx;

    child_to_parent(&p->child, m);
}

static uint64_t now_ms(void *ctx)
{
    (void)ctx;
    return loop_now_ms();
}

static uint64_t wall_s(void *ctx)
{
    (void)ctx;
    return (uint64_t)time(NULL);
}

static void on_ca_changed(void *ctx)
{
    struct keys_process *p = ctx;

    keys_certificates_load(&p->certificates);
    delegator_on_trust_changed(p->delegator);
}

static void on_destination_added(void *ctx)
{
    const struct keys_process *p = ctx;

    keys_resolver_want(&p->resolver);
}

/* Nonces hang on it: without randomness there is no going on. */
static void fill_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    if (getrandom(out, len, 0) != (ssize_t)len)
        abort();
}

static void on_log(void *ctx, const char *event, const struct assoc_name *node, const struct assoc_name *name,
                   const struct endpoint *peer)
{
    const struct keys_process *p = ctx;
    char text[SERIAL_NAME_MAX];

    log_event(LOG_NOTICE, loop_now_ms(), event, ": node '%.*s', peer '%.*s' at %s", node->len, node->text,
              name->len, name->text, serial_ports_text(&p->config->serial_links, peer, text));
}

/* ---- turns of handshakes, on the workers ---- */

static void submit_turn(void *ctx, struct handshake_work *w)
{
    const struct keys_process *p = ctx;

    workers_submit(p->workers, w->lane, w);
}

static void run_turn(void *work)
{
    handshake_work_run(work);
    registers_wipe();
}

static void on_turn(void *ctx, void *work)
{
    const struct keys_process *p = ctx;

    delegator_on_turn(p->delegator, work, loop_now_ms());
}

/* ---- the other processes ---- */

static void on_parent(void *ctx, const struct message *m, int fd)
{
    struct keys_process *p = ctx;

    if (m->type == MSG_SIBLING && fd >= 0)
        keys_resolver_connect(&p->resolver, fd);
    else if (fd >= 0)
        close(fd);
    if (m->type == MSG_PORT_FAILED && p->admin != NULL)
        admin_on_message(p->admin, m);
}

static void on_resolved(void *ctx, const struct message *m)
{
    const struct keys_process *p = ctx;

    delegator_on_message(p->delegator, m, loop_now_ms());
}

static bool is_for_admin(const struct message *m)
{
    return (m->type == MSG_SESSION_LIST || m->type == MSG_LINK_LIST || m->type == MSG_STATUS) &&
           m->request >= ADMIN_REQUEST_FIRST;
}

static void on_relay(void *ctx, const struct message *m)
{
    struct keys_process *p = ctx;

    if (!is_for_admin(m))
        delegator_on_message(p->delegator, m, loop_now_ms());
    else if (p->admin != NULL)
        admin_on_message(p->admin, m);
}

static void ask_for_ports(struct keys_process *p)
{
    struct node_view node;

    for (size_t i = 0; delegator_view_node(p->delegator, i, &node); i++) {
        const struct message m = {.type = MSG_PORT_NEEDED, .node = node.id, .local.port = node.port};

        child_to_parent(&p->child, &m);
    }
}

/* Once: the admin socket looks up its group, so it comes before the system call filter. */
static enum status open_admin(struct keys_process *p)
{
    const struct admin_context context = {
        .base = loop_base(p->child.loop),
        .config = p->config,
        .delegator = p->delegator,
        .store = &p->table,
        .ctx = p,
        .to_relay = to_relay,
        .to_parent = to_parent,
        .ca = &p->certificates.ca,
        .expiry = &p->certificates.expiry,
        .ca_changed = on_ca_changed,
        .destination_added = on_destination_added,
        .now_ms = now_ms,
        .wall_s = wall_s,
    };

    p->admin = admin_create(&context, p->admin_fd);
    p->admin_fd = -1;
    if (p->admin == NULL) {
        log_line(LOG_ERR, "not enough memory for the admin socket");
        return SSM_IO;
    }
    ask_for_ports(p);
    return child_ready(&p->child, SANDBOX_KEYS, 0);
}

static void on_relay_started(void *ctx)
{
    struct keys_process *p = ctx;
    enum status status = delegator_start(p->delegator, loop_now_ms());

    if (status != SSM_OK)
        log_line(LOG_ERR, "cannot start: the nodes cannot be read back");
    else if (p->admin == NULL)
        status = open_admin(p);
    if (status == SSM_OK)
        return;
    p->failed = true;
    loop_stop(p->child.loop);
}

/* ---- life ---- */

static uint64_t turn(void *ctx, uint64_t now)
{
    struct keys_process *p = ctx;
    uint64_t next_ms = delegator_on_tick(p->delegator, now);
    uint64_t heartbeat_ms = child_turn(&p->child, now);

    expiry_log_daily(&p->certificates.expiry, wall_s(p));
    registers_wipe(); /* of what turns and hand-overs have copied */
    return next_ms < heartbeat_ms ? next_ms : heartbeat_ms;
}

static enum status open_store(struct keys_process *p)
{
    const struct config *config = p->config;
    char path[CONFIG_PATH_MAX + 16];
    char key_path[CONFIG_PATH_MAX + 16];
    enum status status;

    snprintf(path, sizeof path, "%s/keys.db", config->state_dir);
    if (config->storage_key[0] != '\0')
        snprintf(key_path, sizeof key_path, "%s", config->storage_key);
    else
        snprintf(key_path, sizeof key_path, "%s/storage.key", config->state_dir);
    status = store_keys_open(path, key_path, &p->store);
    if (status == SSM_OK)
        p->table = store_keys_table(p->store);
    return status;
}

static uint8_t lane_count(const struct config *config)
{
    return config->workers > 0 ? (uint8_t)config->workers : workers_processors();
}

static enum status open_library(struct keys_process *p)
{
    uint8_t lanes = lane_count(p->config);

    p->workers = workers_create(p->child.loop, lanes, run_turn, on_turn, p);
    p->library = handshake_mbedtls_create(lanes);
    if (p->workers != NULL && p->library != NULL) {
        p->engine = handshake_mbedtls_engine(p->library);
        keys_certificates_open(&p->certificates, p->config, store_keys_ca(p->store), &p->table, p->library);
        return SSM_OK;
    }
    log_line(LOG_ERR, "not enough memory for workers, or no randomness");
    return SSM_IO;
}

static void names_add(struct server_names *names, const char *text, size_t len)
{
    SSM_ASSERT(names->count < SERVER_NAMES_MAX);
    if (len > SERVER_NAME_MAX)
        return; /* nobody can ask for it */
    memcpy(names->names[names->count].text, text, len);
    names->names[names->count++].len = (uint8_t)len;
}

/* By which peers may call the gateway itself. */
static struct server_names own_names(const struct keys_process *p)
{
    const struct config *config = p->config;
    const char *host = p->certificates.ca.host;
    struct server_names names = {0};

    names_add(&names, config->gateway_id.text, config->gateway_id.len);
    names_add(&names, "localhost", strlen("localhost"));
    names_add(&names, host, strlen(host));
    for (size_t i = 0; i < config->server_names.count; i++)
        names_add(&names, config->server_names.names[i].text, config->server_names.names[i].len);
    return names;
}

static enum status open_delegator(struct keys_process *p)
{
    const struct delegator_config config = {
        .gateway = p->config->gateway_id,
        .names = own_names(p),
        .max_handshakes = p->config->max_handshakes,
        .max_nodes = p->config->max_nodes,
        .handshake_timeout_s = p->config->handshake_timeout_s,
        .handover_timeout_s = p->config->handover_timeout_s,
        .node_silent_s = p->config->node_silent_s,
        .node_slots = NODE_SLOTS,
        .outbound_sessions = (uint8_t)p->config->outbound_sessions,
        .shared_port = p->config->peer_address.port,
        .resumption_s = p->config->resumption_s,
        .resumption_sessions = p->config->resumption_sessions,
    };

    p->io = (struct delegator_io){p, to_relay, fill_random, on_log, {p, lane_count(p->config), submit_turn}};
    p->delegator = delegator_create(&config, &p->io, &p->engine, &p->table);
    if (p->delegator == NULL) {
        log_line(LOG_ERR, "not enough memory for max_handshakes, max_nodes and resumption_sessions");
        return SSM_IO;
    }
    if (config.resumption_s > 0)
        log_line(LOG_NOTICE, "resumption is on: master secrets of up to %u sessions stay in memory for %u s",
                 (unsigned)config.resumption_sessions, (unsigned)config.resumption_s);
    return SSM_OK;
}

/* The rest, up to READY, follows when the parent hands over the channel to `relay`. */
static enum status start_up(struct keys_process *p, const struct child_start *start)
{
    const struct child_events events = {p, on_parent, on_relay, on_relay_started};
    enum status status;

    sandbox_guard_memory(start->account);
    status = child_open(&p->child, start, &events);
    if (status == SSM_OK)
        status = open_store(p);
    if (status == SSM_OK)
        status = open_library(p);
    if (status == SSM_OK)
        status = open_delegator(p);
    if (status == SSM_OK)
        keys_resolver_open(&p->resolver, &p->child, &p->table, on_resolved, p);
    return status;
}

static void close_all(struct keys_process *p)
{
    if (p->admin != NULL)
        admin_destroy(p->admin);
    workers_destroy(p->workers);
    if (p->delegator != NULL)
        delegator_destroy(p->delegator);
    if (p->library != NULL)
        handshake_mbedtls_destroy(p->library);
    store_keys_close(p->store);
    keys_resolver_close(&p->resolver);
    child_close(&p->child);
    free(p);
}

int keys_process_run(const struct child_start *start)
{
    struct keys_process *p = calloc(1, sizeof *p);
    enum status status;

    if (p == NULL)
        return 1;
    p->config = start->config;
    p->admin_fd = start->admin_fd;
    status = start_up(p, start);
    if (status == SSM_OK)
        status = loop_run(p->child.loop, turn, p);
    if (p->failed)
        status = SSM_IO;
    close_all(p);
    return status == SSM_OK ? 0 : 1;
}
