/*
 * What `keys` has the relay do for a handshake: open its session, carry its datagrams, ship the key block,
 * make the row durable, and only then release the last flight.
 */
#ifndef SSM_RELAY_HANDOVER_H
#define SSM_RELAY_HANDOVER_H

#include "relay_state.h"

/* The session in negotiation behind a connection of `keys`; NULL: none. */
struct session *relay_handover_find(const struct relay *r, uint32_t connection);

/* MSG_DGRAM_OUT; MSG_SESSION_PREPARE, _COMMIT and _ABORT. */
void relay_handover_datagram(struct relay *r, const struct message *m, uint64_t now_ms);
void relay_handover_prepare(struct relay *r, const struct message *m, uint64_t now_ms);
void relay_handover_commit(struct relay *r, const struct message *m, uint64_t wall_s);
void relay_handover_abort(struct relay *r, const struct message *m);
/* Makes all changes durable, then releases the flights that waited; a database that fails ends their
 * hand-overs. */
void relay_handover_flush(struct relay *r, uint64_t now_ms);
/* Another `keys` has started: it knows nothing of what was in negotiation. */
void relay_handover_restart(struct relay *r);

#endif
