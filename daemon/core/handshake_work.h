/*
 * One handshake's turn: everything of a handshake that may run on a worker thread.
 *
 * While a turn runs, its struct belongs to whoever runs it; otherwise to the delegation that it is part of. A
 * turn touches nothing else but the engine's context and the look-ups of the store that any thread may make.
 * Never lets a record of epoch 1 reach the library that does not authenticate, and never seals one itself.
 */
#ifndef SSM_HANDSHAKE_WORK_H
#define SSM_HANDSHAKE_WORK_H

#include "delegation_env.h"

enum {
    HANDSHAKE_INBOX_MAX = 8192,  /* bytes of records that wait for a turn */
    HANDSHAKE_OUTBOX_MAX = 8192, /* bytes that a turn sends, with two bytes of length each */
    HANDSHAKE_NAME_MAX = 64,
    HANDSHAKE_FLIGHT_MAX = 256,  /* ChangeCipherSpec and Finished: 67 bytes with CCM-8 */
    HANDSHAKE_FINISHED_MAX = 64, /* a protected Finished: 53 bytes */
};

/* Who the peer says it is; proved once the handshake is done. */
struct handshake_claim {
    enum { CLAIM_NONE, CLAIM_UNKNOWN, CLAIM_KNOWN } kind;
    uint32_t subscriber;        /* CLAIM_KNOWN */
    bool is_certificate;        /* shown as a certificate, not named with a PSK */
    struct assoc_name identity; /* for the log; "" where the peer gave none that is a name */
};

/* Too large to be wiped with each handshake, and never secret. */
struct handshake_buffers {
    uint8_t waiting[HANDSHAKE_INBOX_MAX]; /* the owner's, while a turn runs */
    uint8_t inbox[HANDSHAKE_INBOX_MAX];
    uint8_t outbox[HANDSHAKE_OUTBOX_MAX];
};

struct handshake_work {
    void *owner; /* the delegation */
    const struct delegation_env *env;
    struct handshake *library;
    struct handshake_buffers *buffers; /* the owner's */
    uint8_t lane;
    bool is_client;  /* the peer is the server */
    bool is_resumed; /* the peer's Finished is the last: nothing is withheld */
    uint64_t now_ms;

    size_t inbox_len;  /* whole records, back to back */
    size_t outbox_len; /* chunks as they are to be sent, each behind its length in two bytes */

    enum handshake_result result;
    enum handshake_fault fault;
    uint64_t wake_ms; /* a turn is due even without a record; UINT64_MAX: never */
    bool is_begun;    /* the first turn after HANDSHAKE_ADMITTED has been */

    char name[HANDSHAKE_NAME_MAX]; /* the server name that the peer asks for */
    size_t name_len;               /* 0: none; above HANDSHAKE_NAME_MAX: one that is too long to be kept */
    struct handshake_claim claim;
    struct handshake_keys keys; /* wiped as soon as they are sealed for the node */
    bool has_keys;
    struct handshake_session *session; /* the owner's: where the session goes; NULL: it is not kept */

    uint8_t flight[HANDSHAKE_FLIGHT_MAX]; /* a server's last one, withheld, unless it resumes a session */
    size_t flight_len;
    struct seq48 next_plain_seq; /* above all epoch-0 records that left */
    bool is_overrun;             /* a sequence number or the flight went beyond what the gateway owns */

    uint8_t early[HANDSHAKE_FINISHED_MAX]; /* the last protected record that came too early */
    size_t early_len;
    bool is_cipher_changed;                 /* the peer's ChangeCipherSpec has been fed */
    uint8_t forged[HANDSHAKE_FINISHED_MAX]; /* the last record that did not authenticate */
    size_t forged_len;
    uint64_t forged_ms;    /* when it is fed all the same */
    bool is_key_wrong;     /* it failed as the honest Finished of a peer with another key does */
    uint32_t forged_count; /* since the owner cleared it */
};

/* The header of one record in clear. */
struct handshake_record {
    uint8_t type;
    uint16_t epoch;
    struct seq48 seq;
    const uint8_t *body;
    size_t body_len;
    size_t len; /* with its header */
};

/* Takes the next record; the reader's status. */
SSM_MUST_CHECK enum status handshake_record_read(struct reader *r, struct handshake_record *out);

/* A handshake message, or a part of it (RFC 6347 4.2.2). */
struct handshake_fragment {
    uint8_t type;
    uint32_t message_len;
    uint16_t message_seq;
    uint32_t offset;
    uint32_t len; /* of the part */
};

/* Reads the header alone; the reader's status. */
SSM_MUST_CHECK enum status handshake_fragment_read(struct reader *r, struct handshake_fragment *out);

/* For contexts whose owner is a struct handshake_work. */
extern const struct handshake_callbacks handshake_work_callbacks;

/* Feeds the inbox and does what is due at w->now_ms. Any thread. */
void handshake_work_run(struct handshake_work *w);

#endif
