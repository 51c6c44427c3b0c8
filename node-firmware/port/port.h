/*
 * What a board must provide to the node's core, besides aes128_encrypt of aes.h. PORTING.md says how.
 *
 * The functions are resolved at link time; `struct port` is the board's own and opaque to the core, so that
 * one program may run many nodes. The core calls them from node_start, node_input, node_tick and
 * node_resource_changed, and from the functions of node_client.h, alone.
 */
#ifndef SSM_PORT_H
#define SSM_PORT_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

struct port;

/* Milliseconds since some moment; wraps. */
uint32_t port_now_ms(struct port *port);

/* Fills `out` with whatever entropy there is; zeros are allowed, because no key depends on them. */
void port_random(struct port *port, uint8_t *out, size_t len);

/* Sends one datagram, of at most LINK_MTU_THREE_HOPS bytes, to the gateway; it may be lost. */
void port_send(struct port *port, const uint8_t *datagram, size_t len);

/*
 * The association counter in storage that survives a reset: 0 on a node that never saved one. When
 * port_save_counter returns SSM_OK a loss of power must no longer be able to bring an older value back.
 * SSM_IO: storage failed.
 */
SSM_MUST_CHECK enum status port_load_counter(struct port *port, uint32_t *counter);
SSM_MUST_CHECK enum status port_save_counter(struct port *port, uint32_t counter);

#endif
