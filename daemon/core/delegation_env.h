/*
 * What every part of the delegator stands on: its configuration, its counters and its ways to the outside.
 *
 * Owned by delegation.c and handed down to the parts; the parts never include delegation.h.
 */
#ifndef SSM_DELEGATION_ENV_H
#define SSM_DELEGATION_ENV_H

#include "control.h"
#include "handshake.h"
#include "message.h"
#include "server_name.h"
#include "store.h"

struct handshake_work;

/* Runs turns of handshakes on threads of its own. */
struct handshake_executor {
    void *ctx;
    uint8_t lanes; /* the turns of one lane run one after the other; 0: there are no threads, turns run inside
                      the caller */
    /* Runs handshake_work_run(w), and then delegator_on_turn() on the loop's thread. */
    void (*submit)(void *ctx, struct handshake_work *w);
};

struct delegator_io {
    void *ctx;
    void (*to_relay)(void *ctx, const struct message *m);
    void (*random)(void *ctx, uint8_t *out, size_t len);
    /* A rate-limited line for the log: event, the node's name, the subscriber's or the server's (each may be
     * ""), the peer's address (may be NULL). */
    void (*log)(void *ctx, const char *event, const struct assoc_name *node, const struct assoc_name *name,
                const struct endpoint *peer);
    struct handshake_executor executor;
};

struct delegator_config {
    struct assoc_name gateway; /* our identity towards nodes */
    struct server_names names; /* by which peers call the gateway itself */
    uint32_t max_handshakes;
    uint32_t max_nodes;
    uint32_t handshake_timeout_s; /* ClientHello to Finished */
    uint32_t handover_timeout_s;  /* Finished to the node's acknowledgement: 20 */
    uint32_t node_silent_s;       /* a node that answers nothing for so long loses its sessions */
    uint8_t node_slots;           /* sessions that a node can hold: 4 */
    uint8_t outbound_sessions;    /* of these, as many as it may have itself with servers */
    uint16_t shared_port;         /* for peers that choose a node by name; 0: there is none */
    uint32_t resumption_s;        /* a session may be resumed so long after its full handshake; 0: never */
    uint32_t resumption_sessions; /* so many at most are kept for that */
};

enum delegator_counter {
    DELEGATOR_HANDSHAKES, /* with a valid cookie, in flight now */
    DELEGATOR_HANDSHAKES_STARTED,
    DELEGATOR_HANDSHAKES_DONE,   /* handed over */
    DELEGATOR_RESUMPTION_DONE,   /* of these, by an abbreviated handshake */
    DELEGATOR_RESUMPTION_MISSED, /* a full handshake instead: the session is not kept, or does not suit */
    DELEGATOR_COOKIES_SENT,
    DELEGATOR_FAILED_HANDSHAKE,   /* no common suite, version, malformed, bad Finished */
    DELEGATOR_FAILED_IDENTITY,    /* unknown PSK identity, or no subscriber of the certificate's name */
    DELEGATOR_FAILED_CERTIFICATE, /* none, expired, foreign or unfit */
    DELEGATOR_FAILED_NAME,        /* server name that is neither the gateway's nor a node's */
    DELEGATOR_FAILED_KEY,         /* Finished did not verify: wrong key */
    DELEGATOR_FAILED_GRANT,       /* authentic, but this node is not granted */
    DELEGATOR_FAILED_NODE,        /* node unknown, asleep or gone */
    DELEGATOR_FAILED_TIMEOUT,
    DELEGATOR_FAILED_BUSY, /* too many handshakes, or all slots of the node live */
    DELEGATOR_DROP_FORGED, /* epoch-1 handshake records that did not authenticate */
    DELEGATOR_ASSOCIATIONS,
    DELEGATOR_DROP_ASSOCIATION, /* bad proof, old counter, unknown name, malformed */
    DELEGATOR_DROP_CONTROL,     /* forged, replayed or malformed control message */
    DELEGATOR_KEYBLOCKS_ACKED,
    DELEGATOR_OUTBOUND_STARTED,
    DELEGATOR_OUTBOUND_DONE,      /* handed over */
    DELEGATOR_OUTBOUND_MALFORMED, /* no URI of a server; this and the next two were refused */
    DELEGATOR_OUTBOUND_FORBIDDEN, /* no destination of that node's */
    DELEGATOR_OUTBOUND_TOO_MANY,
    DELEGATOR_OUTBOUND_FAILED, /* the first of CONTROL_OUTBOUND_REASONS - 1, in their order */
    DELEGATOR_OUTBOUND_FAILED_LAST = DELEGATOR_OUTBOUND_FAILED + CONTROL_OUTBOUND_REASONS - 2,
    DELEGATOR_COUNTERS
};

struct delegation_env {
    struct delegator_config config;
    struct delegator_io io;
    struct handshake_engine engine;
    struct keys_store store;
    uint64_t counters[DELEGATOR_COUNTERS];
};

static inline void delegation_env_count(struct delegation_env *env, enum delegator_counter counter)
{
    env->counters[counter]++;
}

static inline void delegation_env_send(const struct delegation_env *env, const struct message *m)
{
    env->io.to_relay(env->io.ctx, m);
}

#endif
