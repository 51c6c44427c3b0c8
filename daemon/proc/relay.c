#include "relay.h"

#include "log.h"
#include "processes.h"
#include "relay_expect.h"
#include "relay_lines.h"
#include "store_relay.h"
#include "udp.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* A last flight is kept for a while after its handshake has ended. */
enum { FLIGHTS_PER_HANDSHAKE = 4 };

/* `keys` ends a handshake first, as long as it is well. */
enum { OPENING_MARGIN_S = 10 };

struct relay_process;

/* One UDP port on the peers' side. */
struct peer_port {
    struct relay_process *process;
    uint32_t node; /* 0: the shared port */
    struct udp_socket *socket;
};

struct relay_process {
    struct child child;
    struct store_relay *store;
    struct relay_store table;
    struct relay_io io;
    struct relay *relay;
    struct udp_reader *reader;
    struct udp_outbox *outbox;
    struct udp_socket *link;
    struct link_row link_row; /* of it; but for the time */
    uint64_t link_since_ms;
    struct relay_lines lines;
    struct peer_port *ports[UINT16_MAX + 1]; /* by number; NULL: not ours */
};

static uint64_t wall_s(void)
{
    return (uint64_t)time(NULL);
}

/* ---- what the relay asks for ---- */

static void to_peer(void *ctx, const struct endpoint *local, const struct endpoint *peer,
                    const uint8_t *datagram, size_t len)
{
    struct relay_process *p = ctx;
    const struct peer_port *port = p->ports[local->port];

    if (port != NULL)
        udp_outbox_add(p->outbox, port->socket, local, peer, datagram, len);
}

static void to_node(void *ctx, const struct endpoint *node, const uint8_t *datagram, size_t len)
{
    static const struct endpoint any;
    struct relay_process *p = ctx;

    if (endpoint_is_line(node)) {
        relay_lines_send(&p->lines, node, datagram, len);
    } else if (p->link != NULL) {
        p->link_row.to_node++;
        udp_outbox_add(p->outbox, p->link, &any, node, datagram, len);
    }
}

static void to_keys(void *ctx, const struct message *m)
{
    struct relay_process *p = ctx;

    child_to_sibling(&p->child, m);
}

static void on_log(void *ctx, const char *event, uint32_t node, const struct endpoint *peer)
{
    const struct relay_process *p = ctx;
    char text[SERIAL_NAME_MAX];

    log_event(LOG_NOTICE, loop_now_ms(), event, ": node %u, peer %s", (unsigned)node,
              serial_ports_text(p->lines.ports, peer, text));
}

/* ---- sockets ---- */

static void on_peer_datagram(void *ctx, const struct endpoint *local, const struct endpoint *peer,
                             uint8_t *datagram, size_t len, uint64_t now_ms)
{
    const struct peer_port *port = ctx;

    relay_from_peer(port->process->relay, port->node, local, peer, datagram, len, now_ms);
}

static void expect_peers(void *ctx, const struct arrival *batch, size_t count)
{
    const struct peer_port *port = ctx;

    relay_expect_from_peers(port->process->relay, batch, count);
}

static void expect_nodes(void *ctx, const struct arrival *batch, size_t count)
{
    const struct relay_process *p = ctx;

    relay_expect_from_nodes(p->relay, batch, count);
}

static void on_node_datagram(void *ctx, const struct endpoint *local, const struct endpoint *peer,
                             uint8_t *datagram, size_t len, uint64_t now_ms)
{
    struct relay_process *p = ctx;

    (void)local;
    p->link_row.from_node++;
    relay_from_node(p->relay, peer, datagram, len, now_ms);
}

/* What still waits to leave by the socket leaves first. */
static void close_port(struct relay_process *p, uint16_t number)
{
    struct peer_port *port = p->ports[number];

    if (port == NULL)
        return;
    udp_outbox_flush(p->outbox);
    udp_socket_destroy(port->socket);
    free(port);
    p->ports[number] = NULL;
}

static void add_port(struct relay_process *p, uint16_t number, uint32_t node, int fd)
{
    struct peer_port *port = malloc(sizeof *port);

    close_port(p, number);
    if (port == NULL) {
        close(fd);
        return;
    }
    *port = (struct peer_port){.process = p, .node = node};
    port->socket = udp_socket_create(p->reader, fd, on_peer_datagram, port);
    if (port->socket == NULL) {
        free(port);
        return;
    }
    udp_socket_expect(port->socket, expect_peers);
    p->ports[number] = port;
}

static void take_socket(struct relay_process *p, const struct message *m, int fd)
{
    if (m->kind == SOCKET_SERIAL_LINE) {
        relay_lines_attach(&p->lines, m->slot, fd);
        return;
    }
    if (m->kind != SOCKET_NODE_LINK) {
        add_port(p, m->local.port, m->node, fd);
        return;
    }
    udp_outbox_flush(p->outbox);
    udp_socket_destroy(p->link);
    p->link = udp_socket_create(p->reader, fd, on_node_datagram, p);
    if (p->link != NULL)
        udp_socket_expect(p->link, expect_nodes);
    p->link_since_ms = loop_now_ms();
}

/* ---- the other processes ---- */

static void on_parent(void *ctx, const struct message *m, int fd)
{
    struct relay_process *p = ctx;

    if (m->type == MSG_SOCKET && fd >= 0) {
        take_socket(p, m, fd);
        return;
    }
    if (m->type == MSG_PORT_DROPPED)
        close_port(p, m->local.port);
    if (fd >= 0)
        close(fd);
}

/* UDP first, then the lines in the order of the configuration. */
static void list_links(struct relay_process *p, const struct message *m, uint64_t now_ms)
{
    uint8_t rows[(1 + SERIAL_PORTS_MAX) * LINK_ROW_LEN];
    struct message answer = {.type = MSG_LINK_LIST, .request = m->request, .data = {{.at = rows}}};
    struct link_row row = p->link_row;

    row.is_up = p->link != NULL;
    row.since_s = (uint32_t)((now_ms - p->link_since_ms) / 1000);
    link_row_encode(&row, rows);
    for (uint8_t i = 0; i < p->lines.ports->count; i++) {
        row = relay_lines_row(&p->lines, i, now_ms);
        link_row_encode(&row, rows + (1 + (size_t)i) * LINK_ROW_LEN);
    }
    answer.data[0].len = (1 + (size_t)p->lines.ports->count) * LINK_ROW_LEN;
    to_keys(p, &answer);
}

static void on_keys(void *ctx, const struct message *m)
{
    struct relay_process *p = ctx;

    if (m->type == MSG_LINK_LIST)
        list_links(p, m, loop_now_ms());
    else
        relay_on_message(p->relay, m, loop_now_ms(), wall_s());
}

static void on_keys_started(void *ctx)
{
    struct relay_process *p = ctx;

    relay_on_keys_restart(p->relay);
}

/* ---- life ---- */

static void send_all(struct relay_process *p, uint64_t now_ms)
{
    uint64_t lost = udp_outbox_lost(p->outbox);

    udp_outbox_flush(p->outbox);
    lost = udp_outbox_lost(p->outbox) - lost;
    if (lost > 0)
        log_event(LOG_WARNING, now_ms, "the kernel refused to send", ": %u datagrams", (unsigned)lost);
}

/* What is due, then one commit, then one system call per socket. */
static uint64_t turn(void *ctx, uint64_t now_ms)
{
    struct relay_process *p = ctx;
    uint64_t next_ms = relay_on_tick(p->relay, now_ms);
    uint64_t heartbeat_ms = child_turn(&p->child, now_ms);

    relay_flush(p->relay, now_ms);
    send_all(p, now_ms);
    return next_ms < heartbeat_ms ? next_ms : heartbeat_ms;
}

static enum status open_relay(struct relay_process *p, const struct config *config)
{
    struct relay_config relay_config = {
        .max_sessions = config->max_sessions,
        .max_nodes = config->max_nodes,
        .max_handovers = config->max_handshakes * FLIGHTS_PER_HANDSHAKE,
        .link_mtu = (uint16_t)config->link_mtu,
        .idle_timeout_s = config->idle_timeout_s,
        .unused_timeout_s = config->unused_timeout_s,
        .evict_idle_s = config->evict_idle_s,
        .link_retry_ms = config->link_retry_ms,
        .opening_timeout_s = config->handshake_timeout_s + config->handover_timeout_s + OPENING_MARGIN_S,
        .node_records_per_s = config->node_records_per_s,
    };

    p->table = store_relay_table(p->store);
    p->io = (struct relay_io){p, to_peer, to_node, to_keys, on_log};
    if (getrandom(&relay_config.hash_seed, sizeof relay_config.hash_seed, 0) != sizeof relay_config.hash_seed)
        return SSM_IO;
    p->reader = udp_reader_create(p->child.loop, RELAY_HEADROOM);
    p->outbox = udp_outbox_create();
    p->relay = relay_create(&relay_config, &p->io, &p->table);
    if (p->reader == NULL || p->outbox == NULL || p->relay == NULL) {
        log_line(LOG_ERR, "not enough memory for max_sessions and max_nodes");
        return SSM_IO;
    }
    if (relay_lines_open(&p->lines, &config->serial_links, &p->child, p->relay) != SSM_OK)
        return SSM_IO;
    return relay_load(p->relay, loop_now_ms(), wall_s());
}

/* ---- start ---- */

struct restored {
    struct relay_process *process;
    uint64_t sessions;
    uint16_t port; /* asked for last; rows of one node follow each other */
};

/* Only `keys` knows which port belongs to which node, but its sessions must not have to wait for it. */
static enum status ask_for_port(void *arg, const struct relay_session_row *row)
{
    struct restored *restored = arg;
    const struct message m = {.type = MSG_PORT_NEEDED, .node = row->node, .local.port = row->local.port};

    restored->sessions++;
    if (row->local.port != restored->port)
        child_to_parent(&restored->process->child, &m);
    restored->port = row->local.port;
    return SSM_OK;
}

static enum status start_up(struct relay_process *p, const struct child_start *start)
{
    const struct child_events events = {p, on_parent, on_keys, on_keys_started};
    struct restored restored = {.process = p};
    char path[CONFIG_PATH_MAX + 16];
    enum status status = child_open(&p->child, start, &events);

    snprintf(path, sizeof path, "%s/relay.db", start->config->state_dir);
    if (status == SSM_OK)
        status = store_relay_open(path, &p->store);
    if (status == SSM_OK)
        status = open_relay(p, start->config);
    if (status == SSM_OK)
        status = p->table.each_session(p->table.ctx, ask_for_port, &restored);
    if (status == SSM_OK)
        status = child_ready(&p->child, SANDBOX_RELAY, restored.sessions);
    return status;
}

static void close_all(struct relay_process *p)
{
    for (size_t i = 0; i <= UINT16_MAX; i++)
        close_port(p, (uint16_t)i);
    udp_socket_destroy(p->link);
    relay_lines_close(&p->lines);
    if (p->relay != NULL)
        relay_destroy(p->relay);
    store_relay_close(p->store);
    udp_outbox_destroy(p->outbox);
    udp_reader_destroy(p->reader);
    child_close(&p->child);
    free(p);
}

int relay_process_run(const struct child_start *start)
{
    struct relay_process *p = calloc(1, sizeof *p);
    enum status status;

    if (p == NULL)
        return 1;
    status = start_up(p, start);
    if (status == SSM_OK)
        status = loop_run(p->child.loop, turn, p);
    close_all(p);
    return status == SSM_OK ? 0 : 1;
}
