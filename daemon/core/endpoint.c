#include "endpoint.h"

bool endpoint_is_ipv4(const struct endpoint *e)
{
    static const uint8_t MAPPED[12] = {[10] = 0xFF, [11] = 0xFF};

    return bytes_equal(e->addr, MAPPED, sizeof MAPPED);
}

/* RFC 4291 2.7; RFC 1112 4 and RFC 1122 3.2.1.3: what begins with 0, or with 224 and more, is no host's. */
bool endpoint_is_unicast(const struct endpoint *e)
{
    enum { IPV4_AT = 12, IPV4_MULTICAST = 224, IPV6_MULTICAST = 0xFF };
    static const uint8_t UNSPECIFIED[16];

    if (endpoint_is_ipv4(e))
        return e->addr[IPV4_AT] != 0 && e->addr[IPV4_AT] < IPV4_MULTICAST;
    return e->addr[0] != IPV6_MULTICAST && !bytes_equal(e->addr, UNSPECIFIED, sizeof UNSPECIFIED);
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && __builtin_memcmp(a->addr, b->addr, sizeof a->addr) == 0; /* no secret */
}

enum { LINE_PREFIX = 0xFF, LINE_PORT = 1, LINE_HASH_AT = 8 };

/* FNV-1a, 64 bits: the owner of the configuration chooses the names, so no collision is anybody's aim. */
struct endpoint endpoint_of_line(const char *name, size_t len)
{
    struct endpoint e = {.addr = {LINE_PREFIX}, .port = LINE_PORT};
    uint64_t hash = UINT64_C(0xCBF29CE484222325);

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)name[i]) * UINT64_C(0x100000001B3);
    for (size_t i = LINE_HASH_AT; i < sizeof e.addr; i++, hash >>= 8)
        e.addr[i] = (uint8_t)hash;
    return e;
}

bool endpoint_is_line(const struct endpoint *e)
{
    return e->port != 0 && e->addr[0] == LINE_PREFIX && e->addr[1] == 0;
}
