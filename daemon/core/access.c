#include "access.h"

enum access_verdict access_decide(uint32_t port_node, const uint32_t *granted, size_t granted_count,
                                  uint32_t *node)
{
    if (port_node == ACCESS_SHARED_PORT) {
        if (granted_count != 1)
            return granted_count == 0 ? ACCESS_NO_NODE : ACCESS_SEVERAL_NODES;
        *node = granted[0];
        return ACCESS_GRANTED;
    }
    for (size_t i = 0; i < granted_count; i++) {
        if (granted[i] == port_node) {
            *node = port_node;
            return ACCESS_GRANTED;
        }
    }
    return ACCESS_NOT_GRANTED;
}
