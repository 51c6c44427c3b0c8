/*
 * A CoAP server of a real library, and what a node's owner tells the gateway of it: takes whatever is PUT,
 * and refuses everything else.
 *
 * Owned by the world, which carries its datagrams and tells it the time. Knows one client: as servers do, it
 * begins anew when that comes with another ClientHello.
 */
#ifndef SSM_TEST_FLOW_SERVER_H
#define SSM_TEST_FLOW_SERVER_H

#include "peer.h"
#include "store.h"

#define FLOW_SERVER_URI "coaps://readings.example" /* its own name; the node's is "thermo" */

struct flow_server;

/* With certificates on both sides, or a PSK. What it sends is given to `output`. */
struct flow_server *flow_server_create(const struct peer_library *library, bool has_certificates,
                                       void (*output)(void *ctx, const uint8_t *datagram, size_t len),
                                       void *ctx);
void flow_server_destroy(struct flow_server *s);
/* The destination of the node `node`. */
const struct destination_row *flow_server_destination(struct flow_server *s, uint32_t node);
void flow_server_deliver(struct flow_server *s, const uint8_t *datagram, size_t len, uint64_t now_ms);
/* Does what is due. */
void flow_server_run(struct flow_server *s, uint64_t now_ms);
/* It loses its session without a word, as by a power cut. */
void flow_server_forget(struct flow_server *s);
bool flow_server_is_up(const struct flow_server *s);
/* A confirmable GET, which a node does not serve in this session. */
void flow_server_ask(struct flow_server *s);
/* How often the client has rejected what it was asked. */
unsigned flow_server_resets(const struct flow_server *s);

#endif
