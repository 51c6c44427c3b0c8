/*
 * What ssm-node does as a client: pushes its temperature to one server, watches a resource of another or of
 * the same, and prints what becomes of both.
 *
 * main.c calls it around node_client_tick. Sessions are the core's matter (node_client.h).
 */
#ifndef SSM_OUTBOUND_H
#define SSM_OUTBOUND_H

#include "node_client.h"
#include "options.h"

struct outbound_client {
    struct node_client client; /* first, so that a callback finds the rest */
    const struct node *node;
    uint8_t shown; /* the state that has been printed */
};

enum { OUTBOUND_CLIENTS = 2 };

struct outbound {
    const struct options *options;
    struct outbound_client clients[OUTBOUND_CLIENTS];
    struct outbound_client *pushing; /* or NULL */
    uint32_t pushed_ms;
    bool is_due; /* without waiting for the interval: the session is new */
};

/* Opens what the options ask for, at most one client for one URI; they must outlive *o. SSM_MALFORMED or
 * SSM_NO_ROOM: a URI or path is too long, which it prints. */
SSM_MUST_CHECK enum status outbound_open(struct outbound *o, struct node *n, const struct options *options);

/* Pushes when it is time. To be called before node_client_tick; returns in how many milliseconds to call
 * again. */
uint32_t outbound_tick(struct outbound *o, struct node *n);

/* Prints what sessions have come and gone since the last call, and each step on the way if `verbose`. */
void outbound_print(struct outbound *o, bool verbose);

#endif
