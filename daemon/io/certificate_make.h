/*
 * Keys and X.509 certificates as they are made: ECDSA on P-256 with SHA-256, no extension that RFC 7925 4.4
 * does not ask for.
 *
 * Used by the CA, and by ssmctl for the keys of subscribers. Decides neither names nor dates. Randomness
 * comes from the kernel; whoever gets a private key wipes it.
 */
#ifndef SSM_CERTIFICATE_MAKE_H
#define SSM_CERTIFICATE_MAKE_H

#include "certificate.h"

enum {
    CERTIFICATE_PRIVATE_KEY_MAX = 128,     /* ECPrivateKey in DER (RFC 5915 3): 121 bytes */
    CERTIFICATE_PRIVATE_KEY_PEM_MAX = 256, /* the same as PEM, with a NUL */
    CERTIFICATE_NAMES_MAX = 48,            /* in one certificate */
    CERTIFICATE_NAME_MAX = 66,             /* "*." and a name of a host */
};

struct certificate_key_pair {
    uint8_t private_key[CERTIFICATE_PRIVATE_KEY_MAX];
    size_t private_key_len;
    uint8_t public_key[CERTIFICATE_PUBLIC_KEY_LEN];
};

/* Names of a server: hosts, hosts behind "*.", and IPv4 and IPv6 addresses. */
struct certificate_names {
    char list[CERTIFICATE_NAMES_MAX][CERTIFICATE_NAME_MAX + 1];
    size_t count;
};

enum certificate_use { CERTIFICATE_FOR_CA, CERTIFICATE_FOR_SERVER, CERTIFICATE_FOR_CLIENT };

struct certificate_plan {
    enum certificate_use use;
    const char *common_name;               /* letters, digits, blanks, '.', '_' and '-' alone, at most 64 */
    const struct certificate_names *names; /* of a server; NULL otherwise */
    const uint8_t *public_key;             /* CERTIFICATE_PUBLIC_KEY_LEN bytes */
    uint64_t not_before_s;                 /* Unix time */
    uint64_t not_after_s;
};

/* Who signs. */
struct certificate_signer {
    const struct certificate *certificate; /* NULL: whoever it is made for; a CA */
    const uint8_t *private_key;
    size_t private_key_len;
};

/* SSM_IO: no memory or no randomness. */
SSM_MUST_CHECK enum status certificate_make_key(struct certificate_key_pair *out);
/* Writes the PEM form and a NUL. SSM_IO: no memory. */
SSM_MUST_CHECK enum status certificate_key_to_pem(const uint8_t *private_key, size_t len,
                                                  char out[CERTIFICATE_PRIVATE_KEY_PEM_MAX]);
/* SSM_IO: no memory or no randomness. SSM_MALFORMED: the public key is no point of P-256, or the names do not
 * fit CERTIFICATE_DER_MAX. */
SSM_MUST_CHECK enum status certificate_make(const struct certificate_plan *plan,
                                            const struct certificate_signer *signer, struct certificate *out);

#endif
