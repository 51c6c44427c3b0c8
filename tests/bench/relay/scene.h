/*
 * Who talks to whom in one comparison: flows of peers, each with an address of its own in 127.64.0.0/10;
 * nodes, each with an address in 127.128.0.0/10; and the ports of the system between them.
 */
#ifndef SSM_BENCH_SCENE_H
#define SSM_BENCH_SCENE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>

enum {
    SCENE_PEER_PORT = 13998, /* of all flows */
    SCENE_NODE_PORT = 13999, /* of all nodes */
    SCENE_BATCH = 64,        /* datagrams per system call, of the load and of the bare forwarder */
    SCENE_SOCKETS_MAX = 1000,
    SCENE_NODES_MAX = 1000,
};

struct scene {
    uint32_t flows;
    uint32_t nodes;   /* flow f talks to node f mod nodes ... */
    uint32_t sockets; /* ... through the system's port first_port + f mod sockets */
};

/* Where a system under test listens. */
struct scene_ports {
    uint16_t link; /* towards the nodes */
    uint16_t first;
};

static inline struct in_addr scene_flow_address(uint32_t flow)
{
    return (struct in_addr){htonl((127u << 24) + (64u << 16) + flow + 1)};
}

static inline struct in_addr scene_node_address(uint32_t node)
{
    return (struct in_addr){htonl((127u << 24) + (128u << 16) + node + 1)};
}

static inline struct sockaddr_in scene_next_hop(uint32_t node)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(SCENE_NODE_PORT), .sin_addr = scene_node_address(node)};
}

#endif
