/*
 * The node's CoAP server over its sessions (RFC 7252): GET, PUT, Observe (RFC 7641), Block2 replies (RFC
 * 7959).
 *
 * Stateless but for the table of observers. Every reply fits one frame at three hops: blocks have at most
 * NODE_BLOCK_LEN bytes. A request body of more than one block is refused.
 */
#ifndef SSM_NODE_COAP_H
#define SSM_NODE_COAP_H

#include "node_resource.h"

enum { NODE_BLOCK_LEN = 32 };

/* Answers the CoAP message that an authentic record of session `s` carried. The same status as
 * coapmsg_decode. */
SSM_MUST_CHECK enum status node_coap_input(struct node *n, struct node_session *s, const uint8_t *message,
                                           size_t len);

/* Tells every observer of a resource. */
void node_coap_notify(struct node *n, const struct node_resource *resource);

/* Repeats a confirmable notification that is not acknowledged, with the present value (RFC 7641 4.5.2). */
void node_coap_tick(struct node *n, struct node_observer *o);

#endif
