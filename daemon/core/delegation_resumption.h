/*
 * How a returning peer's handshake becomes an abbreviated one, and what a full one leaves behind for that
 * (RFC 5246 7.3). By session ID alone: a ticket would carry the master secret away, beyond any revocation.
 *
 * Decides whose session goes on where; the secrets are in resumption.h. Sends nothing to a peer.
 */
#ifndef SSM_DELEGATION_RESUMPTION_H
#define SSM_DELEGATION_RESUMPTION_H

#include "delegation_pool.h"

/* Where a stranger's session is to go, for its delegation's `work.session`; NULL: it is not kept. */
struct handshake_session *delegation_resumption_room(const struct delegation *d,
                                                     const struct client_hello *hello);
/* Resumes the session that an admitted hello asks for, if it is kept and may go on; then the turns of the
 * delegation are the loop's. Returns why the handshake has to end; NULL: it goes on. */
const struct delegation_failure *delegation_resume(struct delegation *d, const struct client_hello *hello,
                                                   uint64_t now_ms);
/* The library has failed an abbreviated handshake: forgets its session. Returns how the delegation ends. */
const struct delegation_failure *delegation_resumption_failed(struct delegation *d);
/* What the delegation hands over is to end: nobody may resume it. */
void delegation_resumption_revoke(struct delegation *d);
/* The peer's Finished is verified: from now on its session may live for as long as is configured. */
void delegation_resumption_finished(struct delegation *d, uint64_t now_ms);
/* The hand-over is durable: keeps a new session, and ends the one that a resumed one continues. */
void delegation_resumption_done(const struct delegation *d);

#endif
