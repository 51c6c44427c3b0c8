/*
 * What the gateway proves itself with towards peers, and whom it trusts: certificates, keys and CAs as PEM.
 *
 * Made from the configured files or from the gateway's own CA; used by the DTLS engine. Owned by the keys
 * process; whoever made them wipes them.
 */
#ifndef SSM_CREDENTIALS_H
#define SSM_CREDENTIALS_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* PEM, terminated: the length counts the final NUL. NULL and 0: none. */
struct pem {
    char *text;
    size_t len;
};

struct credential {
    struct pem chain; /* the certificate, then its intermediates */
    struct pem key;
};

struct credentials {
    struct credential ecdsa; /* P-256; none: no certificate suite */
    struct credential rsa;   /* at least 2048 bits; none: RSA is off, for peers' certificates too */
    struct pem
        client_ca; /* whose certificates make a subscriber by common name; none: only pinned ones count */
};

struct config;
struct store_ca;

/* When the certificates of configured files expire, the first one of each file; 0: no such file in use. */
struct credentials_ends {
    uint64_t certificate_s; /* Unix time */
    uint64_t rsa_certificate_s;
    uint64_t client_ca_s;
};

/*
 * What the configured files hold or, where no certificate is configured, what the gateway's own CA has made;
 * its certificates are trusted in any case. What cannot be used is left out, so that peers with a PSK are
 * served all the same; the log says which option and file. SSM_IO: no memory, or the database failed.
 */
SSM_MUST_CHECK enum status credentials_load(const struct config *config, const struct store_ca *ca,
                                            struct credentials *out, struct credentials_ends *ends);
/* Says on `err` what is wrong with the configured files, one line each, as "FILE: option: ..."; a key that we
 * may not read is not a fault: the daemon may be another account. Without one: true. */
bool credentials_check(const struct config *config, const char *config_path, FILE *err);
/* Wipes and frees. */
void credentials_free(struct credentials *credentials);

#endif
