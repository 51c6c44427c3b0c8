/*
 * What the relay knows of each node: where it is, its relay-tag key, and the one datagram that is being
 * repeated to it.
 *
 * Found by id and by endpoint; no two nodes share an endpoint. Nothing here sends or stores.
 */
#ifndef SSM_RELAY_NODES_H
#define SSM_RELAY_NODES_H

#include "budget.h"
#include "linkframe.h"
#include "message.h"
#include "slots.h"
#include "store.h"

enum { RELAY_REPEAT_MAX_MS = 4000, RELAY_TAG_KEYS = 1 + RELAY_TAG_KEYS_BEFORE };

struct relay_repeat {
    uint16_t len;        /* 0: nothing is being repeated */
    uint32_t connection; /* the hand-over whose key block this is; 0: another control message */
    uint32_t interval_ms;
    uint64_t due_ms;
    uint8_t datagram[MESSAGE_CONTROL_MAX]; /* sealed; wiped when the repetition ends */
};

struct relay_node {
    uint32_t id;                                        /* 0: free */
    struct endpoint endpoint;                           /* port 0: another node has taken its address */
    uint64_t generation;                                /* association counter */
    uint8_t tag_keys[RELAY_TAG_KEYS][LINK_TAG_KEY_LEN]; /* the newest first; back to the one used last */
    uint8_t tag_key_count;
    struct budget control;  /* association and control datagrams from it */
    struct budget records;  /* of its peers, towards it */
    uint64_t unanswered_ms; /* the first record sent since it was last heard; 0: none */
    uint64_t told_ms;       /* `keys` was last told that it was heard; 0: tell it the next time */
    struct relay_repeat repeat;
};

struct relay_nodes {
    struct relay_node *all; /* numbers 1 to slots.high */
    struct slots slots;
    struct slot_index by_id;
    struct slot_index by_endpoint;
    uint64_t hash_seed;
};

void relay_nodes_init(struct relay_nodes *nodes, struct arena *a, uint32_t cap, uint64_t hash_seed);
/* A node without endpoint and keys. NULL: the table is full. */
struct relay_node *relay_nodes_add(struct relay_nodes *nodes, uint32_t id);
/* Wipes its keys. */
void relay_nodes_remove(struct relay_nodes *nodes, struct relay_node *node);
struct relay_node *relay_nodes_find(const struct relay_nodes *nodes, uint32_t id);
struct relay_node *relay_nodes_find_endpoint(const struct relay_nodes *nodes,
                                             const struct endpoint *endpoint);
/* By number, 1 to nodes->slots.high; NULL: free. */
struct relay_node *relay_nodes_at(const struct relay_nodes *nodes, uint32_t number);

/* Moves the node to an endpoint that no other node has; port 0: to none. */
void relay_node_move(struct relay_nodes *nodes, struct relay_node *node, const struct endpoint *endpoint);
/*
 * Takes the tag key of an association. A node uses it from the first message of the gateway on that it
 * authenticates, which may get lost with the process that was to send it: so earlier keys stay until a tag
 * has verified under a newer one. If associations follow each other faster than that, the key that was used
 * last and the newest ones stay.
 */
void relay_node_set_key(struct relay_node *node, uint64_t generation,
                        const uint8_t tag_key[LINK_TAG_KEY_LEN]);
/* Verifies the relay tag, as linkframe_check_tag does, under any of the keys. */
SSM_MUST_CHECK enum status relay_node_check_tag(struct relay_node *node, uint16_t handle,
                                                struct record *record);

/* Begins to repeat a datagram (len <= MESSAGE_CONTROL_MAX) that has just been sent, instead of any other. */
void relay_node_repeat(struct relay_node *node, uint32_t connection, struct span datagram,
                       uint32_t interval_ms, uint64_t now_ms);
void relay_node_repeat_end(struct relay_node *node);

#endif
