/*
 * A delegator with the real DTLS library, a store in memory, relay played at the level of messages, a node
 * played with common/assoc.h, and real clients. Time is virtual.
 */
#ifndef SSM_TEST_DELEGATION_WORLD_H
#define SSM_TEST_DELEGATION_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control.h"
#include "delegation.h"
#include "flow/keys_store_memory.h"
#include "flow/peer_mbedtls.c"
#include "handshake_mbedtls.h"
#include "linkframe.h"
#include "session.h"

enum {
    WORLD_MESSAGES_MAX = 512,
    WORLD_CLIENTS_MAX = 8,
    WORLD_HELD_MAX = 16,
    NODE_1 = 1,
    NODE_2 = 2,
    ALICE_KEY = 0xA1,
    NODE_KEY = 0xD1,
    FRAME_MAX = 256,
    WORLD_SHARED_PORT = 5683,
};

struct captured {
    uint8_t *bytes;
    struct message m;
    bool is_taken;
};

struct world;

struct world_client {
    struct world *world;
    struct peer *peer;
    struct endpoint endpoint;
    uint32_t port_node;
    uint32_t connection;
    bool is_holding; /* what the client sends waits in `held` */
    struct peer_datagram held[WORLD_HELD_MAX];
    size_t held_count;
};

/* A node as its gateway sees it. */
struct world_node {
    uint32_t id;
    struct endpoint endpoint;
    struct assoc assoc;
    struct assoc_transcript transcript;
    uint32_t counter;
    uint8_t psk[ASSOC_PSK_LEN];
};

struct world {
    struct keys_memory store;
    struct handshake_mbedtls *library;
    struct handshake_executor executor; /* none: turns run at once */
    uint32_t resumption_s;              /* of what is started next; 0: off */
    struct delegator *delegator;
    uint64_t now_ms;
    struct captured messages[WORLD_MESSAGES_MAX];
    size_t message_count;
    struct world_client clients[WORLD_CLIENTS_MAX];
    size_t client_count;
    struct world_node nodes[2];
    uint16_t limit_at_prepare; /* session_limit in the store when a PREPARE left */
    char log[256];
};

static inline struct endpoint world_endpoint(uint8_t host, uint16_t port)
{
    struct endpoint e = {.port = port};

    e.addr[10] = e.addr[11] = 0xFF;
    e.addr[12] = 10;
    e.addr[15] = host;
    return e;
}

static inline void world_on_message(void *ctx, const struct message *m)
{
    struct world *w = ctx;
    struct captured *c = &w->messages[w->message_count++];
    uint8_t buf[MESSAGE_BYTES_MAX];

    assert_true(w->message_count < WORLD_MESSAGES_MAX);
    size_t len = message_encode(m, buf);
    *c = (struct captured){.bytes = malloc(len)};
    memcpy(c->bytes, buf, len);
    assert_int_equal(message_decode(c->bytes, len, &c->m), SSM_OK);
    if (m->type == MSG_SESSION_PREPARE)
        w->limit_at_prepare = w->store.nodes[m->node - 1].session_limit;
}

static inline void world_on_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    assert_int_equal(getrandom(out, len, 0), len);
}

static inline void world_on_log(void *ctx, const char *event, const struct assoc_name *node,
                                const struct assoc_name *subscriber, const struct endpoint *peer)
{
    struct world *w = ctx;

    (void)peer;
    (void)snprintf(w->log, sizeof w->log, "%.*s/%.*s: %s", node->len, node->text, subscriber->len,
                   subscriber->text, event);
}

/* ---- what left for relay ---- */

/* The oldest message of a type that was not taken yet; NULL: none. */
static inline const struct message *world_take(struct world *w, uint8_t type)
{
    for (size_t i = 0; i < w->message_count; i++) {
        struct captured *c = &w->messages[i];
        if (!c->is_taken && c->m.type == type) {
            c->is_taken = true;
            return &c->m;
        }
    }
    return NULL;
}

static inline const struct message *world_expect(struct world *w, uint8_t type)
{
    const struct message *m = world_take(w, type);

    if (m == NULL)
        fail_msg("no %s was sent", message_name(type));
    return m;
}

static inline void world_expect_none(struct world *w, uint8_t type)
{
    if (world_take(w, type) != NULL)
        fail_msg("%s was sent", message_name(type));
}

static inline void world_forget_messages(struct world *w)
{
    for (size_t i = 0; i < w->message_count; i++)
        free(w->messages[i].bytes);
    w->message_count = 0;
}

/* ---- time ---- */

static inline void world_advance(struct world *w, uint64_t ms)
{
    w->now_ms += ms;
    (void)delegator_on_tick(w->delegator, w->now_ms);
}

/* ---- clients ---- */

static inline void world_send_record(struct world_client *c, const uint8_t *record, size_t len)
{
    struct message m = {
        .type = MSG_DGRAM_IN, .connection = c->connection, .node = c->port_node, .peer = c->endpoint};

    m.local = world_endpoint(1, (uint16_t)(5683 + c->port_node));
    m.data[0] = (struct span){.at = record, .len = len};
    delegator_on_message(c->world->delegator, &m, c->world->now_ms);
}

/* Hands a client's datagram to keys as relay does, one record a message. */
static inline void world_send_datagram(struct world_client *c, const uint8_t *datagram, size_t len)
{
    while (len >= RECORD_HEADER_LEN) {
        size_t used = RECORD_HEADER_LEN + (size_t)(datagram[11] << 8 | datagram[12]);
        assert_true(used <= len);
        world_send_record(c, datagram, used);
        datagram += used;
        len -= used;
    }
}

static inline void world_on_peer_output(void *ctx, const uint8_t *datagram, size_t len)
{
    struct world_client *c = ctx;
    struct peer_datagram *held = &c->held[c->held_count];

    if (!c->is_holding) {
        world_send_datagram(c, datagram, len);
        return;
    }
    assert_true(c->held_count < WORLD_HELD_MAX);
    memcpy(held->bytes, datagram, len);
    held->len = len;
    c->held_count++;
}

static inline void world_release_held(struct world_client *c)
{
    c->is_holding = false;
    for (size_t i = 0; i < c->held_count; i++)
        world_send_datagram(c, c->held[i].bytes, c->held[i].len);
    c->held_count = 0;
}

/* A client of the subscriber `identity` with the key 16 times `key`, at 10.0.0.20:`port`. */
static inline struct world_client *world_add_client(struct world *w, const char *identity, uint8_t key,
                                                    uint16_t port, uint32_t port_node)
{
    struct world_client *c = &w->clients[w->client_count++];
    uint8_t psk[SUBSCRIBER_PSK_MIN];
    struct peer_config config = {.identity = identity, .psk = psk, .psk_len = sizeof psk, .ctx = c};

    assert_true(w->client_count <= WORLD_CLIENTS_MAX);
    memset(psk, key, sizeof psk);
    config.output = world_on_peer_output;
    *c = (struct world_client){.world = w, .endpoint = world_endpoint(20, port), .port_node = port_node};
    c->peer = peer_mbedtls.create(&config);
    return c;
}

static inline bool world_deliver_to_clients(struct world *w)
{
    const struct message *m = world_take(w, MSG_DGRAM_OUT);

    if (m == NULL)
        return false;
    for (size_t i = w->client_count;
         i-- > 0;) { /* the latest client at an endpoint is the one that listens */
        struct world_client *c = &w->clients[i];
        if (!endpoint_equal(&c->endpoint, &m->peer))
            continue;
        if (m->connection != 0)
            c->connection = m->connection;
        peer_deliver(c->peer, m->data[0].at, m->data[0].len);
        break;
    }
    return true;
}

/* Lets clients and delegator talk until both are silent. */
static inline void world_talk(struct world *w)
{
    do {
        for (size_t i = 0; i < w->client_count; i++)
            peer_mbedtls.run(w->clients[i].peer, w->now_ms);
    } while (world_deliver_to_clients(w));
}

static inline struct world_client *world_connect(struct world *w, const char *identity, uint8_t key,
                                                 uint16_t port, uint32_t port_node)
{
    struct world_client *c = world_add_client(w, identity, key, port, port_node);

    world_talk(w);
    return c;
}

/* ---- the node ---- */

static inline void world_from_node(struct world *w, const struct world_node *n, const uint8_t *datagram,
                                   size_t len)
{
    struct message m = {.type = MSG_NODE_CTRL_IN, .node = n->id, .peer = n->endpoint};

    m.data[0] = (struct span){.at = datagram, .len = len};
    delegator_on_message(w->delegator, &m, w->now_ms);
}

static inline size_t world_request(struct world_node *n, uint32_t counter, uint8_t *out)
{
    n->counter = counter;
    assoc_set_counter(&n->transcript, counter);
    return assoc_encode(ASSOC_REQUEST, n->psk, &n->transcript, out);
}

static inline void world_send_request(struct world *w, struct world_node *n, uint32_t counter)
{
    uint8_t buf[ASSOC_MESSAGE_MAX];

    world_from_node(w, n, buf, world_request(n, counter, buf));
}

/* Takes the answer to a request, and writes the confirmation. */
static inline size_t world_confirm(struct world *w, struct world_node *n, uint8_t *out)
{
    const struct message *answer = world_expect(w, MSG_NODE_CTRL_OUT);

    assert_int_equal(answer->kind, REPEAT_NO);
    assert_true(endpoint_equal(&answer->peer, &n->endpoint));
    assert_int_equal(assoc_number_of(answer->data[0].at, answer->data[0].len), ASSOC_ANSWER);
    assoc_decode(answer->data[0].at, &n->transcript);
    assert_int_equal(assoc_verify(n->psk, &n->transcript, answer->data[0].at), SSM_OK);
    assoc_derive(n->psk, &n->transcript, &n->assoc);
    return assoc_encode(ASSOC_CONFIRM, n->psk, &n->transcript, out);
}

/* The whole exchange, up to NODE_KEYS; the live list is still to be answered. */
static inline void world_associate(struct world *w, struct world_node *n, uint32_t counter, uint32_t boot_id)
{
    uint8_t buf[ASSOC_MESSAGE_MAX];

    assoc_set_boot_id(&n->transcript, boot_id);
    world_send_request(w, n, counter);
    world_from_node(w, n, buf, world_confirm(w, n, buf));
    const struct message *keys = world_expect(w, MSG_NODE_KEYS);
    assert_int_equal(keys->value, counter);
    assert_int_equal(keys->request, boot_id);
    assert_true(endpoint_equal(&keys->peer, &n->endpoint));
    assert_memory_equal(keys->data[0].at, n->assoc.tag_key, AES_KEY_LEN);
}

/* Opens a sealed datagram of the gateway as the node; `buf` holds FRAME_MAX bytes and backs `out`. */
static inline void world_open(struct world_node *n, struct span sealed, uint8_t *buf,
                              struct control_message *out)
{
    struct control control;

    assert_true(sealed.len <= FRAME_MAX);
    memcpy(buf, sealed.at, sealed.len);
    assert_int_equal(assoc_open(&n->assoc, ASSOC_DOWN, buf, sealed.len, &control), SSM_OK);
    assert_int_equal(control_decode(control.body, control.body_len, out), SSM_OK);
    if (!out->is_ack && out->resource == CONTROL_KEYBLOCK)
        assoc_ratchet_node(&n->assoc, control.step);
}

static inline void world_send_sealed(struct world *w, struct world_node *n, uint8_t *frame, size_t body_len)
{
    assert_int_equal(assoc_seal(&n->assoc, ASSOC_UP, frame, body_len), SSM_OK);
    world_from_node(w, n, frame, body_len + CONTROL_OVERHEAD);
}

static inline void world_ack(struct world *w, struct world_node *n, uint16_t message_id, uint8_t code)
{
    uint8_t frame[FRAME_MAX];

    world_send_sealed(w, n, frame, control_encode_ack(message_id, code, frame + CONTROL_HEADER_LEN));
}

/* The first node asks for a session with a server. */
static inline void world_wish(struct world *w, uint16_t message_id, const char *uri)
{
    uint8_t frame[FRAME_MAX];
    size_t len =
        control_encode_request(CONTROL_OUTBOUND, message_id, uri, strlen(uri), frame + CONTROL_HEADER_LEN);

    world_send_sealed(w, &w->nodes[0], frame, len);
}

/* The resolver's answer for 10.0.0.9: as many addresses, the first of which is that. */
static inline void world_resolve(struct world *w, enum resolve_result result, size_t count)
{
    const struct message *asked = world_expect(w, MSG_RESOLVE);
    struct message m = {
        .type = MSG_RESOLVED, .node = asked->node, .request = asked->request, .kind = (uint8_t)result};
    uint8_t addresses[RESOLVED_MAX * RESOLVED_LEN];

    assert_int_equal(asked->data[0].len, 8);
    assert_memory_equal(asked->data[0].at, "10.0.0.9", 8);
    for (size_t i = 0; i < count; i++) {
        const struct resolved each = {world_endpoint((uint8_t)(9 + i), 0), world_endpoint(1, 0)};
        resolved_encode(&each, addresses + i * RESOLVED_LEN);
    }
    m.data[0] = (struct span){.at = addresses, .len = count * RESOLVED_LEN};
    delegator_on_message(w->delegator, &m, w->now_ms);
}

/* Expects a live list with these sessions (0 ends them) and acknowledges it. */
static inline void world_expect_live(struct world *w, struct world_node *n, const uint16_t *handles)
{
    const struct message *m = world_expect(w, MSG_NODE_CTRL_OUT);
    uint8_t buf[FRAME_MAX];
    struct control_message live;
    size_t count = 0;

    assert_int_equal(m->node, n->id);
    assert_int_equal(m->kind, REPEAT_UNTIL_DONE);
    world_open(n, m->data[0], buf, &live);
    assert_int_equal(live.resource, CONTROL_LIVE);
    struct reader r = reader_over(live.payload, live.payload_len);
    for (; handles[count] != 0; count++)
        assert_int_equal(reader_u16(&r), handles[count]);
    assert_int_equal(r.status, SSM_OK);
    assert_int_equal(r.left, 0);
    world_ack(w, n, live.message_id, COAP_CHANGED);
    assert_int_equal(world_expect(w, MSG_NODE_CTRL_DONE)->node, n->id);
}

static inline void world_expect_no_sessions(struct world *w, struct world_node *n)
{
    static const uint16_t NONE[] = {0};

    world_expect_live(w, n, NONE);
}

/* Opens the key block of a PREPARE as the node would; returns its message ID. */
static inline uint16_t world_open_keyblock(struct world_node *n, const struct message *prepare,
                                           struct keyblock *out)
{
    uint8_t buf[FRAME_MAX];
    struct control_message m;

    world_open(n, prepare->data[0], buf, &m);
    assert_int_equal(m.resource, CONTROL_KEYBLOCK);
    assert_int_equal(keyblock_decode(m.payload, m.payload_len, out), SSM_OK);
    return m.message_id;
}

/* Expects a PREPARE, accepts its key block as the node, and makes it durable as relay. */
static inline struct keyblock world_accept(struct world *w, struct world_node *n)
{
    struct message prepare = *world_expect(w, MSG_SESSION_PREPARE);
    struct keyblock k;

    world_ack(w, n, world_open_keyblock(n, &prepare, &k), COAP_CREATED);
    const struct message *commit = world_expect(w, MSG_SESSION_COMMIT);
    assert_int_equal(commit->connection, prepare.connection);
    assert_int_equal(commit->handle, prepare.handle);
    prepare.type = MSG_SESSION_DURABLE;
    delegator_on_message(w->delegator, &prepare, w->now_ms);
    return k;
}

/* ---- life ---- */

static inline void world_list_sessions(struct world *w, const struct session_row *rows, size_t count,
                                       uint64_t next)
{
    uint8_t buf[4 * SESSION_ROW_LEN];
    struct message m = {.type = MSG_SESSION_LIST, .value = next};

    assert_true(count <= 4);
    m.request = world_expect(w, MSG_SESSION_LIST)->request;
    for (size_t i = 0; i < count; i++)
        session_row_encode(&rows[i], buf + i * SESSION_ROW_LEN);
    m.data[0] = (struct span){.at = buf, .len = count * SESSION_ROW_LEN};
    delegator_on_message(w->delegator, &m, w->now_ms);
}

/* A delegator over the store as it is, started, and not yet told the sessions. */
static inline void world_start_over(struct world *w, const struct handshake_engine *engine)
{
    struct delegator_config config = {.gateway = memory_name("gateway"),
                                      .names = {{{"gateway", 7}}, 1},
                                      .max_handshakes = 6,
                                      .max_nodes = MEMORY_NODES_MAX,
                                      .handshake_timeout_s = 60,
                                      .handover_timeout_s = 20,
                                      .node_silent_s = 60,
                                      .node_slots = 4,
                                      .outbound_sessions = 1,
                                      .shared_port = WORLD_SHARED_PORT,
                                      .resumption_s = w->resumption_s,
                                      .resumption_sessions = 2};
    struct delegator_io io = {.ctx = w,
                              .to_relay = world_on_message,
                              .random = world_on_random,
                              .log = world_on_log,
                              .executor = w->executor};
    struct keys_store store = memory_table(&w->store);

    w->delegator = delegator_create(&config, &io, engine, &store);
    assert_non_null(w->delegator);
    assert_int_equal(delegator_start(w->delegator, w->now_ms), SSM_OK);
}

static inline void world_start(struct world *w)
{
    struct handshake_engine engine = handshake_mbedtls_engine(w->library);

    world_start_over(w, &engine);
}

static inline void world_add_node(struct world *w, size_t index, const char *name)
{
    struct world_node *n = &w->nodes[index];
    const struct node_row *row = memory_add_node(&w->store, name, (uint8_t)(NODE_KEY + index));

    *n = (struct world_node){.id = row->id, .endpoint = world_endpoint((uint8_t)(101 + index), 61616)};
    n->transcript.node = row->name;
    memcpy(n->psk, row->psk, sizeof n->psk);
}

/* Two nodes, "thermo" and "lamp"; alice is granted the first. */
static inline struct world *world_create(void)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->now_ms = 1000;
    w->library = handshake_mbedtls_create(1);
    assert_non_null(w->library);
    world_add_node(w, 0, "thermo");
    world_add_node(w, 1, "lamp");
    memory_grant(memory_add_subscriber(&w->store, "alice", ALICE_KEY), NODE_1);
    return w;
}

static inline void world_drop_clients(struct world *w)
{
    for (size_t i = 0; i < w->client_count; i++)
        peer_mbedtls.destroy(w->clients[i].peer);
    w->client_count = 0;
}

static inline void world_destroy(struct world *w)
{
    world_drop_clients(w);
    delegator_destroy(w->delegator);
    handshake_mbedtls_destroy(w->library);
    world_forget_messages(w);
    free(w);
}

/* Started, no sessions, the first node associated. */
static inline int world_come_up(struct world *w)
{
    world_start(w);
    world_list_sessions(w, NULL, 0, 0);
    world_associate(w, &w->nodes[0], 1, 1);
    world_expect_no_sessions(w, &w->nodes[0]);
    world_forget_messages(w);
    return 0;
}

static inline int world_setup(void **state)
{
    *state = world_create();
    return world_come_up(*state);
}

static inline int world_teardown(void **state)
{
    world_destroy(*state);
    return 0;
}

#endif
