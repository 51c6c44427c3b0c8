/*
 * What the admin socket and its operations reach: given by `keys` at the start, changed by nobody.
 */
#ifndef SSM_ADMIN_CONTEXT_H
#define SSM_ADMIN_CONTEXT_H

#include "ca.h"
#include "config.h"
#include "delegation.h"
#include "expiry.h"

#include <jansson.h>

struct event_base;

struct admin_context {
    struct event_base *base;
    const struct config *config;
    struct delegator *delegator;
    const struct keys_store *store;
    const struct ca *ca;
    const struct expiry *expiry;
    void *ctx; /* for the functions below */
    void (*to_relay)(void *ctx, const struct message *m);
    void (*to_parent)(void *ctx, const struct message *m); /* MSG_PORT_NEEDED, MSG_PORT_DROPPED */
    void (*ca_changed)(void *ctx);                         /* new handshakes are to use its certificates */
    void (*destination_added)(void *ctx);                  /* names are going to be resolved */
    uint64_t (*now_ms)(void *ctx);
    uint64_t (*wall_s)(void *ctx); /* Unix time */
};

struct admin_ops {
    const struct admin_context *context; /* the caller's */
    uint64_t started_ms;
    json_t *port_faults; /* why a node's port is not open: {"<node id>": "Address already in use"} */
};

#endif
