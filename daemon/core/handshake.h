/*
 * What the core needs of a DTLS library: one handshake at a time, as server or as client, behind a function
 * table.
 *
 * The engine is fed one record per call and never sees a socket or a clock of its own. It neither decides who
 * may connect nor keeps anything of a session: it calls back for credentials, for the key block and to send.
 *
 * Everything of one handshake happens on one thread at a time: cookies and the hello on the loop's, what
 * follows wherever handshake_work.h is run.
 */
#ifndef SSM_HANDSHAKE_H
#define SSM_HANDSHAKE_H

#include "endpoint.h"
#include "keyblock.h"

struct handshake; /* the engine's: one library context */

enum {
    HANDSHAKE_FINGERPRINT_LEN = 32, /* SHA-256 of a certificate in DER */
    HANDSHAKE_COOKIE_LEN = 32,
    HANDSHAKE_SESSION_ID_LEN = 32, /* RFC 5246 7.4.1.2: at most; the engine's own are as long */
    HANDSHAKE_SESSION_MAX = 2048,  /* a session with a longer certificate of the peer is not kept */
};

/* Traffic keys of a session, derived at ClientKeyExchange or, when it is resumed, at ServerHello: before
 * Finished is verified. */
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

/* What a session is resumed with (RFC 5246 7.3). Secret: whoever holds it wipes it. */
struct handshake_session {
    uint8_t id[HANDSHAKE_SESSION_ID_LEN];
    uint16_t len;                         /* 0: there is none */
    uint8_t bytes[HANDSHAKE_SESSION_MAX]; /* in the engine's form, the master secret among them */
};

/* A server, and what is proved to it. Texts are PEM, terminated. */
struct handshake_destination {
    const char *name;     /* by which it is known, terminated; NULL: it is known by its address */
    struct endpoint peer; /* its address */
    const uint8_t *identity;
    size_t identity_len;
    const uint8_t *psk;
    size_t psk_len;      /* 0: certificates on both sides */
    const char *anchors; /* the CAs by which it is known */
    const char *chain;   /* our certificate; "": the one that servers of this lane have */
    const char *key;
};

/* How the engine reaches its owner. `owner` is what create() was given. A client calls for nothing but send
 * and keys. */
struct handshake_callbacks {
    /* One flight or part of one, whole records. */
    void (*send)(void *owner, const uint8_t *records, size_t len);
    /* The server name of the ClientHello (RFC 6066 3). Called before HANDSHAKE_ADMITTED is returned; the
     * owner, which then knows the name, ends the handshake if it will not have it. */
    void (*name)(void *owner, const char *name, size_t len);
    /* The PSK of an identity; false: unknown (alert decrypt_error, RFC 7925 6). psk has room for
     * SUBSCRIBER_PSK_MAX. */
    bool (*psk)(void *owner, const uint8_t *identity, size_t identity_len, uint8_t *psk, size_t *psk_len);
    /* May this certificate go on? false: alert unknown_ca. Validity, usage, curve and signatures are the
     * engine's to check. */
    bool (*certificate)(void *owner, const struct handshake_certificate *certificate);
    /* The key block; the engine wipes its own copies of it, of master secret and of randoms. */
    void (*keys)(void *owner, const struct handshake_keys *keys);
    /* A server's full handshake is done: where to put what its session is resumed with; NULL: nowhere. NULL
     * itself for an owner that keeps none. */
    struct handshake_session *(*session)(void *owner);
};

enum handshake_result {
    HANDSHAKE_CONTINUE,
    HANDSHAKE_ADMITTED, /* suite and name are chosen; feeding no record goes on */
    HANDSHAKE_RESUMED,  /* the same, and an abbreviated handshake it will be */
    HANDSHAKE_DONE,     /* the peer's Finished is verified, our last flight given to send() */
    HANDSHAKE_FAILED,   /* an alert has been sent where RFC 5246 7.2.2 asks for one */
};

/* Why a handshake failed, as far as the log can help. */
enum handshake_fault {
    HANDSHAKE_FAULT_OTHER, /* no common suite or version, malformed, a bad Finished */
    HANDSHAKE_FAULT_NO_CERTIFICATE,
    HANDSHAKE_FAULT_CERTIFICATE_EXPIRED, /* or not valid yet */
    HANDSHAKE_FAULT_CERTIFICATE_FOREIGN, /* neither known nor of a trusted CA */
    HANDSHAKE_FAULT_CERTIFICATE_UNFIT,   /* usage, curve, key size, signature, form */
    /* of a client alone */
    HANDSHAKE_FAULT_CERTIFICATE_NAME,        /* it is for another name or address */
    HANDSHAKE_FAULT_CERTIFICATE_SELF_SIGNED, /* and not itself one of the CAs */
    HANDSHAKE_FAULT_KEY,                     /* the server's alert says that it has another PSK */
    HANDSHAKE_FAULT_UNSUITED,                /* or that it speaks another version, or no suite of ours */
    HANDSHAKE_FAULT_REFUSED,                 /* the server has sent another alert */
    HANDSHAKE_FAULT_TIMEOUT,
    HANDSHAKE_FAULTS
};

struct handshake_engine {
    void *ctx;
    /* The cookie of a peer, bound to its address and port (RFC 6347 4.2.1). SSM_IO: the library has failed.
     */
    SSM_MUST_CHECK enum status (*write_cookie)(void *ctx, const struct endpoint *peer,
                                               uint8_t cookie[HANDSHAKE_COOKIE_LEN]);
    /* Is it that peer's, and not too old? */
    bool (*check_cookie)(void *ctx, const struct endpoint *peer, const uint8_t *cookie, size_t len);
    /* A context that knows nothing of a peer. What is shared between two contexts of one lane is used by one
     * thread at a time, but for a handshake with a PSK or of a session that is resumed, which computes with
     * none of it; lanes are 0 to lanes-1. NULL: no memory. */
    struct handshake *(*create)(void *ctx, uint8_t lane, const struct handshake_callbacks *callbacks,
                                void *owner);
    /* One in the client's role; it needs `to` during the call alone, and sends its ClientHello when it is fed
     * NULL for the first time. NULL: no memory, or a text that does not parse. */
    struct handshake *(*create_client)(void *ctx, uint8_t lane, const struct handshake_destination *to,
                                       const struct handshake_callbacks *callbacks, void *owner);
    /* Feeds one whole record, to a server first a ClientHello whose cookie has been checked; NULL: goes on
     * after HANDSHAKE_ADMITTED. Up to that result no public-key operation is done. */
    enum handshake_result (*feed)(struct handshake *h, const uint8_t *record, size_t len, uint64_t now_ms);
    /* After HANDSHAKE_ADMITTED: this is the session that the peer asks to resume. HANDSHAKE_RESUMED: the keys
     * have been given, and no public-key operation follows. HANDSHAKE_ADMITTED: it does not suit (another
     * suite, or the peer's certificate has expired since), so the handshake stays a full one. */
    enum handshake_result (*resume)(struct handshake *h, const struct handshake_session *session,
                                    uint64_t now_ms);
    /* When on_timer is due; UINT64_MAX: never. */
    uint64_t (*deadline)(const struct handshake *h);
    enum handshake_result (*on_timer)(struct handshake *h, uint64_t now_ms);
    /* Of a handshake that has failed. */
    enum handshake_fault (*fault)(const struct handshake *h);
    /* Frees the context; everything secret in it is wiped. On whatever thread it was fed last. */
    void (*destroy)(struct handshake *h);
};

#endif
