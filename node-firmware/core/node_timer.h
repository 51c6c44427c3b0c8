/*
 * Timers inside struct node: set, moved and asked by the core's modules during one call, over node->now.
 *
 * No callbacks, and no clock but the one that node.c read when the call began. All times are ticks
 * (NODE_TICKS).
 */
#ifndef SSM_NODE_TIMER_H
#define SSM_NODE_TIMER_H

#include "node_state.h"

void node_timer_set(const struct node *n, struct node_timer *timer, uint16_t delay);
/* Sets the timer to *delay and up to half as much at random (RFC 7252 4.2), and doubles *delay, to 60 s at
 * most. */
void node_timer_backoff(const struct node *n, struct node_timer *timer, uint16_t *delay);
/* True once, when the timer's time has come; otherwise node->wait falls to what is left. */
bool node_timer_fired(struct node *n, struct node_timer *timer);

#endif
