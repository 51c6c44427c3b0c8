#include "flow_world.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "coapmsg.h"
#include "config.h"
#include "flow_server.h"
#include "handshake_mbedtls.h"
#include "linkframe.h"
#include "node_client.h"
#include "relay_store_memory.h"
#include "resources.h"
#include "session.h"
#include "unit/seeded.h"
#include "watch.h"

enum {
    MAILS_MAX = 1024,
    POLL_MS = 100, /* clients tell nobody when their timers are due */
    NODE_PORT = 61616,
    GATEWAY_PORT = 5683,
    SERVER_HOST = 30,
    NODE_KEY = 0xD1,
};
_Static_assert((int)IMPAIRED_HEADROOM >= (int)RELAY_HEADROOM, "relay builds headers in front of a datagram");

struct port {
    struct flow_world *world;
    uint32_t node;
    uint32_t counter; /* in storage */
    bool light;
    uint16_t interval_s;
};

struct flow_node {
    struct node node;
    struct port port;
    struct endpoint endpoint;
    bool is_on;
    struct node_client client; /* of the server, if there is one */
    uint8_t answer;            /* to its latest PUT; COAP_EMPTY: none */
};

/* A message between the processes. */
struct mail {
    bool is_to_keys;
    size_t len;
    uint8_t *bytes;
};

struct flow_world {
    const struct peer_library *library;
    struct flow_network network;
    struct config config; /* of a gateway with an empty configuration file */
    uint64_t now_ms;
    bool (*drops)(void *arg, enum flow_leg leg, const uint8_t *datagram, size_t len);
    void *drops_arg;

    struct keys_memory keys_store;
    struct relay_memory relay_memory;
    struct relay_store relay_store;
    struct relay_io relay_io;
    struct handshake_mbedtls *engine;
    struct delegator *delegator;
    struct relay *relay;
    struct mail mails[MAILS_MAX];
    size_t mail_count;

    struct flow_node nodes[FLOW_NODES];
    struct flow_client clients[FLOW_CLIENTS_MAX];
    size_t client_count;
    struct flow_server *server; /* NULL: none */
    struct impaired *impaired;
    struct nonces *nonces;
};

/* ---- the network ---- */

static const struct impairment *impairment_of(const struct flow_world *w, enum flow_leg leg)
{
    return leg == FLOW_TO_NODE || leg == FLOW_FROM_NODE ? &w->network.link : &w->network.internet;
}

static void network_send(struct flow_world *w, enum flow_leg leg, const struct endpoint *from,
                         const struct endpoint *to, const uint8_t *datagram, size_t len)
{
    const struct under_way header = {.leg = (int)leg, .from = *from, .to = *to};

    if (w->drops == NULL || !w->drops(w->drops_arg, leg, datagram, len))
        impaired_send(w->impaired, impairment_of(w, leg), w->now_ms, &header, datagram, len);
}

void flow_set_network(struct flow_world *w, const struct flow_network *network)
{
    w->network = *network;
}

void flow_set_filter(struct flow_world *w,
                     bool (*drops)(void *arg, enum flow_leg leg, const uint8_t *datagram, size_t len),
                     void *arg)
{
    w->drops = drops;
    w->drops_arg = arg;
}

/* ---- the gateway ---- */

static struct endpoint endpoint_of(uint8_t net, uint8_t host, uint16_t port)
{
    return (struct endpoint){.addr = {[10] = 0xFF, [11] = 0xFF, [12] = 10, [14] = net, [15] = host},
                             .port = port};
}

static void mail_send(struct flow_world *w, bool is_to_keys, const struct message *m)
{
    struct mail *mail = &w->mails[w->mail_count++];
    uint8_t buf[MESSAGE_BYTES_MAX];

    assert_true(w->mail_count < MAILS_MAX);
    mail->is_to_keys = is_to_keys;
    mail->len = message_encode(m, buf);
    mail->bytes = malloc(mail->len);
    assert_non_null(mail->bytes);
    memcpy(mail->bytes, buf, mail->len);
}

/* The resolver knows one name. */
static void resolve(struct flow_world *w, const struct message *asked)
{
    const struct resolved found = {.peer = endpoint_of(0, SERVER_HOST, 0), .local = endpoint_of(0, 1, 0)};
    struct message m = {
        .type = MSG_RESOLVED, .node = asked->node, .request = asked->request, .kind = RESOLVE_FOUND};
    uint8_t address[RESOLVED_LEN];

    resolved_encode(&found, address);
    m.data[0] = (struct span){.at = address, .len = sizeof address};
    mail_send(w, true, &m);
}

static void on_to_keys(void *ctx, const struct message *m)
{
    mail_send(ctx, true, m);
}

static void on_to_relay(void *ctx, const struct message *m)
{
    struct flow_world *w = ctx;

    watch_message(w->nonces, m);
    if (m->type == MSG_RESOLVE)
        resolve(w, m);
    else
        mail_send(w, false, m);
}

static void on_to_peer(void *ctx, const struct endpoint *local, const struct endpoint *peer,
                       const uint8_t *datagram, size_t len)
{
    struct flow_world *w = ctx;

    watch_peer(w->nonces, datagram, len);
    network_send(w, FLOW_TO_PEER, local, peer, datagram, len);
}

static void on_to_node(void *ctx, const struct endpoint *node, const uint8_t *datagram, size_t len)
{
    const struct endpoint gateway = endpoint_of(1, 1, NODE_PORT);
    struct flow_world *w = ctx;

    watch_link(w->nonces, datagram, len, 0);
    network_send(w, FLOW_TO_NODE, &gateway, node, datagram, len);
}

static void on_relay_log(void *ctx, const char *event, uint32_t node, const struct endpoint *peer)
{
    (void)ctx, (void)event, (void)node, (void)peer;
}

static void on_keys_log(void *ctx, const char *event, const struct assoc_name *node,
                        const struct assoc_name *subscriber, const struct endpoint *peer)
{
    (void)ctx, (void)event, (void)node, (void)subscriber, (void)peer;
}

static void on_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    seeded_fill(out, len);
}

/* Delivers the messages between the processes until there are none, with the relay's flush at the end of each
 * turn. */
static void deliver_mail(struct flow_world *w)
{
    do {
        for (size_t i = 0; i < w->mail_count; i++) {
            struct message m;
            assert_int_equal(message_decode(w->mails[i].bytes, w->mails[i].len, &m), SSM_OK);
            if (w->mails[i].is_to_keys)
                delegator_on_message(w->delegator, &m, w->now_ms);
            else
                relay_on_message(w->relay, &m, w->now_ms, w->now_ms / 1000);
            free(w->mails[i].bytes);
        }
        w->mail_count = 0;
        relay_flush(w->relay, w->now_ms);
    } while (w->mail_count > 0);
}

static void forget_mail(struct flow_world *w)
{
    for (size_t i = 0; i < w->mail_count; i++)
        free(w->mails[i].bytes);
    w->mail_count = 0;
}

static void start_keys(struct flow_world *w)
{
    const struct delegator_config config = {.gateway = memory_name("gateway"),
                                            .max_handshakes = 8,
                                            .max_nodes = MEMORY_NODES_MAX,
                                            .handshake_timeout_s = w->config.handshake_timeout_s,
                                            .handover_timeout_s = w->config.handover_timeout_s,
                                            .node_silent_s = 120,
                                            .node_slots = 4,
                                            .outbound_sessions = (uint8_t)w->config.outbound_sessions};
    const struct delegator_io io = {
        .ctx = w, .to_relay = on_to_relay, .random = on_random, .log = on_keys_log};
    const struct handshake_engine engine = handshake_mbedtls_engine(w->engine);
    const struct keys_store store = memory_table(&w->keys_store);

    w->delegator = delegator_create(&config, &io, &engine, &store);
    assert_non_null(w->delegator);
    assert_int_equal(delegator_start(w->delegator, w->now_ms), SSM_OK);
}

static void start_relay(struct flow_world *w)
{
    const struct relay_config config = {.max_sessions = 32,
                                        .max_nodes = FLOW_NODES,
                                        .max_handovers = 16,
                                        .link_mtu = (uint16_t)w->config.link_mtu,
                                        .idle_timeout_s = w->config.idle_timeout_s,
                                        .unused_timeout_s = w->config.unused_timeout_s,
                                        .evict_idle_s = w->config.evict_idle_s,
                                        .link_retry_ms = w->config.link_retry_ms,
                                        .opening_timeout_s = 120,
                                        .hash_seed = 1};

    w->relay = relay_create(&config, &w->relay_io, &w->relay_store);
    assert_non_null(w->relay);
    assert_int_equal(relay_load(w->relay, w->now_ms, w->now_ms / 1000), SSM_OK);
}

void flow_restart_keys(struct flow_world *w)
{
    forget_mail(w);
    delegator_destroy(w->delegator);
    relay_on_keys_restart(w->relay);
    forget_mail(w); /* what relay said of it went to the process that is gone */
    start_keys(w);
}

void flow_restart_relay(struct flow_world *w)
{
    forget_mail(w);
    relay_destroy(w->relay);
    w->relay_memory.now = w->relay_memory.durable;
    start_relay(w);
    assert_int_equal(delegator_start(w->delegator, w->now_ms), SSM_OK);
}

void flow_restart_at_random(struct flow_world *w)
{
    switch (seeded_u32() % 12) {
    case 0:
        flow_restart_keys(w);
        break;
    case 1:
        flow_restart_relay(w);
        break;
    case 2:
        flow_node_start(w, FLOW_THERMO);
        break;
    default:
        break;
    }
}

struct keys_memory *flow_keys_store(struct flow_world *w)
{
    return &w->keys_store;
}

uint64_t flow_delegator_counter(const struct flow_world *w, enum delegator_counter counter)
{
    return delegator_counter(w->delegator, counter);
}

/* ---- nodes: port.h and board.h ---- */

uint32_t port_now_ms(struct port *port)
{
    return (uint32_t)port->world->now_ms;
}

void port_random(struct port *port, uint8_t *out, size_t len)
{
    (void)port;
    seeded_fill(out, len);
}

void port_send(struct port *port, const uint8_t *datagram, size_t len)
{
    const struct endpoint gateway = endpoint_of(1, 1, NODE_PORT);
    struct flow_world *w = port->world;

    watch_link(w->nonces, datagram, len, port->node);
    network_send(w, FLOW_FROM_NODE, &w->nodes[port->node - 1].endpoint, &gateway, datagram, len);
}

enum status port_load_counter(struct port *port, uint32_t *counter)
{
    *counter = port->counter;
    return SSM_OK;
}

enum status port_save_counter(struct port *port, uint32_t counter)
{
    port->counter = counter;
    return SSM_OK;
}

int16_t board_temperature(struct port *port)
{
    (void)port;
    return 215;
}

int16_t board_humidity(struct port *port)
{
    (void)port;
    return 433;
}

bool board_light(struct port *port)
{
    return port->light;
}

void board_set_light(struct port *port, bool on)
{
    port->light = on;
}

uint16_t board_interval(struct port *port)
{
    return port->interval_s;
}

void board_set_interval(struct port *port, uint16_t seconds)
{
    port->interval_s = seconds;
}

void board_status(struct port *port, struct node_window *out)
{
    (void)port;
    (void)out;
}

static void on_answered(struct node_client *c, uint8_t code)
{
    struct flow_node *n = (struct flow_node *)((uint8_t *)c - offsetof(struct flow_node, client));

    n->answer = code;
}

static void become_client(struct flow_node *n)
{
    assert_int_equal(node_client_open(&n->node, &n->client, FLOW_SERVER_URI, on_answered), SSM_OK);
}

void flow_node_start(struct flow_world *w, uint32_t node)
{
    struct flow_node *n = &w->nodes[node - 1];
    const struct node_row *row = &w->keys_store.nodes[node - 1];

    node_init(&n->node, &row->name, row->psk, &n->port, app_resources);
    if (w->server != NULL && node == FLOW_THERMO)
        become_client(n);
    assert_int_equal(node_start(&n->node), SSM_OK);
    n->is_on = true;
}

void flow_node_stop(struct flow_world *w, uint32_t node)
{
    w->nodes[node - 1].is_on = false;
}

struct node *flow_node_memory(struct flow_world *w, uint32_t node)
{
    return &w->nodes[node - 1].node;
}

bool flow_node_is_joined(const struct flow_world *w, uint32_t node)
{
    return w->nodes[node - 1].node.present != NULL;
}

void flow_expect_sessions(struct flow_world *w, uint32_t node, unsigned count)
{
    const struct flow_node *n = &w->nodes[node - 1];
    const struct assoc_name *name = &w->keys_store.nodes[node - 1].name;
    struct node_view view;
    unsigned in_relay = 0;
    unsigned in_node = 0;

    for (size_t i = 0; i < w->relay_memory.durable.session_count; i++)
        in_relay += w->relay_memory.durable.sessions[i].node == node;
    for (size_t i = 0; i < NODE_SESSIONS; i++)
        in_node += n->node.sessions[i].block.session != 0 && n->node.sessions[i].closed_reason == 0;
    assert_int_equal(delegator_find_node(w->delegator, name->text, name->len, &view), SSM_OK);
    assert_int_equal(view.sessions, count);
    assert_int_equal(in_relay, count);
    assert_int_equal(in_node, count);
}

/* ---- clients ---- */

static void on_peer_output(void *ctx, const uint8_t *datagram, size_t len)
{
    const struct flow_client *c = ctx;

    network_send(c->world, FLOW_FROM_PEER, &c->endpoint, &c->local, datagram, len);
}

struct flow_client *flow_connect(struct flow_world *w, const char *identity, uint8_t key, uint16_t port,
                                 uint32_t port_node)
{
    struct flow_client *c = &w->clients[w->client_count++];
    uint8_t psk[SUBSCRIBER_PSK_MIN];
    struct peer_config config = {.identity = identity, .psk = psk, .psk_len = sizeof psk, .ctx = c};

    assert_true(w->client_count <= FLOW_CLIENTS_MAX);
    memset(psk, key, sizeof psk);
    config.output = on_peer_output;
    *c = (struct flow_client){.world = w, .endpoint = endpoint_of(0, 20, port), .port_node = port_node};
    c->local = endpoint_of(0, 1, (uint16_t)(GATEWAY_PORT + port_node));
    c->peer = w->library->create(&config);
    c->peer->now_ms = w->now_ms;
    return c;
}

void flow_forget_client(struct flow_client *c)
{
    c->world->library->destroy(c->peer);
    c->peer = NULL;
}

bool flow_is_settled(void *client)
{
    const struct flow_client *c = client;

    return c->peer->is_up || c->peer->is_over;
}

bool flow_is_over(void *client)
{
    return ((const struct flow_client *)client)->peer->is_over;
}

static bool has_answer(void *arg)
{
    const struct flow_client *c = arg;
    struct coapmsg m;

    return c->peer->read_len > 0 && coapmsg_decode(c->peer->read, c->peer->read_len, &m) == SSM_OK &&
           m.message_id == c->message_id && m.code == COAP_CONTENT && m.payload_len == 4 &&
           memcmp(m.payload, "21.5", 4) == 0;
}

bool flow_read_temperature(struct flow_client *c, uint64_t ms)
{
    const uint64_t end_ms = c->world->now_ms + ms;
    uint8_t request[64];
    size_t len;

    c->message_id++;
    struct coap_builder b = coap_build(request, sizeof request, COAP_CON, COAP_GET, c->message_id, NULL, 0);
    coap_add_option(&b, COAP_OPTION_URI_PATH, "temperature", 11);
    assert_int_equal(coap_finish(&b, &len), SSM_OK);
    while (c->world->now_ms < end_ms && !c->peer->is_over) {
        c->world->library->write(c->peer, request, len);
        if (flow_run(c->world, 2000, has_answer, c))
            return true;
    }
    return false;
}

/* ---- the server ---- */

static void on_server_output(void *ctx, const uint8_t *datagram, size_t len)
{
    flow_server_send(ctx, datagram, len);
}

void flow_server_send(struct flow_world *w, const uint8_t *datagram, size_t len)
{
    const struct endpoint server = endpoint_of(0, SERVER_HOST, URI_PORT);
    const struct endpoint local = endpoint_of(0, 1, GATEWAY_PORT + FLOW_THERMO);

    network_send(w, FLOW_FROM_PEER, &server, &local, datagram, len);
}

struct flow_server *flow_serve(struct flow_world *w, bool has_certificates)
{
    w->server = flow_server_create(w->library, has_certificates, on_server_output, w);
    w->keys_store.destination = flow_server_destination(w->server, FLOW_THERMO);
    become_client(&w->nodes[FLOW_THERMO - 1]);
    return w->server;
}

bool flow_is_outbound_up(void *world)
{
    const struct flow_world *w = world;

    return w->nodes[FLOW_THERMO - 1].client.state == NODE_CLIENT_UP && flow_server_is_up(w->server);
}

static bool is_put(void *world)
{
    return ((const struct flow_world *)world)->nodes[FLOW_THERMO - 1].answer == COAP_CHANGED;
}

bool flow_put_temperature(struct flow_world *w, uint64_t ms)
{
    struct flow_node *n = &w->nodes[FLOW_THERMO - 1];
    const uint64_t end_ms = w->now_ms + ms;

    n->answer = COAP_EMPTY;
    while (w->now_ms < end_ms) {
        assert_int_not_equal(node_client_put(&n->node, &n->client, "readings", "21.5", 4), SSM_NO_ROOM);
        if (flow_run(w, 1000, is_put, w))
            return true;
    }
    return false;
}

/* ---- time ---- */

static void arrive(struct flow_world *w, struct under_way *u)
{
    const struct endpoint server = endpoint_of(0, SERVER_HOST, URI_PORT);
    uint8_t *datagram = u->bytes + IMPAIRED_HEADROOM;

    switch ((enum flow_leg)u->leg) {
    case FLOW_FROM_PEER:
        relay_from_peer(w->relay, (uint32_t)(u->to.port - GATEWAY_PORT), &u->to, &u->from, datagram, u->len,
                        w->now_ms);
        break;
    case FLOW_FROM_NODE:
        relay_from_node(w->relay, &u->from, datagram, u->len, w->now_ms);
        break;
    case FLOW_TO_NODE:
        for (size_t i = 0; i < FLOW_NODES; i++)
            if (w->nodes[i].is_on && endpoint_equal(&w->nodes[i].endpoint, &u->to))
                node_input(&w->nodes[i].node, datagram, u->len);
        break;
    case FLOW_TO_PEER:
        for (size_t i = 0; i < w->client_count; i++)
            if (w->clients[i].peer != NULL && endpoint_equal(&w->clients[i].endpoint, &u->to))
                peer_deliver(w->clients[i].peer, datagram, u->len);
        if (w->server != NULL && endpoint_equal(&u->to, &server))
            flow_server_deliver(w->server, datagram, u->len, w->now_ms);
        break;
    }
}

static void keep_earliest(uint64_t *earliest, uint64_t other)
{
    if (other < *earliest)
        *earliest = other;
}

/* Lets everyone do what is due now; returns when the next thing is. */
static uint64_t turn(struct flow_world *w)
{
    uint64_t next = w->now_ms + POLL_MS;

    for (size_t i = 0; i < w->client_count; i++)
        if (w->clients[i].peer != NULL)
            w->library->run(w->clients[i].peer, w->now_ms);
    if (w->server != NULL)
        flow_server_run(w->server, w->now_ms);
    for (size_t i = 0; i < FLOW_NODES; i++)
        if (w->nodes[i].is_on)
            keep_earliest(&next, w->now_ms + node_client_tick(&w->nodes[i].node));
    deliver_mail(w);
    keep_earliest(&next, delegator_on_tick(w->delegator, w->now_ms));
    keep_earliest(&next, relay_on_tick(w->relay, w->now_ms));
    deliver_mail(w);
    keep_earliest(&next, impaired_next_ms(w->impaired));
    return next;
}

bool flow_run(struct flow_world *w, uint64_t ms, bool (*until)(void *arg), void *arg)
{
    const uint64_t end_ms = w->now_ms + ms;
    struct under_way *due;

    for (;;) {
        uint64_t next = turn(w);
        if (until != NULL && until(arg))
            return true;
        if (w->now_ms >= end_ms)
            return false;
        w->now_ms = next > w->now_ms ? next : w->now_ms + 1;
        while ((due = impaired_take(w->impaired, w->now_ms)) != NULL) {
            arrive(w, due);
            free(due);
        }
    }
}

uint64_t flow_now(const struct flow_world *w)
{
    return w->now_ms;
}

/* ---- life ---- */

static void add_node(struct flow_world *w, const char *name)
{
    const struct node_row *row = memory_add_node(&w->keys_store, name, NODE_KEY);
    struct flow_node *n = &w->nodes[row->id - 1];

    n->port = (struct port){.world = w, .node = row->id};
    n->endpoint = endpoint_of(1, (uint8_t)(100 + row->id), NODE_PORT);
}

struct flow_world *flow_create(const struct peer_library *library, const struct flow_network *network)
{
    struct flow_world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->library = library;
    w->network = *network;
    w->now_ms = 1000;
    assert_int_equal(config_parse(&w->config, "defaults", "", 0, stderr), SSM_OK);
    w->nonces = nonces_create();
    w->impaired = impaired_create();
    w->engine = handshake_mbedtls_create(1);
    assert_non_null(w->engine);
    w->relay_store = relay_memory_table(&w->relay_memory);
    w->relay_io = (struct relay_io){
        .ctx = w, .to_peer = on_to_peer, .to_node = on_to_node, .to_keys = on_to_keys, .log = on_relay_log};
    add_node(w, "thermo");
    add_node(w, "lamp");
    memory_grant(memory_add_subscriber(&w->keys_store, "alice", FLOW_ALICE_KEY), FLOW_THERMO);
    start_relay(w);
    start_keys(w);
    return w;
}

void flow_destroy(struct flow_world *w)
{
    for (size_t i = 0; i < w->client_count; i++)
        if (w->clients[i].peer != NULL)
            flow_forget_client(&w->clients[i]);
    if (w->server != NULL)
        flow_server_destroy(w->server);
    impaired_destroy(w->impaired);
    forget_mail(w);
    delegator_destroy(w->delegator);
    relay_destroy(w->relay);
    handshake_mbedtls_destroy(w->engine);
    nonces_destroy(w->nonces);
    free(w);
}
