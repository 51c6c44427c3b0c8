/*
 * The gateway's side of the association with a node (assoc.h): request, answer, confirmation, and asking a
 * node to join.
 *
 * A request changes nothing of the present association. The accepted counter is durable before a confirmation
 * takes effect, and no older counter is accepted ever after.
 */
#ifndef SSM_NODES_ASSOCIATION_H
#define SSM_NODES_ASSOCIATION_H

#include "nodes_control.h"

/*
 * Takes an association datagram. Returns the node with which it has just opened a fresh association, or NULL.
 * Then whatever was sealed under the association before is void: the caller ends the hand-over in flight.
 */
struct node *nodes_association_input(struct nodes *nodes, const struct message *m, uint64_t now_ms);
/* The node sent what needs an association that we do not have: asks it to join, at most once in five seconds.
 */
void nodes_association_missing(const struct nodes *nodes, struct node *node, const struct endpoint *peer,
                               uint64_t now_ms);
/* Tells relay the node's address and tag key. */
void nodes_association_publish(const struct nodes *nodes, const struct node *node);
/* A peer waits for a node that is not associated: if it has not been asked to join, it is the next. */
void nodes_association_want(struct node *node);
/* Asks nodes that are not associated to join, each now and then and never two at a time, so that the link is
 * not flooded. Returns when to call again, UINT64_MAX: no need. */
uint64_t nodes_association_tick(struct nodes *nodes, uint64_t now_ms);

#endif
