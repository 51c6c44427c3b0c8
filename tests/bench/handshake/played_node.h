/*
 * A node as its gateway sees it: associates, asks for sessions, acknowledges live lists and key blocks. It
 * remembers no session.
 */
#ifndef SSM_BENCH_PLAYED_NODE_H
#define SSM_BENCH_PLAYED_NODE_H

#include "assoc.h"
#include "keyblock.h"
#include "mailbox.h"
#include "store.h"

struct played_node {
    struct mailbox *keys; /* where its datagrams go */
    uint32_t id;
    struct endpoint endpoint;
    uint8_t psk[ASSOC_PSK_LEN];
    struct assoc_transcript transcript;
    struct assoc assoc;
    uint16_t asked; /* message id of its latest wish */
};

/* Asks for an association. */
void played_node_start(struct played_node *n, const struct node_row *row, struct mailbox *keys);
/* Asks for a session with a server. */
void played_node_ask(struct played_node *n, const char *uri);
/* A datagram of the gateway's, other than a key block. True: it was the live list, and the node is ready. */
bool played_node_take(struct played_node *n, struct span datagram);
/* A sealed key block, which is opened and acknowledged. */
struct keyblock played_node_install(struct played_node *n, struct span sealed);

#endif
