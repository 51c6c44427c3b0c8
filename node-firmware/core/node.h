/*
 * A whole node without handshake: one struct and six functions for the board to call.
 *
 * The board calls them one at a time, never from an interrupt. No allocation, no operating system; all a node
 * needs of its board is in port.h. After node_start, and after each node_input and node_resource_changed,
 * call node_tick.
 */
#ifndef SSM_NODE_H
#define SSM_NODE_H

#include "node_resource.h"

/* Prepares the struct; the table `resources` stays the caller's and must outlive the node. */
void node_init(struct node *n, const struct assoc_name *name, const uint8_t psk[ASSOC_PSK_LEN],
               struct port *port, const struct node_resource *resources);

/*
 * The node's life begins: raises the stored association counter, which becomes the boot id, and asks the
 * gateway for an association. SSM_IO: the counter cannot be loaded or stored; nothing has been sent.
 */
SSM_MUST_CHECK enum status node_start(struct node *n);

/*
 * Takes one datagram from the gateway's address. It is worked on in place and afterwards holds nothing of
 * use. Whatever is not authentic, or not expected, is counted in n->counters.input and otherwise ignored.
 */
void node_input(struct node *n, uint8_t *datagram, size_t len);

/* Does what is due, and returns in how many milliseconds to call again. Calling earlier or a little later is
 * harmless. */
uint32_t node_tick(struct node *n);

/* The representation of an entry of the node's table has changed: notifies its observers. */
void node_resource_changed(struct node *n, const struct node_resource *resource);

#endif
