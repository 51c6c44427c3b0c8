/*
 * What a client would have without a gateway: the same client and a stock Mbed TLS server with a PSK, and
 * between them the same network.
 */
#ifndef SSM_CAMPAIGN_DIRECT_H
#define SSM_CAMPAIGN_DIRECT_H

#include "impaired.h"
#include "peer.h"

/* Milliseconds from the first ClientHello until the client's handshake is done; UINT64_MAX: not within
 * limit_ms. */
uint64_t direct_handshake(const struct peer_library *library, const struct impairment *network,
                          uint64_t limit_ms);

#endif
