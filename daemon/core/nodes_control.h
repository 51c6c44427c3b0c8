/*
 * Control messages with nodes (control.h): sealing and opening them, the live list, and reports of closed
 * sessions.
 *
 * Called by the delegator's parts. Never repeats a datagram itself: `relay` does, until it is told to stop.
 */
#ifndef SSM_NODES_CONTROL_H
#define SSM_NODES_CONTROL_H

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

/* Answers a request of the node's. */
void nodes_control_ack(const struct nodes *nodes, struct node *node, uint16_t message_id, uint8_t code);

/* A request that is sent until it is answered, sealed just now. */
void nodes_question_begin(struct nodes *nodes, struct node *node, enum node_exchange_kind kind,
                          struct span sealed, uint64_t now_ms);
/* Stops the repetition of one that is out, if one is. */
void nodes_question_stop(struct nodes *nodes, struct node *node, bool settled);

/* Is an associated node to be told its live sessions, which relay has listed? */
bool nodes_live_list_is_due(const struct nodes *nodes, const struct node *node);
/* Opens the exchange and sends the list. */
void nodes_live_list_send(struct nodes *nodes, struct node *node, uint64_t now_ms);

/*
 * Is the node there? A radio may sleep, so silence alone means nothing. A node that leaves records unanswered
 * is asked, by a live list or, without association, to join; one that then answers nothing for node_silent_s
 * is silent: its sessions end.
 */

/* Something authentic has come from the node. */
void nodes_heard(struct nodes *nodes, struct node *node, uint64_t now_ms);
/* It has left records unanswered. */
void nodes_quiet(struct nodes *nodes, struct node *node, uint64_t now_ms);
/* Returns when to call again, UINT64_MAX: no need. */
uint64_t nodes_silence_tick(struct nodes *nodes, struct node *node, uint64_t now_ms);

/* What a control message of the node's says that is not dealt with here. */
struct node_saying {
    enum { NODE_SAYS_NOTHING, NODE_ANSWERS_KEYBLOCK, NODE_ASKS_OUTBOUND } kind;
    uint8_t code; /* NODE_ANSWERS_KEYBLOCK */
    bool is_new;  /* NODE_ASKS_OUTBOUND: and not one that was accepted before */
    uint16_t message_id;
    char uri[CONTROL_URI_MAX]; /* not terminated */
    size_t uri_len;
};

/* Takes a control datagram from an associated node. */
void nodes_control_input(struct nodes *nodes, struct node *node, struct span datagram, uint64_t now_ms,
                         struct node_saying *out);

#endif
