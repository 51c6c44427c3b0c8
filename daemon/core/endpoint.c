#include "endpoint.h"

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && bytes_equal(a->addr, b->addr, sizeof a->addr);
}
