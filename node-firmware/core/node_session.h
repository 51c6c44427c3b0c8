/*
 * Session slots and their records: opens what the gateway relays, seals what the node answers, and ends
 * sessions.
 *
 * Called by the node's control messages (install, drop), CoAP server (send), clients (send, close) and
 * dispatcher (receive, tick).
 * Keeps the rules of sequence numbers: a number is spent before its record is sealed, and none below the key
 * block's first one or from 2^48-2 on is ever used.
 */
#ifndef SSM_NODE_SESSION_H
#define SSM_NODE_SESSION_H

#include "node_state.h"

bool node_session_is_live(const struct node_session *s);
/* The live session of that number, or NULL. */
struct node_session *node_session_find(struct node *n, uint16_t handle);

/* Puts a key block into a slot; whatever was there is wiped. */
void node_session_install(struct node *n, struct node_session *s, const struct keyblock *k);

/*
 * Opens a relayed record in place. SSM_OK: it is authentic and new, and its alert, if it was one, has been
 * dealt with; *from is its session while that lives on and there is application data at n->record.body, of
 * which there is nothing left if it was for a client; otherwise NULL. SSM_NOT_FOUND: no live session of
 * that number. SSM_REPLAYED, SSM_BAD_TAG, SSM_MALFORMED, SSM_TRUNCATED, SSM_UNSUPPORTED (an alert that is no
 * alert): nothing has changed.
 */
SSM_MUST_CHECK enum status node_session_receive(struct node *n, uint8_t *datagram, size_t len,
                                                struct node_session **from);

/*
 * Seals and sends `len` bytes of application data, at most NODE_BODY_MAX, that stand at frame + NODE_BODY_AT.
 * Ends the session instead if its numbers are used up.
 */
void node_session_send(struct node *n, struct node_session *s, uint16_t len);

/* Says close_notify to a peer that has been heard (a server-side node is silent before), wipes, and has it
 * reported. */
void node_session_close(struct node *n, struct node_session *s, uint8_t reason);

/* From now on the session is not unused: a record of the peer has authenticated, or the node is the client.
 */
void node_session_mark_used(struct node_session *s);

/* Has all closures reported, from the first try on. */
void node_session_report(struct node *n);

/* Ends sessions that nobody used, or whose lifetime is over. */
void node_session_tick(struct node *n, struct node_session *s);

#endif
