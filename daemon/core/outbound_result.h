/*
 * What a node's attempt at an outbound session has come to: why it failed, in words, as a counter and as the
 * node is told (PROTOCOL.md, "Outbound sessions").
 *
 * Called by whoever ends an attempt. Starts nothing: outbound.h does.
 */
#ifndef SSM_OUTBOUND_RESULT_H
#define SSM_OUTBOUND_RESULT_H

#include "delegation_pool.h"
#include "nodes_control.h"

/* "outbound_failed_no_answer" */
const char *outbound_result_counter_name(enum control_outbound_reason reason);

/* The server's host, for the log; empty where it is too long for that. */
struct assoc_name outbound_result_server(const struct uri *uri);

/* The node's attempt has failed before there was a handshake. */
void outbound_result_failed(struct nodes *nodes, struct node *node, enum control_outbound_reason reason);
/* An outbound delegation ends with this failure. A server that has not answered may have another address, of
 * which the attempt then is ready to try the next. */
void outbound_result_of(const struct delegation *d, const struct delegation_failure *failure);
/* The node has the key block of this connection. */
void outbound_result_up(struct node *node, uint32_t connection);

/* Is the node to be told of a failure? */
bool outbound_result_is_due(const struct node *node);
/* Opens the exchange and tells it; nothing else may be out. */
void outbound_result_send(struct nodes *nodes, struct node *node, uint64_t now_ms);

#endif
