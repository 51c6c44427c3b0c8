/*
 * The delegator: runs DTLS handshakes on behalf of nodes, ships the key block, and forgets it. The core of
 * `keys`.
 *
 * Owns the handshakes in flight and what the gateway knows of each node (nodes.h). Called by the keys process
 * with messages of `relay`, administration and the time. Opens no socket; the DTLS library and the database
 * are behind function tables.
 */
#ifndef SSM_DELEGATION_H
#define SSM_DELEGATION_H

#include "delegation_env.h"

const char *delegator_counter_name(enum delegator_counter counter);

struct delegator;

struct delegator *delegator_create(const struct delegator_config *config, const struct delegator_io *io,
                                   const struct handshake_engine *engine, const struct keys_store *store);
/* Wipes every secret. The executor must have ended. */
void delegator_destroy(struct delegator *d);
/* Reads the nodes back; asks relay for the live sessions and each node to associate again. Also to be called
 * when `relay` was restarted. */
SSM_MUST_CHECK enum status delegator_start(struct delegator *d, uint64_t now_ms);

void delegator_on_message(struct delegator *d, const struct message *m, uint64_t now_ms);
/* The executor has run this turn. */
void delegator_on_turn(struct delegator *d, struct handshake_work *w, uint64_t now_ms);
/* Does what is due; returns when it wants to be called again (monotonic ms). Also to be called after
 * messages. */
uint64_t delegator_on_tick(struct delegator *d, uint64_t now_ms);
uint64_t delegator_counter(const struct delegator *d, enum delegator_counter counter);

/* ---- administration: the store has been changed already ---- */

SSM_MUST_CHECK enum status delegator_add_node(struct delegator *d, const struct node_row *row);
/* Ends its handshakes and sessions, wipes its keys, forgets it (relay too). No session of it can be resumed
 * any more. */
void delegator_remove_node(struct delegator *d, uint32_t node, uint64_t now_ms);
/* Ends the subscriber's handshakes and sessions on all nodes; none can be resumed. */
void delegator_remove_subscriber(struct delegator *d, uint32_t subscriber, uint64_t now_ms);
/* Ends the node's handshakes and sessions with that server. */
void delegator_remove_destination(struct delegator *d, uint32_t node, uint32_t destination, uint64_t now_ms);
/* Other CAs are trusted from now on: nobody resumes what an earlier one has vouched for. */
void delegator_on_trust_changed(struct delegator *d);
/* Ends one live session, which cannot be resumed; SSM_NOT_FOUND. The peer gets its tombstone, the node the
 * new live list. */
SSM_MUST_CHECK enum status delegator_close_session(struct delegator *d, uint32_t node, uint16_t handle,
                                                   uint64_t now_ms);

/* Sessions that may be resumed now, each a master secret in memory. */
uint32_t delegator_resumable_sessions(const struct delegator *d);

/* What listings show of a node. */
struct node_view {
    uint32_t id;
    struct assoc_name name;
    uint16_t port;
    bool associated;
    bool silent; /* it has answered nothing in time, and was not heard since */
    uint32_t assoc_counter;
    uint32_t boot_id;
    struct endpoint endpoint; /* last known; port 0: never seen */
    uint64_t heard_ms;        /* monotonic time of the last authentic message; 0: never in this run */
    uint8_t sessions;         /* live */
};

/* The i-th node in order of name; false: there are no more. */
bool delegator_view_node(const struct delegator *d, size_t index, struct node_view *out);
/* By name; SSM_NOT_FOUND. */
SSM_MUST_CHECK enum status delegator_find_node(const struct delegator *d, const char *name, size_t len,
                                               struct node_view *out);

#endif
