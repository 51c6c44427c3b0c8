/*
 * Sessions that a node asks for, in which it is the client: policy, the server's addresses, and the start of
 * the handshake on the node's behalf.
 *
 * Owned by the delegator. The handshake and the hand-over are those of every session (delegation_handshake.h,
 * delegation_handover.h); what a node is told of a failure is outbound_result.h's. Never waits: names are
 * resolved elsewhere.
 */
#ifndef SSM_OUTBOUND_H
#define SSM_OUTBOUND_H

#include "delegation_handshake.h"
#include "nodes_control.h"

/* A NODE_ASKS_OUTBOUND of the node's: acknowledges it, and starts an attempt if policy allows. */
void outbound_on_request(struct delegations *all, struct node *node, const struct node_saying *asked,
                         uint64_t now_ms);
/* MSG_RESOLVED. */
void outbound_on_resolved(struct delegations *all, const struct message *m);
/* The node has a fresh association: an attempt of a life that has ended is given up. */
void outbound_on_association(struct delegations *all, struct node *node);
/* Tries the next address of each attempt that is ready for it. */
void outbound_advance(struct delegations *all, uint64_t now_ms);
/* Gives up a name that is not resolved in time. Returns when to call again, UINT64_MAX: no need. */
uint64_t outbound_tick(const struct delegations *all, struct node *node, uint64_t now_ms);

#endif
