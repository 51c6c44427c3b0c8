/*
 * Where a record of a peer goes: by content type, epoch and the state of its 5-tuple (RFC 6347 4.1, 4.2.8).
 *
 * Authenticates nothing, because the relay has no traffic key, and so learns nothing from a record either.
 */
#ifndef SSM_RELAY_PEER_H
#define SSM_RELAY_PEER_H

#include "relay_state.h"

/* One record of a peer's datagram. */
struct peer_record {
    uint32_t node; /* whose port it came to; 0: the shared port */
    const struct endpoint *local;
    const struct endpoint *peer;
    uint8_t *bytes;
    size_t len;
    struct record record; /* inside bytes */
    uint64_t now_ms;
};

/* Passes the record on or drops it, and counts it. */
void relay_peer_on_record(struct relay *r, const struct peer_record *p);

#endif
