/*
 * The DTLS library behind handshake.h: Mbed TLS 2.28 or 3.6, DTLS 1.2 as a server with
 * TLS_PSK_WITH_AES_128_CCM_8, and with certificates TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 on P-256 and, by
 * policy, TLS_RSA_WITH_AES_128_CCM_8. A peer without a PSK has to show a certificate. And DTLS 1.2 as a
 * client with the first two, each as its destination says.
 *
 * Owns the library's configurations, one for each lane, the cookie key and one library context for each
 * handshake in flight; used by the keys process through struct handshake_engine alone. Never opens a socket,
 * reads no clock but for the age of cookies and the validity of certificates, and keeps nothing of a
 * handshake that was destroyed: what a session is resumed with goes to the owner, who asks for it.
 */
#ifndef SSM_HANDSHAKE_MBEDTLS_H
#define SSM_HANDSHAKE_MBEDTLS_H

#include "credentials.h"
#include "handshake.h"

struct handshake_mbedtls;

/* For lanes 0 to lanes-1 (at least one). NULL: no memory, or no entropy for the cookie key. */
struct handshake_mbedtls *handshake_mbedtls_create(uint8_t lanes);
/* After the last handshake of its engine has been destroyed. */
void handshake_mbedtls_destroy(struct handshake_mbedtls *library);
/*
 * Replaces what the gateway proves itself with; a copy is made for each lane. On the thread that makes
 * contexts. Handshakes in flight keep what they began with.
 * SSM_MALFORMED: a certificate or key does not parse, is not fit or does not belong to the other; the log
 * says which, and nothing has changed. SSM_IO: no memory.
 */
SSM_MUST_CHECK enum status handshake_mbedtls_set_credentials(struct handshake_mbedtls *library,
                                                             const struct credentials *credentials);
/* The function table over `library`, which must outlive it. */
struct handshake_engine handshake_mbedtls_engine(struct handshake_mbedtls *library);

#endif
