/*
 * What the core needs of a DTLS library: one server handshake at a time behind a function table.
 *
 * The engine is fed one record per call and never sees a socket or a clock of its own. It neither decides who
 * may connect nor keeps anything of a session: it calls back for the PSK, for the key block and to send.
 */
#ifndef SSM_HANDSHAKE_H
#define SSM_HANDSHAKE_H

#include "endpoint.h"
#include "keyblock.h"

struct handshake; /* the engine's: one library context */

/* Traffic keys of a session, derived at ClientKeyExchange: before Finished is verified. */
struct handshake_keys {
    struct record_key client;
    struct record_key server;
};

/* How the engine reaches its owner. `owner` is what create() was given. */
struct handshake_callbacks {
    /* One flight or part of one, whole records. */
    void (*send)(void *owner, const uint8_t *records, size_t len);
    /* The PSK of an identity; false: unknown (alert unknown_psk_identity). psk has room for
     * SUBSCRIBER_PSK_MAX. */
    bool (*psk)(void *owner, const uint8_t *identity, size_t identity_len, uint8_t *psk, size_t *psk_len);
    /* The key block; the engine wipes its own copies of it, of master secret and of randoms. */
    void (*keys)(void *owner, const struct handshake_keys *keys);
};

enum handshake_result {
    HANDSHAKE_CONTINUE,
    HANDSHAKE_COOKIE_ASKED, /* HelloVerifyRequest or a stateless refusal sent; the context is as new */
    HANDSHAKE_DONE,         /* the peer's Finished is verified, our last flight given to send() */
    HANDSHAKE_FAILED,       /* an alert has been sent where RFC 5246 7.2.2 asks for one */
};

struct handshake_engine {
    void *ctx;
    /* A context that knows nothing of a peer. NULL: no memory. */
    struct handshake *(*create)(void *ctx, const struct handshake_callbacks *callbacks, void *owner);
    /* Feeds one whole record from `peer`, to whose address the cookie is bound. */
    enum handshake_result (*feed)(struct handshake *h, const struct endpoint *peer, const uint8_t *record,
                                  size_t len, uint64_t now_ms);
    /* When on_timer is due; UINT64_MAX: never. */
    uint64_t (*deadline)(const struct handshake *h);
    enum handshake_result (*on_timer)(struct handshake *h, uint64_t now_ms);
    /* Frees the context; everything secret in it is wiped. */
    void (*destroy)(struct handshake *h);
};

#endif
