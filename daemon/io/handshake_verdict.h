/*
 * Why a handshake ends, and with which alert (RFC 5246 7.2.2): what the DTLS library and its checks of a
 * peer's certificates have found, in the terms of the protocol.
 *
 * Private to the DTLS engine. Sends nothing, and asks nobody whether a peer is known.
 */
#ifndef SSM_HANDSHAKE_VERDICT_H
#define SSM_HANDSHAKE_VERDICT_H

#include "handshake.h"

#include <mbedtls/ssl.h>

enum { HANDSHAKE_ALERT_NONE = MBEDTLS_SSL_ALERT_MSG_CLOSE_NOTIFY }; /* which is never fatal */

struct handshake_verdict {
    uint8_t alert; /* AlertDescription, or HANDSHAKE_ALERT_NONE */
    enum handshake_fault fault;
};

/* Of a context whose last call has ended with `error`; `proposed` is the alert that the library wanted to
 * send.
 */
struct handshake_verdict handshake_verdict_of(const mbedtls_ssl_context *ssl, int error, uint8_t proposed);
/* The same in the client's role. `flags` are those of the server's chain, as far as it has been looked at,
 * with what its first certificate says of itself; `received` is the server's last alert. */
struct handshake_verdict handshake_verdict_of_server(const mbedtls_ssl_context *ssl, int error,
                                                     uint8_t proposed, uint8_t received, uint32_t flags);
/* What the first certificate of a server's chain adds to its flags; known by its address (`len` bytes, 0: by
 * its name, which the library compares) it has to name it (RFC 2818 3.1: "an exact match"). */
uint32_t handshake_verdict_first(const mbedtls_x509_crt *crt, const uint8_t *address, size_t len);
/* The flags of one certificate of a chain, where it names a CA of `cas` that, as the library found, has not
 * signed it. */
uint32_t handshake_verdict_forged(const mbedtls_x509_crt *crt, const mbedtls_x509_crt *cas, uint32_t flags);
/* Are these the flags of a chain that leads to a CA? */
bool handshake_verdict_is_trusted(uint32_t flags);
/* The same flags, once it is known whether its first certificate may go on: then whose it is matters no more.
 */
uint32_t handshake_verdict_flags(uint32_t flags, bool is_accepted);

#endif
