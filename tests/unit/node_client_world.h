/*
 * A node that is a client, on top of node_world.h: its gateway's side of attempts, its servers, and what its
 * application was told. Included by one source of each test of the node's clients.
 */
#ifndef SSM_NODE_CLIENT_WORLD_H
#define SSM_NODE_CLIENT_WORLD_H

#include "node_client.h"
#include "node_coap_world.h"
#include "seeded.h"

#define URI "coaps://example.org:5684"

/* What the application was told last, and how often. */
static struct told {
    unsigned answers;
    uint8_t answer;
    unsigned values;
    uint8_t code;
    uint16_t len;
    char value[LINK_MTU_ONE_HOP];
} told;

static inline void on_answered(struct node_client *c, uint8_t code)
{
    (void)c;
    told.answers++;
    told.answer = code;
}

static inline void on_notified(struct node_client *c, uint8_t code, const uint8_t *value, uint16_t len)
{
    (void)c;
    told.values++;
    told.code = code;
    told.len = len;
    memcpy(told.value, value, len);
}

static inline void expect_told(unsigned values, const char *text)
{
    assert_int_equal(told.values, values);
    assert_int_equal(told.len, strlen(text));
    assert_memory_equal(told.value, text, told.len);
}

/* --- The gateway --- */

/* Takes the next datagram as the wish for URI, and gives its message id. */
static inline uint16_t gateway_take_wish(struct world *w)
{
    struct datagram d = world_take(w);
    struct control_message m = gateway_open(w, &d);

    assert_false(m.is_ack);
    assert_int_equal(m.resource, CONTROL_OUTBOUND);
    assert_int_equal(m.payload_len, strlen(URI));
    assert_memory_equal(m.payload, URI, m.payload_len);
    return m.message_id;
}

static inline void gateway_ack(struct world *w, uint16_t message_id, uint8_t code)
{
    struct datagram d;
    size_t len = control_encode_ack(message_id, code, d.bytes + CONTROL_HEADER_LEN);

    assert_int_equal(assoc_seal(&w->gateway, ASSOC_DOWN, d.bytes, len), SSM_OK);
    d.len = len + CONTROL_OVERHEAD;
    world_feed(w, d);
}

static inline uint8_t gateway_fail(struct world *w, uint16_t attempt, uint8_t reason)
{
    uint8_t payload[CONTROL_FAILED_LEN] = {(uint8_t)(attempt >> 8), (uint8_t)attempt, reason};

    return gateway_request(w, CONTROL_FAILED, payload, sizeof payload);
}

/* The key block that answers an attempt, with keys by which `server` is the peer that node_world.h knows. */
static inline struct keyblock server_block(const struct peer *server, uint16_t attempt)
{
    struct keyblock k = server->block;

    k.role = KEYBLOCK_CLIENT;
    k.scope = attempt;
    k.client = server->block.server;
    k.server = server->block.client;
    return k;
}

static inline uint8_t server_install(struct world *w, const struct peer *server, uint16_t attempt)
{
    struct keyblock k = server_block(server, attempt);
    uint8_t block[KEYBLOCK_LEN];

    keyblock_encode(&k, block);
    return gateway_request(w, CONTROL_KEYBLOCK, block, sizeof block);
}

/* The node's live session of that number, or NULL. */
static inline const struct node_session *node_session_of(const struct world *w, uint16_t session)
{
    for (const struct node_session *s = w->node.sessions; s < w->node.sessions + NODE_SESSIONS; s++)
        if (s->block.session == session && s->closed_reason == 0)
            return s;
    return NULL;
}

/* --- From the start to a session --- */

static inline void client_start(struct world *w, struct node_client *c)
{
    memset(&told, 0, sizeof told);
    world_init(w);
    w->port.random = (uint16_t)seeded_u32();
    assert_int_equal(node_client_open(&w->node, c, URI, on_answered), SSM_OK);
    assert_int_equal(node_start(&w->node), SSM_OK);
    gateway_exchange(w);
    world_expect_silence(w);
    world_feed(w, gateway_seal_request(w, CONTROL_LIVE, NULL, 0));
    assert_int_equal(gateway_take_ack(w), COAP_CHANGED);
}

/* From a wish that is in the air to a session. */
static inline struct peer client_up(struct world *w, struct node_client *c, uint16_t session)
{
    struct peer server = peer_make(session, (uint8_t)(session % NODE_SESSIONS));
    uint16_t attempt = gateway_take_wish(w);

    gateway_ack(w, attempt, COAP_CHANGED);
    assert_int_equal(c->state, NODE_CLIENT_WAITING);
    assert_int_equal(server_install(w, &server, attempt), COAP_CREATED);
    assert_int_equal(c->state, NODE_CLIENT_UP);
    assert_int_equal(c->session, session);
    return server;
}

/* --- The server --- */

/* A message of the server to the node, under construction; `id` that of a reply. */
static inline void answer_begin(struct exchange *x, uint8_t type, uint8_t code, uint16_t id,
                                const struct coapmsg *to)
{
    x->builder = coap_build(x->bytes, sizeof x->bytes, type, code, id, to != NULL ? to->token : NULL,
                            to != NULL ? to->token_len : 0);
}

static inline void answer(struct world *w, struct peer *server, uint8_t type, uint8_t code, uint16_t id,
                          const struct coapmsg *to)
{
    struct exchange x;

    answer_begin(&x, type, code, id, to);
    request_send(w, server, &x);
}

/* The node's message is the empty one of that type and message id. */
static inline void expect_empty(struct world *w, struct peer *server, uint8_t type, uint16_t id)
{
    struct exchange x;
    const struct coapmsg *m = take(w, server, &x);

    assert_int_equal(m->type, type);
    assert_int_equal(m->code, COAP_EMPTY);
    assert_int_equal(m->message_id, id);
    assert_int_equal(m->token_len, 0);
}

#endif
