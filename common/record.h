/*
 * The DTLS 1.2 record layer (RFC 6347 4.1) with AES_128_CCM_8 (RFC 6655): peek, open and seal, in place.
 *
 * Owns no keys and no counters: who calls decides on sequence numbers and keeps the replay window.
 */
#ifndef SSM_RECORD_H
#define SSM_RECORD_H

#include "bytes.h"

enum record_type { /* RFC 5246 6.2.1, RFC 6520 */
                   RECORD_CHANGE_CIPHER_SPEC = 20,
                   RECORD_ALERT = 21,
                   RECORD_HANDSHAKE = 22,
                   RECORD_APPLICATION_DATA = 23,
                   RECORD_HEARTBEAT = 24,
};

enum {
    RECORD_VERSION_DTLS12 = 0xFEFD,
    RECORD_VERSION_DTLS10 = 0xFEFF,
    RECORD_HEADER_LEN = 13,
    RECORD_EXPLICIT_LEN = 8, /* explicit part of the nonce, first in the fragment (RFC 6655 3) */
    RECORD_TAG_LEN = 8,
    RECORD_KEY_LEN = 16,
    RECORD_IV_LEN = 4, /* implicit part of the nonce, from the key block */
    RECORD_SEALED_HEADER_LEN = RECORD_HEADER_LEN + RECORD_EXPLICIT_LEN,
    RECORD_LEN_MAX = 16384 + 256,
};

/* RECORD_VERSION_DTLS12 as bytes, for initialisers of struct record. */
#define RECORD_VERSION_DTLS12_BYTES {0xFE, 0xFD}

/*
 * One record in a buffer of the caller's. The bytes up to plaintext_len stand as they are authenticated (RFC
 * 5246 6.2.3.3), and the first eight, epoch || seq, are what most explicit nonces are made of.
 */
struct record {
    uint8_t epoch[2];
    struct seq48 seq;
    uint8_t type;
    uint8_t version[2];
    uint8_t plaintext_len[2];                    /* set by record_seal and record_open */
    uint8_t explicit_nonce[RECORD_EXPLICIT_LEN]; /* as on the wire; zero in epoch 0 */
    uint8_t *body;     /* epoch 0: the plaintext fragment; otherwise what follows the explicit nonce */
    uint16_t body_len; /* sealed: ciphertext and tag */
};

/* One direction's protection: from the key block of RFC 5246 6.3. */
struct record_key {
    uint8_t key[RECORD_KEY_LEN];
    uint8_t iv[RECORD_IV_LEN];
};

/*
 * Reads the first record of a datagram without changing it; `*used` becomes the whole record's length in
 * bytes. SSM_TRUNCATED: ends inside the record. SSM_MALFORMED: an unknown major version, a fragment
 * longer than RECORD_LEN_MAX, or a protected one too short for its nonce and tag. Any content type is let
 * through: the caller decides.
 */
SSM_MUST_CHECK enum status record_peek(uint8_t *datagram, size_t len, struct record *out, size_t *used);

static inline uint16_t record_epoch(const struct record *r)
{
    return bytes_u16(r->epoch);
}

static inline uint16_t record_version(const struct record *r)
{
    return bytes_u16(r->version);
}

/* epoch || seq, eight bytes. */
static inline const uint8_t *record_number(const struct record *r)
{
    return (const uint8_t *)r;
}

/* Sets explicit_nonce to epoch || seq, the choice that costs nothing on the node's link. */
static inline void record_set_explicit_nonce(struct record *r)
{
    bytes_copy(r->explicit_nonce, record_number(r), RECORD_EXPLICIT_LEN);
}

/* Is the explicit nonce epoch || seq? */
static inline bool record_explicit_nonce_is_implied(const struct record *r)
{
    return bytes_equal(r->explicit_nonce, record_number(r), RECORD_EXPLICIT_LEN);
}

/*
 * Encrypts the body in place and appends the tag: body_len grows by RECORD_TAG_LEN, for which the buffer must
 * have room. type, epoch, seq and explicit_nonce must be set; version is set to DTLS 1.2.
 */
void record_seal(const struct record_key *key, struct record *r);
/*
 * Verifies and decrypts the body in place: body_len shrinks by RECORD_TAG_LEN. The nonce takes the explicit
 * bytes of the record, because some stacks do not send epoch || seq. SSM_BAD_TAG: the body is zeroed.
 */
SSM_MUST_CHECK enum status record_open(const struct record_key *key, struct record *r);

/*
 * Writes the DTLS header (13 bytes; 21 with the explicit nonce when epoch > 0) right in front of the body,
 * where the caller must have left RECORD_SEALED_HEADER_LEN bytes, and returns where it starts.
 */
uint8_t *record_put_header(const struct record *r);

#endif
