/*
 * What ssm-node prints about its node: what has happened since the last look, from the core's counters alone.
 */
#ifndef SSM_NODE_EVENTS_H
#define SSM_NODE_EVENTS_H

#include "node.h"

/* Prints what changed between `before` and the node's counters: new associations always, the rest if
 * `verbose`. */
void events_print(const struct node *n, const struct node_counters *before, bool verbose);
/* Prints all counters. */
void events_print_counters(const struct node *n);

#endif
