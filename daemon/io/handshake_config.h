/*
 * One lane's configuration of the DTLS library: suites, curve and algorithms, and a copy of the gateway's
 * certificates and keys that no other lane computes with. And that of a handshake in the client's role.
 *
 * Private to the DTLS engine. Made on the loop's thread; lives until whoever holds it has let it go, on any
 * thread. Never changes once it is made.
 */
#ifndef SSM_HANDSHAKE_CONFIG_H
#define SSM_HANDSHAKE_CONFIG_H

#include "credentials.h"
#include "handshake.h"

#include <mbedtls/ssl.h>
#include <stdatomic.h>

enum { HANDSHAKE_SUITES = 3 };

/* A certificate with its intermediates, and its key. */
struct handshake_identity {
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
};

struct handshake_config {
    mbedtls_ssl_config ssl;
    struct handshake_identity ecdsa;
    struct handshake_identity rsa;
    mbedtls_x509_crt client_ca; /* empty: trusts nobody. Of a client: the server's CAs */
    bool has_client_ca;
    mbedtls_x509_crt_profile profile;
    int suites[HANDSHAKE_SUITES + 1]; /* in the server's order, then 0 */
    struct handshake_config *lender;  /* of a client: whose certificate it uses, held; or NULL */
    atomic_uint holders;
};

/* SSM_MALFORMED: a certificate or key does not parse, is not fit for a server or does not belong to the
 * other; the log says which. */
SSM_MUST_CHECK enum status handshake_config_check(const struct credentials *credentials);
/* Held once, by the caller; callbacks are the caller's to add. SSM_MALFORMED: what handshake_config_check()
 * would refuse. SSM_IO: no memory. */
SSM_MUST_CHECK enum status handshake_config_create(const struct credentials *credentials,
                                                   struct handshake_config **out);
/* The same for one handshake in the client's role. A certificate and key of its own it has from `to`, or else
 * those of `server`, the configuration of its lane. */
SSM_MUST_CHECK enum status handshake_config_create_client(const struct handshake_destination *to,
                                                          struct handshake_config *server,
                                                          struct handshake_config **out);
void handshake_config_hold(struct handshake_config *config);
/* The last one wipes and frees it. */
void handshake_config_release(struct handshake_config *config);

#endif
