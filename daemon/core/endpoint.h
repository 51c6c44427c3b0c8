/*
 * A UDP endpoint: an IPv6 address, or an IPv4 address in mapped form (RFC 4291 2.5.5.2), and a port.
 */
#ifndef SSM_ENDPOINT_H
#define SSM_ENDPOINT_H

#include "bytes.h"

struct endpoint {
    uint8_t addr[16];
    uint16_t port; /* host order; 0: no endpoint */
};

bool endpoint_is_ipv4(const struct endpoint *e);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

#endif
