#include "gateway.h"

#include "delegation.h"
#include "handshake_mbedtls.h"
#include "handshake_work.h"
#include "must.h"
#include "outside.h"
#include "store_keys.h"
#include "unit/temporary.h"
#include "workers.h"

#include <sys/random.h>
#include <time.h>

/* Limits as in conf/ssmd.conf, where nothing is said. */
enum {
    CLIENTS_PER_WORKER = 16,
    CLIENTS_MAX = 128,
    MAX_HANDSHAKES = 256,
    MAX_NODES = 256,
    HANDSHAKE_TIMEOUT_S = 60,
    HANDOVER_TIMEOUT_S = 20,
    NODE_SLOTS = 4,
    OUTBOUND_SESSIONS = 2,
    NODE_PORT_FIRST = 20000,
};

const uint8_t gateway_psk[GATEWAY_PSK_LEN] = {'k', 'e', 'y', '-', 'o', 'f', '-', 'b', 'e', 'n', 'c', 'h'};

struct gateway {
    struct temporary directory;
    struct store_keys *store;
    struct keys_store table;
    struct loop *loop;
    struct workers *workers;
    struct handshake_mbedtls *library;
    struct delegator *delegator;
    struct mailbox *inbox;
    struct loop_watch *inbox_watch;
    struct outside *outside;
    struct node_row nodes[CLIENTS_MAX];
    uint32_t count;
};

/* ---- what the delegator asks for ---- */

static void to_relay(void *ctx, const struct message *m)
{
    outside_put(((struct gateway *)ctx)->outside, m);
}

static void fill_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    must(getrandom(out, len, 0) == (ssize_t)len, "no randomness");
}

static void on_log(void *ctx, const char *event, const struct assoc_name *node,
                   const struct assoc_name *subscriber, const struct endpoint *peer)
{
    (void)ctx, (void)node, (void)subscriber, (void)peer;
    must(false, event);
}

static void submit_turn(void *ctx, struct handshake_work *w)
{
    workers_submit(((struct gateway *)ctx)->workers, w->lane, w);
}

static void run_turn(void *work)
{
    handshake_work_run(work);
}

static void on_turn(void *ctx, void *work)
{
    delegator_on_turn(((struct gateway *)ctx)->delegator, work, loop_now_ms());
}

/* ---- the loop ---- */

static void on_message(void *ctx, const struct message *m)
{
    struct gateway *g = ctx;

    if (m->type == MSG_STOP)
        loop_stop(g->loop);
    else
        delegator_on_message(g->delegator, m, loop_now_ms());
}

static void on_inbox(void *ctx)
{
    struct gateway *g = ctx;

    mailbox_take(g->inbox, on_message, g);
}

static uint64_t turn(void *ctx, uint64_t now_ms)
{
    struct gateway *g = ctx;
    uint64_t next_ms = delegator_on_tick(g->delegator, now_ms);

    outside_flush(g->outside);
    return next_ms;
}

static void run_until_stopped(struct gateway *g)
{
    must(loop_run(g->loop, turn, g) == SSM_OK, "the loop failed");
}

/* ---- life ---- */

static void fill_store(struct gateway *g)
{
    struct subscriber_row by_psk = {.credential = SUBSCRIBER_PSK, .psk_len = GATEWAY_PSK_LEN};
    struct subscriber_row by_subject = {.credential = SUBSCRIBER_SUBJECT};
    uint32_t granted[CLIENTS_MAX];
    char name[16];

    for (uint32_t i = 0; i < g->count; i++) {
        struct node_row *row = &g->nodes[i];

        const int len = snprintf(name, sizeof name, "node-%u", (unsigned)i);
        row->port = (uint16_t)(NODE_PORT_FIRST + i);
        fill_random(g, row->psk, sizeof row->psk);
        must(assoc_name_set(&row->name, name, (size_t)len) == SSM_OK &&
                 g->table.add_node(g->table.ctx, row) == SSM_OK,
             "a node cannot be stored");
        granted[i] = row->id;
    }
    bytes_copy(by_psk.psk, gateway_psk, GATEWAY_PSK_LEN);
    by_subject.subject_len = sizeof GATEWAY_SUBSCRIBER_SUBJECT - 1;
    bytes_copy(by_subject.subject, GATEWAY_SUBSCRIBER_SUBJECT, by_subject.subject_len);
    must(assoc_name_set(&by_psk.name, GATEWAY_SUBSCRIBER_PSK, sizeof GATEWAY_SUBSCRIBER_PSK - 1) == SSM_OK &&
             assoc_name_set(&by_subject.name, GATEWAY_SUBSCRIBER_SUBJECT, by_subject.subject_len) == SSM_OK &&
             g->table.add_subscriber(g->table.ctx, &by_psk, granted, g->count) == SSM_OK &&
             g->table.add_subscriber(g->table.ctx, &by_subject, granted, g->count) == SSM_OK,
         "a subscriber cannot be stored");
}

static void add_destination(struct gateway *g, const char *uri, struct destination_row *row)
{
    must(uri_parse(uri, strlen(uri), &row->server, NULL) == SSM_OK, "a URI cannot be used");
    for (uint32_t i = 0; i < g->count; i++) {
        row->node = g->nodes[i].id;
        must(g->table.add_destination(g->table.ctx, row) == SSM_OK, "a destination cannot be stored");
    }
}

static void add_destinations(struct gateway *g, const struct pki *pki)
{
    struct destination_row by_psk = {.kind = DESTINATION_PSK, .psk_len = GATEWAY_PSK_LEN};
    struct destination_row by_certificate = {.kind = DESTINATION_CERTIFICATE, .not_after_s = UINT32_MAX};

    by_psk.identity_len = sizeof GATEWAY_SUBSCRIBER_PSK - 1;
    bytes_copy(by_psk.identity, GATEWAY_SUBSCRIBER_PSK, by_psk.identity_len);
    bytes_copy(by_psk.psk, gateway_psk, GATEWAY_PSK_LEN);
    strcpy(by_certificate.anchors, pki->ca.certificate);
    strcpy(by_certificate.chain, pki->client.certificate);
    strcpy(by_certificate.key, pki->client.key);
    add_destination(g, GATEWAY_SERVER_PSK, &by_psk);
    add_destination(g, GATEWAY_SERVER_CERTIFICATE, &by_certificate);
}

static void open_store(struct gateway *g, const struct pki *pki)
{
    char key_path[sizeof g->directory.file];

    temporary_open(&g->directory);
    strcpy(key_path, temporary_file(&g->directory, "storage.key"));
    must(store_keys_open(temporary_file(&g->directory, "keys.db"), key_path, &g->store) == SSM_OK,
         "no database");
    g->table = store_keys_table(g->store);
    fill_store(g);
    add_destinations(g, pki);
}

static struct pem pem_of(const char *text)
{
    return (struct pem){(char *)(uintptr_t)text, strlen(text) + 1};
}

static void open_library(struct gateway *g, uint8_t lanes, const struct pki *pki)
{
    g->library = handshake_mbedtls_create(lanes);
    must(g->library != NULL, "no memory for the engine");
    const struct credentials credentials = {
        .ecdsa = {pem_of(pki->server.certificate), pem_of(pki->server.key)},
        .client_ca = pem_of(pki->ca.certificate),
    };
    must(handshake_mbedtls_set_credentials(g->library, &credentials) == SSM_OK,
         "the engine refuses the certificates");
}

static void open_delegator(struct gateway *g, uint8_t lanes)
{
    struct delegator_config config = {
        .max_handshakes = MAX_HANDSHAKES,
        .max_nodes = MAX_NODES,
        .handshake_timeout_s = HANDSHAKE_TIMEOUT_S,
        .handover_timeout_s = HANDOVER_TIMEOUT_S,
        .node_silent_s = 120,
        .node_slots = NODE_SLOTS,
        .outbound_sessions = OUTBOUND_SESSIONS,
    };
    const struct delegator_io io = {g, to_relay, fill_random, on_log, {g, lanes, submit_turn}};
    const struct handshake_engine engine = handshake_mbedtls_engine(g->library);

    must(assoc_name_set(&config.gateway, "gateway", 7) == SSM_OK, "a name cannot be set");
    g->workers = workers_create(g->loop, lanes, run_turn, on_turn, g);
    must(g->workers != NULL, "no worker threads");
    g->delegator = delegator_create(&config, &io, &engine, &g->table);
    must(g->delegator != NULL, "no memory for the delegator");
}

struct gateway *gateway_create(uint8_t workers, const struct pki *pki)
{
    struct gateway *g = calloc(1, sizeof *g);

    must(g != NULL, "no memory");
    g->count = (uint32_t)workers * CLIENTS_PER_WORKER;
    if (g->count > CLIENTS_MAX)
        g->count = CLIENTS_MAX;
    g->loop = loop_create();
    g->inbox = mailbox_create();
    g->inbox_watch = loop_watch_readable(g->loop, mailbox_descriptor(g->inbox), on_inbox, g);
    must(g->inbox_watch != NULL, "no memory for the loop");
    open_store(g, pki);
    open_library(g, workers, pki);
    g->outside = outside_create(g->nodes, g->count, workers, g->inbox);
    open_delegator(g, workers);
    must(delegator_start(g->delegator, loop_now_ms()) == SSM_OK, "the delegator cannot start");
    outside_associate(g->outside);
    run_until_stopped(g);
    return g;
}

void gateway_destroy(struct gateway *g)
{
    workers_destroy(g->workers);
    outside_destroy(g->outside);
    delegator_destroy(g->delegator);
    handshake_mbedtls_destroy(g->library);
    store_keys_close(g->store);
    temporary_close(&g->directory);
    loop_watch_remove(g->inbox_watch);
    mailbox_destroy(g->inbox);
    loop_destroy(g->loop);
    free(g);
}

/* ---- runs ---- */

static double clock_s(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The workers are all threads but the loop's and the outside's. */
static struct gateway_cost read_clocks(const struct gateway *g)
{
    struct gateway_cost cost = {.wall_s = clock_s(CLOCK_MONOTONIC),
                                .loop_s = clock_s(CLOCK_THREAD_CPUTIME_ID)};

    cost.worker_s = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cost.loop_s - outside_cpu_s(g->outside);
    return cost;
}

static struct gateway_cost run(struct gateway *g, const struct stock_library *others, const char *uri,
                               uint32_t count)
{
    const struct gateway_cost before = read_clocks(g);

    outside_handshake(g->outside, others, uri, count);
    run_until_stopped(g);
    const struct gateway_cost after = read_clocks(g);
    return (struct gateway_cost){
        .wall_s = after.wall_s - before.wall_s,
        .loop_s = after.loop_s - before.loop_s,
        .worker_s = after.worker_s - before.worker_s,
    };
}

struct gateway_cost gateway_handshake(struct gateway *g, const struct stock_library *clients, uint32_t count)
{
    return run(g, clients, NULL, count);
}

struct gateway_cost gateway_call(struct gateway *g, const struct stock_library *servers, const char *uri,
                                 uint32_t count)
{
    return run(g, servers, uri, count);
}
