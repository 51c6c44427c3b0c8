/*
 * X.509 certificates as they are read: what one says, and who issued it (RFC 5280, RFC 7925 4.4).
 *
 * Pure but for memory of the library's; used by the CA, the admin socket and ssmctl. Says nothing about
 * whether a peer may connect: the DTLS engine checks validity, usage and signatures itself.
 */
#ifndef SSM_CERTIFICATE_H
#define SSM_CERTIFICATE_H

#include "handshake.h"

enum {
    CERTIFICATE_DER_MAX = 4096,
    CERTIFICATE_PEM_MAX = 5700,       /* characters of such a certificate, without the final NUL */
    CERTIFICATE_SERIAL_MAX = 20,      /* RFC 5280 4.1.2.2 */
    CERTIFICATE_COMMON_NAME_MAX = 64, /* RFC 5280 A.1, ub-common-name */
    CERTIFICATE_PUBLIC_KEY_LEN = 91,  /* SubjectPublicKeyInfo with a point of P-256 (RFC 5480 2) */
};

/* One certificate in DER. */
struct certificate {
    uint8_t der[CERTIFICATE_DER_MAX];
    size_t len;
};

enum certificate_key {
    CERTIFICATE_KEY_P256,
    CERTIFICATE_KEY_RSA,
    CERTIFICATE_KEY_OTHER,
};

struct certificate_facts {
    uint8_t fingerprint[HANDSHAKE_FINGERPRINT_LEN]; /* SHA-256 of the DER */
    uint8_t serial[CERTIFICATE_SERIAL_MAX];         /* its last bytes, should it be longer */
    uint8_t serial_len;
    char common_name[CERTIFICATE_COMMON_NAME_MAX]; /* not terminated */
    uint8_t common_name_len;                       /* 0: none, several, or too long */
    uint64_t not_before_s;                         /* Unix time */
    uint64_t not_after_s;
    enum certificate_key key;
    uint16_t key_bits;
    uint8_t public_key[CERTIFICATE_PUBLIC_KEY_LEN]; /* of CERTIFICATE_KEY_P256 */
    bool is_ca;
};

/* The first certificate of a PEM text of `len` characters. SSM_MALFORMED: there is none, one does not parse,
 * or the first is longer than CERTIFICATE_DER_MAX. SSM_IO: no memory. */
SSM_MUST_CHECK enum status certificate_from_pem(const char *pem, size_t len, struct certificate *out);
/* Writes the PEM form and a NUL. */
void certificate_to_pem(const struct certificate *certificate, char out[CERTIFICATE_PEM_MAX + 1]);
/* SSM_MALFORMED: it does not parse, trailing bytes included. */
SSM_MUST_CHECK enum status certificate_read(const struct certificate *certificate,
                                            struct certificate_facts *out);
/* What a file of certificates says. */
struct certificate_chain {
    struct certificate_facts first;
    uint64_t not_after_s; /* when the first of them expires */
    bool are_all_ca;
};

/* Reads a PEM text; `len` counts its final NUL, as in the next function. SSM_MALFORMED: there is none, or one
 * does not parse. */
SSM_MUST_CHECK enum status certificate_read_chain(const char *pem, size_t len, struct certificate_chain *out);
/* Is `key`, PEM without a password, that of the first certificate? SSM_MALFORMED: it does not parse.
 * SSM_BAD_TAG: it is another's. */
SSM_MUST_CHECK enum status certificate_check_key(const char *pem, size_t pem_len, const char *key,
                                                 size_t key_len);
/* Is the signature that of this CA, and the use that of a client (extendedKeyUsage clientAuth)? Its dates are
 * not looked at. */
bool certificate_is_client_of(const struct certificate *certificate, const struct certificate *ca);

#endif
