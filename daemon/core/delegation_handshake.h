/*
 * The handshakes in flight: one DTLS server handshake on a node's behalf, from the stranger's ClientHello to
 * the verified Finished, with the last flight held back.
 *
 * Owns the pool of delegations and their library contexts. What follows on Finished is
 * delegation_handover.h's. Never lets a record of epoch 1 reach the library that does not authenticate, and
 * never seals one itself.
 */
#ifndef SSM_DELEGATION_HANDSHAKE_H
#define SSM_DELEGATION_HANDSHAKE_H

#include "nodes.h"

enum delegation_state {
    DELEGATION_FREE,
    DELEGATION_SPARE, /* answers strangers, until one returns a valid cookie */
    DELEGATION_HANDSHAKE,
    DELEGATION_FINISHED,   /* the peer has proved its key; the library context is gone */
    DELEGATION_QUEUED,     /* waits until its node is free for a key block */
    DELEGATION_HANDOVER,   /* key block sealed and with relay; our copy is wiped */
    DELEGATION_COMMITTING, /* the node has acknowledged; relay makes the row durable */
};

enum {
    DELEGATION_RANDOM_LEN = 32,
    DELEGATION_FLIGHT_MAX = 256,  /* ChangeCipherSpec and Finished: 67 bytes with CCM-8 */
    DELEGATION_FINISHED_MAX = 64, /* a protected Finished: 53 bytes */
};

struct delegation {
    struct delegations *all;
    enum delegation_state state;
    uint32_t connection;
    uint32_t port_node; /* whose port the peer used; 0: the shared one */
    uint32_t node;      /* whose session it will be; 0 until access is decided */
    struct endpoint peer;
    struct endpoint local;
    uint8_t client_random[DELEGATION_RANDOM_LEN];
    struct handshake *library;
    uint64_t deadline_ms; /* of the handshake, then of the hand-over */

    uint32_t subscriber; /* 0: none named yet */
    struct assoc_name identity;
    struct handshake_keys keys; /* wiped as soon as they are sealed for the node */
    bool has_keys;

    uint8_t flight[DELEGATION_FLIGHT_MAX]; /* the last one, withheld */
    size_t flight_len;
    struct seq48 next_plain_seq; /* above all epoch-0 records that left */
    bool is_cookie_sent;         /* in the present feed */
    bool is_overrun;             /* a sequence number or the flight went beyond what the gateway owns */
    bool is_identity_unknown;

    bool is_cipher_changed;                  /* the peer's ChangeCipherSpec has been fed */
    uint8_t forged[DELEGATION_FINISHED_MAX]; /* the last record that did not authenticate */
    size_t forged_len;
    uint64_t forged_ms; /* when it is fed all the same */

    uint32_t turn; /* order in the node's queue */
    uint16_t handle;
    uint8_t slot;
};

struct delegations {
    struct delegation_env *env;
    struct nodes *nodes;
    struct delegation *pool; /* env->config.max_handshakes, the delegator's */
    uint32_t last_connection;
    uint32_t last_turn;
};

enum alert { /* RFC 5246 7.2 */
             ALERT_NONE = 0xFF,
             ALERT_ACCESS_DENIED = 49,
             ALERT_INTERNAL_ERROR = 80,
};

/* How a delegation ends. */
struct delegation_failure {
    enum delegator_counter counter;
    enum alert alert; /* sent in epoch 0, in plaintext: nothing more is ever sealed in epoch 1 */
    enum close_reason reason;
    const char *event; /* for the log */
};

struct delegation *delegations_find(const struct delegations *all, uint32_t connection);
/* Feeds one record of a peer. Returns the delegation that is DELEGATION_FINISHED by it, or NULL. */
struct delegation *delegations_on_record(struct delegations *all, const struct message *m, uint64_t now_ms);
/* Time-outs, retransmissions and records held back. Returns when to call again, UINT64_MAX: no need. */
uint64_t delegation_handshake_tick(struct delegation *d, uint64_t now_ms);

/* Alerts the peer, tells relay that nothing of it stays, counts, logs and frees. */
void delegation_fail(struct delegation *d, const struct delegation_failure *failure);
/* Ends it without a word to the peer. */
void delegation_drop(struct delegation *d, enum close_reason reason);
/* Wipes and frees the entry, with its library context and its node's exchange. */
void delegation_free(struct delegation *d);

#endif
