/*
 * The handshakes in flight, each on a node's behalf: as server from the stranger's ClientHello to the
 * verified Finished, with the last flight held back; as client from our ClientHello to the server's Finished.
 *
 * Decides which records and which timers make up a turn (handshake_work.h), whose turn it is, and what its
 * outcome means. What follows on Finished is delegation_handover.h's.
 */
#ifndef SSM_DELEGATION_HANDSHAKE_H
#define SSM_DELEGATION_HANDSHAKE_H

#include "delegation_pool.h"

/* Takes one record of a peer; delegations_run_turns feeds it. */
void delegations_on_record(struct delegations *all, const struct message *m, uint64_t now_ms);
/* Starts the turns that are due, as many as there is room for. */
void delegations_run_turns(struct delegations *all, uint64_t now_ms);
/* The outcome of a turn that the executor has run. */
void delegations_on_turn(struct delegations *all, struct handshake_work *w);
/* Notes time-outs and what is due; delegations_run_turns does it. */
void delegation_handshake_tick(struct delegation *d, uint64_t now_ms);
/* When to call it again, UINT64_MAX: no need. */
uint64_t delegation_handshake_wake_ms(const struct delegation *d);

/* Begins the turns of a delegation that has its library context and endpoints; the oldest of the network with
 * the most may give way to it. */
void delegation_begin(struct delegation *d, uint64_t deadline_ms);

/* Alerts the peer, tells relay that nothing of it stays, counts, logs and frees: now, or once the turn that
 * runs has ended. */
void delegation_fail(struct delegation *d, const struct delegation_failure *failure);
/* Ends it without a word to the peer. */
void delegation_drop(struct delegation *d, enum close_reason reason);

#endif
