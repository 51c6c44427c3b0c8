/*
 * The node's side of the association with its gateway (PROTOCOL.md, "Association"): request, answer, confirm,
 * their repetition, and the change from the present association to the new one.
 *
 * Only the node starts. Nothing that is not authentic changes the present association or a session.
 */
#ifndef SSM_NODE_JOIN_H
#define SSM_NODE_JOIN_H

#include "node_state.h"

/*
 * Starts an association: a fresh counter is durable before the request leaves. Where it cannot be stored
 * nothing is sent and the state is NODE_JOIN_WANTED until a later tick succeeds.
 */
void node_join_begin(struct node *n);
/* The same, unless an attempt is under way. */
void node_join_renew(struct node *n);

/*
 * Takes a LINK_ASSOCIATION datagram. SSM_REFUSED: not expected now, or a REJOIN too soon after another.
 * Otherwise what decoding or verifying it gave.
 */
SSM_MUST_CHECK enum status node_join_input(struct node *n, const uint8_t *datagram, size_t len);

/* The association that waits for its confirmation, or NULL. */
struct assoc *node_join_pending(struct node *n);
/* The pending association has authenticated a message of the gateway: it becomes the present one. */
void node_join_confirmed(struct node *n);

/* Repeats what has not been answered. */
void node_join_tick(struct node *n);

#endif
