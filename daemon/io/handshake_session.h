/*
 * A session of the DTLS library as bytes that outlive its context, and back.
 *
 * Private to the DTLS engine. Keeps nothing; the bytes hold the master secret and are the caller's to wipe.
 */
#ifndef SSM_HANDSHAKE_SESSION_H
#define SSM_HANDSHAKE_SESSION_H

#include "handshake.h"

#include <mbedtls/ssl.h>

/* `not_after_s`: Unix time at which the peer's certificate expires, UINT64_MAX: it has none. Sets out->len to
 * 0 for a session without an ID, or with a certificate that is too long. */
void handshake_session_save(const mbedtls_ssl_session *session, const uint8_t *id, size_t id_len,
                            uint64_t not_after_s, struct handshake_session *out);
/* Fills an initialised session, which the caller frees. SSM_REFUSED: the certificate has expired, or there is
 * no memory. */
SSM_MUST_CHECK enum status handshake_session_load(const struct handshake_session *from,
                                                  mbedtls_ssl_session *out);

#endif
