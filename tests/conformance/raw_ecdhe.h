/*
 * What the hand-made client needs for TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 (RFC 4492, 7251): the hello, the
 * check of the server's key exchange, and its own certificates, key and proof.
 */
#ifndef SSM_TEST_RAW_ECDHE_H
#define SSM_TEST_RAW_ECDHE_H

#include "certificate_make.h"
#include "raw_client.h"

enum {
    RAW_CURVE_NAMED = 3,      /* RFC 4492 5.4 */
    RAW_GROUP_SECP256R1 = 23, /* RFC 4492 5.1.1 */
    RAW_GROUP_SECP384R1 = 24,
    RAW_GROUP_SECP521R1 = 25,
    RAW_POINT_LEN = 65, /* uncompressed, on P-256 */
    RAW_POINT_UNCOMPRESSED = 4,
    RAW_ECDSA_SHA1 = 0x0203, /* SignatureAndHashAlgorithm (RFC 5246 7.4.1.4.1) */
    RAW_ECDSA_SHA256 = 0x0403,
    RAW_ECDSA_SHA384 = 0x0503,
    RAW_RSA_SHA256 = 0x0401,
    RAW_CERTIFICATES_MAX = 8,
};

/* ServerKeyExchange, as far as it is a named curve (RFC 4492 5.4). */
struct raw_key_exchange {
    uint8_t curve_type;
    uint16_t group;
    const uint8_t *point;
    size_t point_len;
    size_t params_len; /* of what is signed, from the beginning of the message */
    uint16_t algorithm;
    const uint8_t *signature;
    size_t signature_len;
};

/* TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, and no extension. */
struct raw_hello raw_hello_bare_ecdsa(void);
/* The same with secp256r1, uncompressed points and ECDSA with SHA-256, as RFC 7925 4.4 and 5 want a client.
 */
struct raw_hello raw_hello_ecdsa(void);
void raw_hello_add_u16_list(struct raw_hello *hello, uint16_t extension, uint16_t value);

struct raw_key_exchange raw_read_key_exchange(const struct raw_client *c);
/* The i-th certificate of the server's chain; false: there are no more. */
bool raw_read_certificate(const struct raw_client *c, size_t index, struct certificate *out);
/* Is the server's key exchange signed by the key of its first certificate? */
bool raw_is_key_exchange_signed(const struct raw_client *c);

void raw_send_certificates(struct raw_client *c, const struct certificate *chain, size_t count);
/* Sends an ephemeral key and derives master secret and keys. */
void raw_send_ecdhe(struct raw_client *c);
/* CertificateVerify over the transcript with `pair`. */
void raw_send_certificate_verify(struct raw_client *c, const struct certificate_key_pair *pair);

#endif
