/*
 * The DTLS library behind handshake.h: Mbed TLS 2.28 or 3.6, DTLS 1.2 with TLS_PSK_WITH_AES_128_CCM_8 as a
 * server.
 *
 * Owns the library's configuration, the cookie key and one library context for each handshake in flight; used
 * by the keys process through struct handshake_engine alone. Never opens a socket, reads no clock but for the
 * age of cookies, and keeps nothing of a handshake that was destroyed.
 */
#ifndef SSM_HANDSHAKE_MBEDTLS_H
#define SSM_HANDSHAKE_MBEDTLS_H

#include "handshake.h"

struct handshake_mbedtls;

/* NULL: no memory, or no entropy for the cookie key. */
struct handshake_mbedtls *handshake_mbedtls_create(void);
/* After the last handshake of its engine has been destroyed. */
void handshake_mbedtls_destroy(struct handshake_mbedtls *library);
/* The function table over `library`, which must outlive it. */
struct handshake_engine handshake_mbedtls_engine(struct handshake_mbedtls *library);

#endif
