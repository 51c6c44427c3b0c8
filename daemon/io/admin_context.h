/*
 * What the admin socket and its operations reach: given by `keys` at the start, changed by nobody.
 */
#ifndef SSM_ADMIN_CONTEXT_H
#define SSM_ADMIN_CONTEXT_H

#include "config.h"
#include "delegation.h"

struct event_base;

struct admin_context {
    struct event_base *base;
    const struct config *config;
    struct delegator *delegator;
    const struct keys_store *store;
    void *ctx; /* for the functions below */
    void (*to_relay)(void *ctx, const struct message *m);
    void (*to_parent)(void *ctx, const struct message *m); /* MSG_PORT_NEEDED, MSG_PORT_DROPPED */
    uint64_t (*now_ms)(void *ctx);
};

#endif
