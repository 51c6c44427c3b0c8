/*
 * The relay: owns the session table, moves records between peers and nodes, and keeps tombstones and cached
 * last flights.
 *
 * Called by the relay process with datagrams, messages of `keys` and the time; answers through struct
 * relay_io. Holds no key but relay-tag keys, opens no record, learns no address from a record of a peer
 * (PROTOCOL.md).
 */
#ifndef SSM_RELAY_H
#define SSM_RELAY_H

#include "relay_types.h"

/* Bytes in front of every datagram handed in, for headers in place. */
enum { RELAY_HEADROOM = RECORD_SEALED_HEADER_LEN };

const char *relay_counter_name(enum relay_counter counter);

struct relay;

/* Allocates every slot once. NULL: no memory. The tables passed in must outlive it. */
struct relay *relay_create(const struct relay_config *config, const struct relay_io *io,
                           const struct relay_store *store);
void relay_destroy(struct relay *r);
/* Reads back rows and nodes after a start. */
SSM_MUST_CHECK enum status relay_load(struct relay *r, uint64_t now_ms, uint64_t wall_s);

/* One datagram that a peer sent to a node's port (node > 0) or to the shared port (node 0). RELAY_HEADROOM
 * bytes in front of it are writable. */
void relay_from_peer(struct relay *r, uint32_t node, const struct endpoint *local,
                     const struct endpoint *peer, uint8_t *datagram, size_t len, uint64_t now_ms);
/* One datagram that arrived on the node's link. RELAY_HEADROOM bytes in front of it are writable. */
void relay_from_node(struct relay *r, const struct endpoint *node, uint8_t *datagram, size_t len,
                     uint64_t now_ms);
void relay_on_message(struct relay *r, const struct message *m, uint64_t now_ms, uint64_t wall_s);
/* `keys` was restarted: hand-overs in flight are ended, their peers alerted. */
void relay_on_keys_restart(struct relay *r);
/* Does what is due; returns when it wants to be called again (monotonic ms). */
uint64_t relay_on_tick(struct relay *r, uint64_t now_ms);
/* Makes the rows of this turn of the loop durable, then releases what waited for them. Once a turn. */
void relay_flush(struct relay *r, uint64_t now_ms);

#endif
