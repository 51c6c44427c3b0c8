/*
 * Who may connect to what: the one decision on a subscriber that has proved its identity.
 *
 * Pure: knows neither store nor clock. Called once a handshake's Finished has been verified, so that nobody
 * without a key learns what is granted to whom.
 */
#ifndef SSM_ACCESS_H
#define SSM_ACCESS_H

#include <stddef.h>
#include <stdint.h>

enum access_verdict {
    ACCESS_GRANTED,
    ACCESS_NOT_GRANTED,   /* this node's port, and the node is not among the grants */
    ACCESS_NO_NODE,       /* the shared port, and nothing is granted */
    ACCESS_SEVERAL_NODES, /* the shared port, and the grants do not say which node is meant */
};

enum { ACCESS_SHARED_PORT = 0 };

/*
 * `port_node` is the node whose port the peer used, or ACCESS_SHARED_PORT, where the single granted node is
 * meant. ACCESS_GRANTED sets *node to the node that the session belongs to.
 */
enum access_verdict access_decide(uint32_t port_node, const uint32_t *granted, size_t granted_count,
                                  uint32_t *node);

#endif
