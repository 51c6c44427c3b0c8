/*
 * What the core needs of a DTLS library: one server handshake at a time behind a function table.
 *
 * The engine is fed one record per call and never sees a socket or a clock of its own. It neither decides who
 * may connect nor keeps anything of a session: it calls back for credentials, for the key block and to send.
 *
 * Everything of one handshake happens on one thread at a time: the hello of a stranger on the loop's, what
 * follows wherever handshake_work.h is run.
 */
#ifndef SSM_HANDSHAKE_H
#define SSM_HANDSHAKE_H

#include "endpoint.h"
#include "keyblock.h"

struct handshake; /* the engine's: one library context */

enum { HANDSHAKE_FINGERPRINT_LEN = 32 }; /* SHA-256 of a certificate in DER */

/* Traffic keys of a session, derived at ClientKeyExchange: before Finished is verified. */
struct handshake_keys {
    struct record_key client;
    struct record_key server;
};

/* What a peer's certificate says. It is proved to be the peer's only once the handshake is done. */
struct handshake_certificate {
    uint8_t fingerprint[HANDSHAKE_FINGERPRINT_LEN];
    const char *common_name; /* the only one of its subject, not terminated; NULL: none, or several */
    size_t common_name_len;
    bool is_trusted; /* it chains to the configured CA; otherwise it counts only if it is known itself */
};

/* How the engine reaches its owner. `owner` is what create() was given. */
struct handshake_callbacks {
    /* One flight or part of one, whole records. */
    void (*send)(void *owner, const uint8_t *records, size_t len);
    /* The server name of a ClientHello with a valid cookie (RFC 6066 3). Called before HANDSHAKE_ADMITTED is
     * returned; the owner, which then knows the name, ends the handshake if it will not have it. */
    void (*name)(void *owner, const char *name, size_t len);
    /* The PSK of an identity; false: unknown (alert decrypt_error, RFC 7925 6). psk has room for
     * SUBSCRIBER_PSK_MAX. */
    bool (*psk)(void *owner, const uint8_t *identity, size_t identity_len, uint8_t *psk, size_t *psk_len);
    /* May this certificate go on? false: alert unknown_ca. Validity, usage, curve and signatures are the
     * engine's to check. */
    bool (*certificate)(void *owner, const struct handshake_certificate *certificate);
    /* The key block; the engine wipes its own copies of it, of master secret and of randoms. */
    void (*keys)(void *owner, const struct handshake_keys *keys);
};

enum handshake_result {
    HANDSHAKE_CONTINUE,
    HANDSHAKE_COOKIE_ASKED, /* HelloVerifyRequest or a stateless refusal sent; the context is as new */
    HANDSHAKE_ADMITTED,     /* the cookie is valid and suite and name are chosen; feeding no record goes on */
    HANDSHAKE_DONE,         /* the peer's Finished is verified, our last flight given to send() */
    HANDSHAKE_FAILED,       /* an alert has been sent where RFC 5246 7.2.2 asks for one */
};

/* Why a handshake failed, as far as the log can help. */
enum handshake_fault {
    HANDSHAKE_FAULT_OTHER, /* no common suite or version, malformed, a bad Finished */
    HANDSHAKE_FAULT_NO_CERTIFICATE,
    HANDSHAKE_FAULT_CERTIFICATE_EXPIRED, /* or not valid yet */
    HANDSHAKE_FAULT_CERTIFICATE_FOREIGN, /* neither known nor of a trusted CA */
    HANDSHAKE_FAULT_CERTIFICATE_UNFIT,   /* usage, curve, key size, signature, form */
    HANDSHAKE_FAULTS
};

struct handshake_engine {
    void *ctx;
    /* A context that knows nothing of a peer. What is shared between two contexts of one lane is used by one
     * thread at a time, but for a handshake with a PSK, which computes with none of it; lanes are 0 to
     * lanes-1. NULL: no memory. */
    struct handshake *(*create)(void *ctx, uint8_t lane, const struct handshake_callbacks *callbacks,
                                void *owner);
    /* Feeds one whole record from `peer`, to whose address the cookie is bound; NULL: goes on after
     * HANDSHAKE_ADMITTED. Up to that result no public-key operation is done. */
    enum handshake_result (*feed)(struct handshake *h, const struct endpoint *peer, const uint8_t *record,
                                  size_t len, uint64_t now_ms);
    /* When on_timer is due; UINT64_MAX: never. */
    uint64_t (*deadline)(const struct handshake *h);
    enum handshake_result (*on_timer)(struct handshake *h, uint64_t now_ms);
    /* Of a handshake that has failed. */
    enum handshake_fault (*fault)(const struct handshake *h);
    /* Frees the context; everything secret in it is wiped. On whatever thread it was fed last. */
    void (*destroy)(struct handshake *h);
};

#endif
