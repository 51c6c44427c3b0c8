/*
 * Control messages on the node (PROTOCOL.md, "Control messages"): obeys the gateway's key blocks and lists of
 * live sessions, and reports sessions that ended here.
 *
 * Acts on authentic messages alone, and on each of them once: a repeated request is acknowledged again and
 * changes nothing.
 */
#ifndef SSM_NODE_CONTROL_H
#define SSM_NODE_CONTROL_H

#include "node_state.h"

/*
 * Takes a LINK_CONTROL datagram and opens it in place; its plaintext is wiped. SSM_OK also for a request that
 * was refused by its acknowledgement's code. SSM_REPLAYED, SSM_BAD_TAG, SSM_TRUNCATED, SSM_MALFORMED: nothing
 * has changed.
 */
SSM_MUST_CHECK enum status node_control_input(struct node *n, uint8_t *datagram, size_t len);

/* Handles n->message, which is authentic: an acknowledgement, or a new request, whose result it returns. */
uint8_t node_control_handle(struct node *n);

/* Puts a key block of role server into its slot: COAP_CREATED, or the code with which to refuse it. */
uint8_t node_control_install(struct node *n, const struct keyblock *k);

/* Seals and sends the control message that stands at frame + CONTROL_HEADER_LEN. There is an association. */
void node_control_send(struct node *n, size_t body_len);

/* Sends the reports that are due; when four go unanswered, the association is renewed. */
void node_control_tick(struct node *n);

#endif
