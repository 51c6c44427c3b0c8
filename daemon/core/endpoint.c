#include "endpoint.h"

bool endpoint_is_ipv4(const struct endpoint *e)
{
    static const uint8_t MAPPED[12] = {[10] = 0xFF, [11] = 0xFF};

    return bytes_equal(e->addr, MAPPED, sizeof MAPPED);
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && __builtin_memcmp(a->addr, b->addr, sizeof a->addr) == 0; /* no secret */
}
