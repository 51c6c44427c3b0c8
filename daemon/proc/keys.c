#include "admin.h"
#include "delegation.h"
#include "endpoint_text.h"
#include "handshake_mbedtls.h"
#include "log.h"
#include "processes.h"
#include "store_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum { NODE_SLOTS = 4 }; /* sessions that a node can hold */

struct keys_process {
    struct child child;
    const struct config *config;
    int admin_fd; /* -1: the admin socket has it */
    struct store_keys *store;
    struct keys_store table;
    struct handshake_mbedtls *library;
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

/* Nonces hang on it: without randomness there is no going on. */
static void fill_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    if (getrandom(out, len, 0) != (ssize_t)len)
        abort();
}

static void on_log(void *ctx, const char *event, const struct assoc_name *node,
                   const struct assoc_name *subscriber, const struct endpoint *peer)
{
    char text[ENDPOINT_TEXT_MAX];

    (void)ctx;
    log_event(LOG_NOTICE, loop_now_ms(), event, ": node '%.*s', subscriber '%.*s', peer %s", node->len,
              node->text, subscriber->len, subscriber->text, endpoint_text(peer, text));
}

/* ---- the other processes ---- */

static void on_parent(void *ctx, const struct message *m, int fd)
{
    struct keys_process *p = ctx;

    if (fd >= 0)
        close(fd);
    if (m->type == MSG_PORT_FAILED && p->admin != NULL)
        admin_on_message(p->admin, m);
}

static bool is_for_admin(const struct message *m)
{
    return (m->type == MSG_SESSION_LIST || m->type == MSG_STATUS) && m->request >= ADMIN_REQUEST_FIRST;
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
        .now_ms = now_ms,
    };

    p->admin = admin_create(&context, p->admin_fd);
    p->admin_fd = -1;
    if (p->admin == NULL) {
        log_line(LOG_ERR, "not enough memory for the admin socket");
        return SSM_IO;
    }
    ask_for_ports(p);
    return child_ready(&p->child, SANDBOX_KEYS);
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

static enum status open_delegator(struct keys_process *p)
{
    const struct delegator_config config = {
        .gateway = p->config->gateway_id,
        .max_handshakes = p->config->max_handshakes,
        .max_nodes = p->config->max_nodes,
        .handshake_timeout_s = p->config->handshake_timeout_s,
        .handover_timeout_s = p->config->handover_timeout_s,
        .node_slots = NODE_SLOTS,
    };

    p->library = handshake_mbedtls_create();
    if (p->library != NULL) {
        p->engine = handshake_mbedtls_engine(p->library);
        p->io = (struct delegator_io){p, to_relay, fill_random, on_log};
        p->delegator = delegator_create(&config, &p->io, &p->engine, &p->table);
    }
    if (p->delegator != NULL)
        return SSM_OK;
    log_line(LOG_ERR, "not enough memory for max_handshakes and max_nodes, or no randomness");
    return SSM_IO;
}

/* The rest, up to READY, follows when the parent hands over the channel to `relay`. */
static enum status start_up(struct keys_process *p, const struct child_start *start)
{
    const struct child_events events = {p, on_parent, on_relay, on_relay_started};
    enum status status = child_open(&p->child, start, &events);

    if (status == SSM_OK)
        status = open_store(p);
    if (status == SSM_OK)
        status = open_delegator(p);
    return status;
}

static void close_all(struct keys_process *p)
{
    if (p->admin != NULL)
        admin_destroy(p->admin);
    if (p->delegator != NULL)
        delegator_destroy(p->delegator);
    if (p->library != NULL)
        handshake_mbedtls_destroy(p->library);
    store_keys_close(p->store);
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
