/*
 * What an application offers to peers: a table of resources, which the board hands to node_init.
 *
 * The CoAP server calls the functions of the table while it answers. They use nothing of the node but its
 * port and its counters, and call nothing of node.h.
 */
#ifndef SSM_NODE_RESOURCE_H
#define SSM_NODE_RESOURCE_H

#include "node_state.h"

/* The part of a representation that one block holds: what comes before is skipped, what comes behind only
 * noted. */
struct node_window {
    uint8_t *at;
    uint16_t skip; /* bytes yet to pass over */
    uint16_t room; /* bytes yet to take */
    bool more;     /* something lies behind the block */
};

/* Adds a string to a representation. */
void node_window_add(struct node_window *w, const char *text);

struct node_resource {
    const char *path;       /* without the leading slash; NULL ends a table */
    const char *attributes; /* of its link (RFC 6690), from the first semicolon on; NULL: it is not listed */
    uint16_t format; /* Content-Format of its representation and of what PUT takes (enum coap_format) */
    /* Writes the whole representation, the same at each call until it changes. */
    void (*get)(const struct node *n, struct node_window *out);
    /* Takes a new value, and answers with COAP_CHANGED, whereupon observers are told, or an error code. NULL:
     * no PUT. */
    uint8_t (*put)(struct node *n, const uint8_t *value, uint16_t len);
    bool is_observable;
};

/* The representation of /.well-known/core (RFC 6690): a table's own first entry. */
void node_resource_list(const struct node *n, struct node_window *out);

#endif
