/*
 * The whole gateway core with the real DTLS engine, nodes with the whole firmware core, and clients of real
 * libraries and a server of one, in one process: messages between the cores go through their codec, datagrams
 * through a network that loses, duplicates and reorders by a seed. Time is virtual. Timers of the gateway are
 * the product's defaults.
 *
 * Watched all the time: what crosses a node's link, and every record towards a peer (watch.h).
 */
#ifndef SSM_TEST_FLOW_WORLD_H
#define SSM_TEST_FLOW_WORLD_H

#include "delegation.h"
#include "flow_server.h"
#include "impaired.h"
#include "keys_store_memory.h"
#include "node.h"
#include "peer.h"
#include "relay.h"

enum {
    FLOW_NODES = 2,
    FLOW_CLIENTS_MAX = 16,
    FLOW_ALICE_KEY = 0xA1, /* every byte of alice's key */
    FLOW_THERMO = 1,       /* ids of the nodes; alice is granted the first */
    FLOW_LAMP = 2,
};

struct flow_network {
    struct impairment internet; /* between peers and gateway, both ways */
    struct impairment link;     /* between gateway and nodes, both ways */
};

enum flow_leg { FLOW_TO_PEER, FLOW_FROM_PEER, FLOW_TO_NODE, FLOW_FROM_NODE };

struct flow_world;

struct flow_client {
    struct flow_world *world;
    struct peer *peer;
    struct endpoint endpoint;
    struct endpoint local;
    uint32_t port_node;
    uint16_t message_id;
};

struct flow_world *flow_create(const struct peer_library *library, const struct flow_network *network);
void flow_destroy(struct flow_world *w);

/* Lets `ms` pass, or less if `until` becomes true; returns whether it did. `until` may be NULL. */
bool flow_run(struct flow_world *w, uint64_t ms, bool (*until)(void *arg), void *arg);
uint64_t flow_now(const struct flow_world *w);
struct keys_memory *flow_keys_store(struct flow_world *w);
uint64_t flow_delegator_counter(const struct flow_world *w, enum delegator_counter counter);
/* The live sessions of a node as the gateway's two processes and the node itself see them. */
void flow_expect_sessions(struct flow_world *w, uint32_t node, unsigned count);

/* From here on. */
void flow_set_network(struct flow_world *w, const struct flow_network *network);
/* Datagrams of a leg for which this returns true are lost; NULL: chance alone decides. */
void flow_set_filter(struct flow_world *w,
                     bool (*drops)(void *arg, enum flow_leg leg, const uint8_t *datagram, size_t len),
                     void *arg);

/* Switches a node on, off, or off and on; it keeps what its storage holds. */
void flow_node_start(struct flow_world *w, uint32_t node);
void flow_node_stop(struct flow_world *w, uint32_t node);
/* For campaigns that turn a node's memory back. */
struct node *flow_node_memory(struct flow_world *w, uint32_t node);
bool flow_node_is_joined(const struct flow_world *w, uint32_t node);
/* Ends a process of the gateway without warning and starts it again over what is durable. */
void flow_restart_keys(struct flow_world *w);
void flow_restart_relay(struct flow_world *w);
/* One of both, or the first node, in one of four cases. */
void flow_restart_at_random(struct flow_world *w);

/* A client at 10.0.0.20:`port` that starts its handshake with a node's port, or with the shared one (0). */
struct flow_client *flow_connect(struct flow_world *w, const char *identity, uint8_t key, uint16_t port,
                                 uint32_t port_node);
/* Frees the client without a word to the gateway. */
void flow_forget_client(struct flow_client *c);
/* Is the handshake finished or failed? For flow_run. */
bool flow_is_settled(void *client);
bool flow_is_over(void *client);
/* GET /temperature, repeated each 2 s for `ms`; true if it was answered with the sensor's value. */
bool flow_read_temperature(struct flow_client *c, uint64_t ms);

/* From here on the first node is a client of a server at 10.0.0.30, which is the world's. */
struct flow_server *flow_serve(struct flow_world *w, bool has_certificates);
/* Is the node's session with it up, at both ends? For flow_run; takes the world. */
bool flow_is_outbound_up(void *world);
/* The node PUTs its temperature, as often as it takes in `ms`; true if that was acknowledged. */
bool flow_put_temperature(struct flow_world *w, uint64_t ms);
/* A datagram from the server's address. */
void flow_server_send(struct flow_world *w, const uint8_t *datagram, size_t len);

#endif
