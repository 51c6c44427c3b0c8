/*
 * The node as a client: sessions with servers that its gateway makes for it (PROTOCOL.md, "Outbound
 * sessions"), and a CoAP client over them: PUT with the retransmission of RFC 7252 4.2, and Observe (RFC
 * 7641).
 *
 * Called by the application as node.h is, and with node_client_tick in place of node_tick. An image that
 * opens no client contains nothing of this. A lost session comes back by itself. What a server asks of the
 * node is rejected: it is to be told something, not to be given what the node's own peers are.
 */
#ifndef SSM_NODE_CLIENT_H
#define SSM_NODE_CLIENT_H

#include "node_state.h"

enum node_client_state {
    NODE_CLIENT_IDLE,    /* waits for an association, or for the end of another client's attempt */
    NODE_CLIENT_ASKING,  /* repeats its wish until the gateway acknowledges it */
    NODE_CLIENT_WAITING, /* the gateway is trying */
    NODE_CLIENT_UP,
    NODE_CLIENT_BACKOFF, /* 2 s at first, then twice as long each time, up to 5 min, and up to half as much
                            at random; 2 s again when a server has been heard */
};

/* Why there is no session, or was none before. Enum control_outbound_reason and the codes with which the
 * gateway refuses (COAP_BAD_REQUEST and above) have numbers of their own among these. */
enum node_client_reason {
    NODE_CLIENT_NONE = 0,
    NODE_CLIENT_UNHEARD = 0x20,    /* the gateway acknowledges nothing */
    NODE_CLIENT_OVERDUE = 0x21,    /* it has promised to try, and said nothing since */
    NODE_CLIENT_DROPPED = 0x30,    /* it has ended the session; NODE_CLIENT_DROPPED + enum
                                      control_closed_reason: the node has */
    NODE_CLIENT_REASON_END = 0x40, /* from here on codes */
};
_Static_assert((int)CONTROL_OUTBOUND_REASONS <= (int)NODE_CLIENT_UNHEARD, "reasons are distinct");

/*
 * Adds a client to a node that has been prepared by node_init, and has a session with its server wanted for
 * ever. URI and functions stay the caller's; `answered` may be NULL where nothing is put. SSM_MALFORMED: no
 * URI that a wish can hold, 1 to CONTROL_URI_MAX characters.
 */
SSM_MUST_CHECK enum status node_client_open(struct node *n, struct node_client *c, const char *uri,
                                            node_client_answered *answered);

/* node_tick, and what is due for the clients. */
uint32_t node_client_tick(struct node *n);

/*
 * PUTs a value as text, confirmably; `answered` will be called. SSM_REFUSED: not now, there is no session or
 * a request under way. SSM_NO_ROOM: path and value do not fit one frame.
 */
SSM_MUST_CHECK enum status node_client_put(struct node *n, struct node_client *c, const char *path,
                                           const void *value, uint16_t len);

/*
 * Observes a resource, in every session anew: once for a client. A registration is renewed when Max-Age has
 * passed without a notification, so that a server that forgot it is found out. SSM_NO_ROOM: the path does not
 * fit one frame.
 */
SSM_MUST_CHECK enum status node_client_observe(struct node *n, struct node_client *c, const char *path,
                                               node_client_notified *notified);

#endif
