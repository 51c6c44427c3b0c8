/*
 * Control messages with nodes (control.h): sealing and opening them, the live list, and reports of closed
 * sessions.
 *
 * Called by the delegator's parts. Never repeats a datagram itself: `relay` does, until it is told to stop.
 */
#ifndef SSM_NODES_CONTROL_H
#define SSM_NODES_CONTROL_H

#include "control.h"
#include "nodes.h"

enum { NODE_CONTROL_FRAME_MAX = CONTROL_OVERHEAD + CONTROL_MESSAGE_MAX };

/*
 * Seals a request into `frame` (NODE_CONTROL_FRAME_MAX bytes) under a fresh message ID. SSM_EXHAUSTED: the
 * association's counter is used up; the node is no longer associated and will be asked to join.
 */
SSM_MUST_CHECK enum status nodes_control_seal(struct node *node, uint8_t resource, const void *payload,
                                              size_t payload_len, uint8_t *frame, size_t *frame_len);
/* Sends a datagram of the control channel or the association to the node; `peer` NULL: its known address. */
void nodes_control_send(const struct nodes *nodes, const struct node *node, const struct endpoint *peer,
                        enum message_repeat repeat, const uint8_t *datagram, size_t len);

/* Is an associated node to be told its live sessions, which relay has listed? */
bool nodes_live_list_is_due(const struct nodes *nodes, const struct node *node);
/* Opens the exchange and sends the list. */
void nodes_live_list_send(struct nodes *nodes, struct node *node, uint64_t now_ms);
/* Stops the repetition of a live list that is out, if one is. */
void nodes_live_list_stop(struct nodes *nodes, struct node *node, bool settled);
/* Gives up a list that was not acknowledged in time. Returns when to call again, UINT64_MAX: no need. */
uint64_t nodes_live_list_tick(struct nodes *nodes, struct node *node, uint64_t now_ms);

/*
 * Takes a control datagram from an associated node. Reports of closed sessions and the acknowledgement of a
 * live list are dealt with here. True: the key block that is out was answered, with *code.
 */
bool nodes_control_input(struct nodes *nodes, struct node *node, struct span datagram, uint64_t now_ms,
                         uint8_t *code);

#endif
