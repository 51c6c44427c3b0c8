/*
 * The certificates of `keys`: what the engine proves itself with, the gateway's own CA, and whether something
 * expires.
 *
 * Owned by keys.c, called on the loop's thread alone. Holds no private key between calls.
 */
#ifndef SSM_KEYS_CERTIFICATES_H
#define SSM_KEYS_CERTIFICATES_H

#include "ca.h"
#include "expiry.h"
#include "handshake_mbedtls.h"

#include <limits.h>

struct keys_certificates {
    struct handshake_mbedtls *library; /* keys.c's */
    struct ca ca;
    struct expiry expiry;
    char host[HOST_NAME_MAX + 1];
};

/* Everything given has to outlive it. Loads what the engine proves itself with. */
void keys_certificates_open(struct keys_certificates *c, const struct config *config,
                            const struct store_ca *store, const struct keys_store *table,
                            struct handshake_mbedtls *library);
/* Again, after the CA has changed. What cannot be loaded is in the log: peers with a PSK are served all the
 * same. */
void keys_certificates_load(struct keys_certificates *c);

#endif
