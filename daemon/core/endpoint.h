/*
 * Where a datagram comes from and goes to: a UDP endpoint or, on the nodes' side, a serial line.
 *
 * A UDP endpoint is an IPv6 address, or an IPv4 address in mapped form (RFC 4291 2.5.5.2), and a port.
 *
 * A line has an address made of its name: in FF00::/16, multicast of the reserved scope 0, which no datagram
 * comes from and none is sent to (RFC 4291 2.7). It means the same line after a restart, whatever other lines
 * are configured then; once the line itself is no longer configured, it means nothing.
 */
#ifndef SSM_ENDPOINT_H
#define SSM_ENDPOINT_H

#include "bytes.h"

struct endpoint {
    uint8_t addr[16];
    uint16_t port; /* host order; 0: no endpoint */
};

bool endpoint_is_ipv4(const struct endpoint *e);
/* Is it the address of one host: not unspecified, no broadcast and no multicast, as a line's is? */
bool endpoint_is_unicast(const struct endpoint *e);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

struct endpoint endpoint_of_line(const char *name, size_t len);
bool endpoint_is_line(const struct endpoint *e);

#endif
