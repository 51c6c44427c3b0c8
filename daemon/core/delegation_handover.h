/*
 * From the verified Finished to the durable session: access, the node's queue, the key block, its
 * acknowledgement.
 *
 * Seals the tombstone and the key block once each and wipes the keys in the same breath; afterwards nothing
 * of a session is secret here. `relay` repeats the key block and holds the last flight.
 */
#ifndef SSM_DELEGATION_HANDOVER_H
#define SSM_DELEGATION_HANDOVER_H

#include "delegation_handshake.h"

/* Takes a delegation that is DELEGATION_FINISHED: queues it at its node, or refuses it with an alert. */
void handover_begin(struct delegation *d, uint64_t now_ms);
/* Starts the next exchange of each node that can have one: the oldest hand-over or the live list. */
void handover_advance(struct delegations *all, uint64_t now_ms);
/* The key block that is out at this node was answered. */
void handover_on_answer(struct delegations *all, struct node *node, uint8_t code);
/* The node has a fresh association: the key block that is out at it can no longer be opened. */
void handover_on_association(struct delegations *all, const struct node *node);
/* MSG_SESSION_DURABLE, MSG_SESSION_ABORT and MSG_SESSION_CLOSED of relay. */
void handover_on_durable(struct delegations *all, const struct message *m);
void handover_on_abort(struct delegations *all, const struct message *m);
void handover_on_closed(struct delegations *all, const struct message *m);
/* Gives up after the hand-over's time. Returns when to call again, UINT64_MAX: no need. */
uint64_t handover_tick(struct delegation *d, uint64_t now_ms);

#endif
