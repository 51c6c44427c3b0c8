/*
 * CoAP on top of node_world.h: requests under construction and what came back. Included by one source of each
 * test of the node's CoAP server.
 */
#ifndef SSM_NODE_COAP_WORLD_H
#define SSM_NODE_COAP_WORLD_H

#include "node_world.h"

/* A request under construction, and what came back. */
struct exchange {
    uint8_t bytes[80];
    struct coap_builder builder;
    struct datagram datagram;
    struct coapmsg reply;
};

static uint16_t next_message_id = 0x1000;
static const uint8_t TOKEN[] = {1, 2, 3, 4, 5, 6, 7, 8};

static inline void request_begin(struct exchange *x, uint8_t type, uint8_t code)
{
    x->builder = coap_build(x->bytes, sizeof x->bytes, type, code, ++next_message_id, TOKEN, sizeof TOKEN);
}

static inline void request_path(struct exchange *x, const char *path)
{
    while (path != NULL) {
        const char *slash = strchr(path, '/');
        size_t len = slash != NULL ? (size_t)(slash - path) : strlen(path);
        coap_add_option(&x->builder, COAP_OPTION_URI_PATH, path, (uint16_t)len);
        path = slash != NULL ? slash + 1 : NULL;
    }
}

static inline void request_send(struct world *w, struct peer *p, struct exchange *x)
{
    size_t len;

    assert_int_equal(coap_finish(&x->builder, &len), SSM_OK);
    peer_send(w, p, RECORD_APPLICATION_DATA, x->bytes, len);
}

/* Takes the next CoAP message of the node; it must fit a frame at three hops, which port_send asserts. */
static inline const struct coapmsg *take(struct world *w, struct peer *p, struct exchange *x)
{
    struct record r = peer_take(w, p, &x->datagram);

    assert_int_equal(r.type, RECORD_APPLICATION_DATA);
    assert_int_equal(coapmsg_decode(r.body, r.body_len, &x->reply), SSM_OK);
    return &x->reply;
}

static inline const struct coapmsg *exchange(struct world *w, struct peer *p, struct exchange *x)
{
    request_send(w, p, x);
    take(w, p, x);
    assert_int_equal(x->reply.token_len, sizeof TOKEN);
    assert_memory_equal(x->reply.token, TOKEN, sizeof TOKEN);
    world_expect_silence(w);
    return &x->reply;
}

static inline uint32_t option(const struct coapmsg *m, uint16_t number)
{
    struct coap_option_walk walk = coapmsg_options(m);

    while (coap_option_next(&walk))
        if (walk.number == number)
            return coap_option_uint(&walk);
    return UINT32_MAX;
}

static inline void expect_payload(const struct coapmsg *m, const char *text)
{
    assert_int_equal(m->payload_len, strlen(text));
    if (m->payload_len > 0)
        assert_memory_equal(m->payload, text, m->payload_len);
}

static inline const struct coapmsg *get(struct world *w, struct peer *p, struct exchange *x, const char *path)
{
    request_begin(x, COAP_CON, COAP_GET);
    request_path(x, path);
    return exchange(w, p, x);
}

static inline const struct coapmsg *put(struct world *w, struct peer *p, struct exchange *x, const char *path,
                                        const char *value)
{
    request_begin(x, COAP_CON, COAP_PUT);
    request_path(x, path);
    coap_add_payload(&x->builder, value, (uint16_t)strlen(value));
    return exchange(w, p, x);
}

static inline struct peer world_begin(struct world *w)
{
    world_start(w);
    return world_peer(w, 7, 0);
}

#endif
