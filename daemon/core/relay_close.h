/*
 * How sessions end: the tombstone for the peer, the row, the report to `keys`, and the time-outs.
 */
#ifndef SSM_RELAY_CLOSE_H
#define SSM_RELAY_CLOSE_H

#include "relay_state.h"

/*
 * Ends an ACTIVE session: row removed, `keys` told. CLOSE_PEER: the peer knows, nothing stays. For every
 * other reason the tombstone leaves, and answers the peer's records for 60 s more.
 */
void relay_close(struct relay *r, struct session *s, enum close_reason reason, uint64_t now_ms);
/* A successor takes over the 5-tuple of a settled session, whose row has been removed already: the peer is
 * not told. */
void relay_close_replaced(struct relay *r, struct session *s);
/*
 * Ends a session in negotiation: its key block is no longer repeated, a row not yet durable is taken back.
 * Tells nobody; see relay_abort.
 */
void relay_abandon(struct relay *r, struct session *s);
/* The same, and `keys`, which alerts the peer, is told why. */
void relay_abort(struct relay *r, struct session *s, enum close_reason reason);
/* The same when the `keys` that ran the handshake is gone: the peer gets a fatal internal_error in epoch 0
 * from here. */
void relay_abort_orphan(struct relay *r, struct session *s);

/* A record from a peer whose session is over: the tombstone again, seldom. False: the 60 s are over, the
 * session is gone. */
bool relay_tombstone_answer(struct relay *r, struct session *s, uint64_t now_ms);

/* Ends what a MSG_SESSION_CLOSE names, or all that a MSG_NODE_GONE leaves behind. */
void relay_close_matching(struct relay *r, const struct message *m, enum close_reason reason,
                          uint64_t now_ms);
/* Answers a MSG_SESSION_EVICT. */
void relay_evict(struct relay *r, uint32_t node, uint64_t now_ms);
/* Ends what has timed out, a bounded number of sessions a call. Returns when to go on (monotonic ms). */
uint64_t relay_sweep(struct relay *r, uint64_t now_ms);

#endif
