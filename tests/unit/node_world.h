/*
 * A node in a world of one test's own: a board with a virtual clock and captured datagrams, a gateway that
 * speaks through `common`, and peers with session keys. Included by one source of each node test.
 */
#ifndef SSM_NODE_WORLD_H
#define SSM_NODE_WORLD_H

#include "board.h"
#include "control.h"
#include "coapmsg.h"
#include "keyblock.h"
#include "node_client.h"
#include "node.h"
#include "resources.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { WORLD_SENT_MAX = 256, WORLD_LONG_LEN = 200 };

struct datagram {
    size_t len;
    uint8_t bytes[128];
};

struct port {
    uint32_t now_ms;
    uint32_t stored;
    unsigned saves;
    bool storage_fails;
    bool light;
    uint16_t interval_s;
    int16_t temperature;
    uint16_t random;
    unsigned sent_total;
    uint32_t stored_when_sent; /* at the latest send */
    struct datagram sent[WORLD_SENT_MAX];
    size_t sent_len;
};

struct world {
    struct port port;
    struct node node;
    struct node_resource resources[APP_RESOURCES + 2]; /* the application's, a long one, and the end */
    uint8_t psk[ASSOC_PSK_LEN];
    struct assoc_transcript transcript; /* the gateway's view */
    struct assoc gateway;
    uint16_t message_id;     /* of the gateway's latest control request */
    struct datagram request; /* the gateway's latest control datagram, sealed */
};

struct peer {
    struct keyblock block;
    struct seq48 send_seq;
    struct replay received;
};

/* --- The board --- */

uint32_t port_now_ms(struct port *port)
{
    return port->now_ms;
}

void port_random(struct port *port, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)((port->random = (uint16_t)(port->random * 25173u + 13849u)) >> 8);
}

void port_send(struct port *port, const uint8_t *datagram, size_t len)
{
    assert_true(len <= LINK_MTU_THREE_HOPS); /* hence one frame at one hop, too */
    assert_true(port->sent_len < WORLD_SENT_MAX);
    memcpy(port->sent[port->sent_len].bytes, datagram, len);
    port->sent[port->sent_len++].len = len;
    port->sent_total++;
    port->stored_when_sent = port->stored;
}

enum status port_load_counter(struct port *port, uint32_t *counter)
{
    *counter = port->stored;
    return port->storage_fails ? SSM_IO : SSM_OK;
}

enum status port_save_counter(struct port *port, uint32_t counter)
{
    if (port->storage_fails)
        return SSM_IO;
    port->stored = counter;
    port->saves++;
    return SSM_OK;
}

int16_t board_temperature(struct port *port)
{
    return port->temperature;
}

int16_t board_humidity(struct port *port)
{
    (void)port;
    return 440;
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
    node_window_add(out, " board=none");
}

/* --- Time and datagrams --- */

static inline void world_long_get(const struct node *n, struct node_window *out)
{
    (void)n;
    for (unsigned i = 0; i < WORLD_LONG_LEN / 10; i++) {
        char text[11];
        snprintf(text, sizeof text, "line %04u\n", i);
        node_window_add(out, text);
    }
}

static inline void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->port.now_ms = 0xFFFF8000u; /* the clock wraps early in each test */
    w->port.temperature = 215;
    memset(w->psk, 0x5A, sizeof w->psk);
    memcpy(w->resources, app_resources, sizeof app_resources);
    w->resources[APP_RESOURCES] =
        (struct node_resource){.path = "a/long", .attributes = ";sz=200", .get = world_long_get};
    struct assoc_name name;
    assert_int_equal(assoc_name_set(&name, "bedroom", 7), SSM_OK);
    node_init(&w->node, &name, w->psk, &w->port, w->resources);
}

/* The oldest datagram that the node has sent and nobody has taken. */
static inline struct datagram world_take(struct world *w)
{
    assert_true(w->port.sent_len > 0);
    struct datagram d = w->port.sent[0];
    memmove(w->port.sent, w->port.sent + 1, --w->port.sent_len * sizeof d);
    return d;
}

static inline void world_expect_silence(const struct world *w)
{
    assert_int_equal(w->port.sent_len, 0);
}

static inline uint32_t world_tick(struct world *w)
{
    return w->node.clients != NULL ? node_client_tick(&w->node) : node_tick(&w->node);
}

/* What a board does after every input. */
static inline void world_settle(struct world *w)
{
    for (int calls = 0; world_tick(w) == 0; calls++)
        assert_true(calls < 20);
}

static inline void world_feed(struct world *w, struct datagram d)
{
    node_input(&w->node, d.bytes, d.len);
    world_settle(w);
}

/* Lets time pass, calling the node when it wants to be called. */
static inline void world_pass(struct world *w, uint32_t ms)
{
    while (ms > 0) {
        uint32_t wait = world_tick(w);
        uint32_t step = wait < ms ? wait : ms;
        w->port.now_ms += step;
        ms -= step;
    }
    world_settle(w);
}

/* --- The gateway --- */

static inline void gateway_read_request(struct world *w, const struct datagram *d)
{
    assert_int_equal(assoc_number_of(d->bytes, d->len), ASSOC_REQUEST);
    assoc_decode(d->bytes, &w->transcript);
    assert_int_equal(assoc_verify(w->psk, &w->transcript, d->bytes), SSM_OK);
}

static inline struct datagram gateway_answer(struct world *w)
{
    struct datagram d;

    assert_int_equal(assoc_name_set(&w->transcript.gateway, "home", 4), SSM_OK);
    w->transcript.gateway_nonce[0]++;
    d.len = assoc_encode(ASSOC_ANSWER, w->psk, &w->transcript, d.bytes);
    return d;
}

/* Reads the confirm and holds the new keys. */
static inline void gateway_read_confirm(struct world *w, const struct datagram *d)
{
    assert_int_equal(assoc_number_of(d->bytes, d->len), ASSOC_CONFIRM);
    assoc_decode(d->bytes, &w->transcript);
    assert_int_equal(assoc_verify(w->psk, &w->transcript, d->bytes), SSM_OK);
    assoc_derive(w->psk, &w->transcript, &w->gateway);
}

/* Seals a control request without sending it. */
static inline struct datagram gateway_seal_request(struct world *w, uint8_t resource, const void *payload,
                                                   size_t len)
{
    struct datagram *d = &w->request;
    size_t body =
        control_encode_request(resource, ++w->message_id, payload, len, d->bytes + CONTROL_HEADER_LEN);

    assert_int_equal(assoc_seal(&w->gateway, ASSOC_DOWN, d->bytes, body), SSM_OK);
    d->len = body + CONTROL_OVERHEAD;
    return *d;
}

static inline struct control_message gateway_open(struct world *w, struct datagram *d)
{
    struct control c;
    struct control_message m;

    assert_int_equal(assoc_open(&w->gateway, ASSOC_UP, d->bytes, d->len, &c), SSM_OK);
    assert_int_equal(control_decode(c.body, c.body_len, &m), SSM_OK);
    return m;
}

/* Takes the acknowledgement of the latest request and gives its code. */
static inline uint8_t gateway_take_ack(struct world *w)
{
    struct datagram d = world_take(w);
    struct control_message m = gateway_open(w, &d);

    assert_int_equal(d.len, 16);
    assert_true(m.is_ack);
    assert_int_equal(m.message_id, w->message_id);
    return m.code;
}

/* Sends a request and gives its acknowledgement's code, ratcheting as a gateway does. */
static inline uint8_t gateway_request(struct world *w, uint8_t resource, const void *payload, size_t len)
{
    world_feed(w, gateway_seal_request(w, resource, payload, len));
    uint8_t code = gateway_take_ack(w);

    if (code == COAP_CREATED)
        assoc_ratchet_gateway(&w->gateway);
    return code;
}

/* Reads a report, acknowledges it, and gives its reason. */
static inline uint8_t gateway_take_report(struct world *w, uint16_t session, bool acknowledge)
{
    struct datagram d = world_take(w);
    struct control_message m = gateway_open(w, &d);

    assert_false(m.is_ack);
    assert_int_equal(m.resource, CONTROL_CLOSED);
    assert_int_equal(m.payload_len, 3);
    assert_int_equal(m.payload[0] << 8 | m.payload[1], session);
    uint8_t reason = m.payload[2];
    if (acknowledge) {
        struct datagram ack;
        size_t len = control_encode_ack(m.message_id, COAP_CHANGED, ack.bytes + CONTROL_HEADER_LEN);
        assert_int_equal(assoc_seal(&w->gateway, ASSOC_DOWN, ack.bytes, len), SSM_OK);
        ack.len = len + CONTROL_OVERHEAD;
        world_feed(w, ack);
    }
    return reason;
}

/* From a request that the node has sent to the keys of a new association, not yet confirmed. */
static inline void gateway_exchange(struct world *w)
{
    struct datagram d = world_take(w);

    gateway_read_request(w, &d);
    world_feed(w, gateway_answer(w));
    d = world_take(w);
    gateway_read_confirm(w, &d);
}

/* The same, and the gateway confirms it. */
static inline void world_associate(struct world *w)
{
    gateway_exchange(w);
    assert_int_equal(gateway_request(w, CONTROL_LIVE, NULL, 0), COAP_CHANGED);
    world_expect_silence(w);
}

static inline void world_start(struct world *w)
{
    world_init(w);
    assert_int_equal(node_start(&w->node), SSM_OK);
    world_associate(w);
}

/* --- Peers --- */

static inline struct peer peer_make(uint16_t session, uint8_t slot)
{
    struct peer p = {.block = {.session = session, .slot = slot, .first_send_seq = KEYBLOCK_FIRST_SEND_SEQ},
                     .send_seq = seq48_make(0, 1)};

    for (uint8_t i = 0; i < RECORD_KEY_LEN; i++) {
        p.block.client.key[i] = (uint8_t)(session + i);
        p.block.server.key[i] = (uint8_t)(session * 7 + 3 * i + 1);
    }
    memset(p.block.client.iv, session, RECORD_IV_LEN);
    memset(p.block.server.iv, session + 1, RECORD_IV_LEN);
    return p;
}

static inline uint8_t peer_install(struct world *w, const struct peer *p)
{
    uint8_t block[KEYBLOCK_LEN];

    keyblock_encode(&p->block, block);
    return gateway_request(w, CONTROL_KEYBLOCK, block, sizeof block);
}

static inline struct peer world_peer(struct world *w, uint16_t session, uint8_t slot)
{
    struct peer p = peer_make(session, slot);

    assert_int_equal(peer_install(w, &p), COAP_CREATED);
    return p;
}

/* A record as the gateway relays it; `explicit_nonce` NULL for epoch || seq. */
static inline struct datagram peer_seal(struct peer *p, uint8_t type, struct seq48 seq,
                                        const uint8_t *explicit_nonce, const void *data, size_t len)
{
    uint8_t buf[160];
    struct record r = {.type = type,
                       .epoch = {0, 1},
                       .seq = seq,
                       .body = buf + LINK_RECORD_HEADER_MAX,
                       .body_len = (uint16_t)len};
    struct datagram d;

    if (len > 0)
        memcpy(r.body, data, len);
    record_set_explicit_nonce(&r);
    if (explicit_nonce != NULL)
        memcpy(r.explicit_nonce, explicit_nonce, RECORD_EXPLICIT_LEN);
    record_seal(&p->block.client, &r);
    uint8_t *start = linkframe_put_header(p->block.session, &r);
    d.len = (size_t)(r.body + r.body_len - start);
    assert_true(d.len <= LINK_MTU_ONE_HOP);
    memcpy(d.bytes, start, d.len);
    return d;
}

static inline void peer_send(struct world *w, struct peer *p, uint8_t type, const void *data, size_t len)
{
    world_feed(w, peer_seal(p, type, p->send_seq, NULL, data, len));
    seq48_increment(&p->send_seq);
}

/* Takes the node's next datagram as a record of this session; its plaintext replaces the datagram's bytes. */
static inline struct record peer_take(struct world *w, struct peer *p, struct datagram *d)
{
    struct record r;
    uint16_t handle;

    *d = world_take(w);
    assert_int_equal(linkframe_decode(d->bytes, d->len, &handle, &r), SSM_OK);
    assert_int_equal(handle, p->block.session);
    assert_int_equal(linkframe_check_tag(w->gateway.tag_key, handle, &r), SSM_OK);
    assert_int_equal(record_open(&p->block.server, &r), SSM_OK);
    assert_true(replay_accept(&p->received, &r.seq));
    assert_true(bytes_u16(r.seq.bytes) > 0 || bytes_u32(r.seq.bytes + 2) >= p->block.first_send_seq);
    return r;
}

static inline void peer_expect_close_notify(struct world *w, struct peer *p)
{
    struct datagram d;
    struct record r = peer_take(w, p, &d);

    assert_int_equal(r.type, RECORD_ALERT);
    assert_int_equal(r.body_len, 2);
    assert_int_equal(r.body[0], 1);
    assert_int_equal(r.body[1], 0);
}

#endif
