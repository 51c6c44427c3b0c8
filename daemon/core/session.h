/*
 * The session table and its one transition table.
 *
 * Owned by the relay. A session is found by its peer's 5-tuple (local and remote address and port) and by
 * (node, handle). A 5-tuple has at most two: a settled one (ACTIVE or CLOSING) and, beside it, a successor in
 * negotiation (HANDSHAKING or KEYING). Nothing here sends, stores or logs.
 */
#ifndef SSM_SESSION_H
#define SSM_SESSION_H

#include "budget.h"
#include "slots.h"
#include "store.h"
#include "tombstone.h"

enum session_state {
    SESSION_NEW,         /* a free slot, or one being filled */
    SESSION_HANDSHAKING, /* `keys` is in the handshake with the peer */
    SESSION_KEYING,      /* the key block is on its way to the node, a flight is withheld if it is ours */
    SESSION_ACTIVE,      /* the node has the keys, the row is durable */
    SESSION_CLOSING,     /* over; its tombstone answers the peer for a while */
    SESSION_STATES
};

enum session_event {
    SESSION_OPEN,        /* the first datagram of a handshake with a valid cookie */
    SESSION_RESTORE,     /* read back from a durable row */
    SESSION_PREPARE,     /* key block, tombstone and last flight are here */
    SESSION_COMMIT,      /* acknowledged and durable */
    SESSION_ABORT,       /* the handshake or the hand-over failed */
    SESSION_CLOSE,       /* ended by the gateway: the peer has to be told */
    SESSION_NODE_CLOSED, /* ended, and the peer need not be told: it ended the session, or began another in
                            its place */
    SESSION_EXPIRE,      /* the tombstone has served */
    SESSION_EVENTS
};

struct session {
    /* What look-ups compare, side by side: little memory to wait for. */
    struct endpoint peer;
    struct endpoint local;
    uint32_t node;    /* 0: not known yet */
    uint16_t handle;  /* 0: none yet */
    uint8_t state;    /* enum session_state; written by session_event() alone */
    bool is_used;     /* a record has been relayed in either direction */
    uint32_t last_s;  /* ACTIVE: its last record; CLOSING: its last tombstone */
    uint32_t to_node; /* records relayed */
    uint32_t from_node;
    struct replay tags;  /* relay tags accepted */
    uint16_t flight;     /* number in the pool of withheld flights; 0: none */
    uint32_t subscriber; /* outbound: the destination */
    uint32_t since_s; /* monotonic: when it was opened, became ACTIVE or CLOSING; may lie before the start of
                         this process */
    struct budget budget;                 /* of records towards the node */
    bool is_throttled : 1;                /* its node has reported that its records do not authenticate */
    bool is_outbound : 1;                 /* the peer is a server, the node its client */
    uint8_t slot;                         /* at the node */
    uint8_t sealed[TOMBSTONE_SEALED_LEN]; /* the end of its tombstone; see session_keep_tombstone */
};

struct session_table {
    struct session *all; /* numbers 1 to slots.high */
    struct slots slots;
    struct slot_index by_peer;
    struct slot_index by_handle;
    uint64_t hash_seed;
};

/* All that a session at rest costs: itself, its number in the stack of free ones, its part of two indexes. */
_Static_assert(sizeof(struct session) + SLOTS_BYTES_EACH + 2 * SLOT_INDEX_BYTES_EACH <= 128,
               "an idle session is at most 128 bytes");

/* The state that `event` leads to; SESSION_STATES: it cannot happen in this state. */
enum session_state session_transition(enum session_state state, enum session_event event);
/* "ACTIVE"; "?" for what does not exist. */
const char *session_state_name(enum session_state state);
/* SSM_REFUSED, changing nothing: the event cannot happen in this state. */
SSM_MUST_CHECK enum status session_event(struct session *s, enum session_event event);

void session_table_init(struct session_table *t, struct arena *a, uint32_t cap, uint64_t hash_seed);
/* A session in state NEW, found by its 5-tuple from now on. NULL: the table is full. */
struct session *session_add(struct session_table *t, const struct endpoint *local,
                            const struct endpoint *peer);
/* Gives a session, which had none, its node and handle, by which it is found from now on. */
void session_set_handle(struct session_table *t, struct session *s, uint32_t node, uint16_t handle);
/* Keeps what is the session's own of its tombstone, and gives the whole record back. */
void session_keep_tombstone(struct session *s, const uint8_t record[TOMBSTONE_LEN]);
void session_put_tombstone(const struct session *s, uint8_t record[TOMBSTONE_LEN]);
/* Frees a session that an event has brought back to state NEW; nothing of it stays in memory. */
void session_remove(struct session_table *t, struct session *s);

/* What lives on one 5-tuple; either may be NULL. */
struct session_pair {
    struct session *settled; /* ACTIVE or CLOSING */
    struct session *opening; /* HANDSHAKING or KEYING */
};

struct session_pair session_find_by_peer(const struct session_table *t, const struct endpoint *local,
                                         const struct endpoint *peer);
/* KEYING or ACTIVE: a session in state CLOSING has no handle any more. NULL: none. */
struct session *session_find_by_handle(const struct session_table *t, uint32_t node, uint16_t handle);
/* The hashes of both indexes, for whoever fetches ahead. */
uint64_t session_hash_of_peer(const struct session_table *t, const struct endpoint *local,
                              const struct endpoint *peer);
uint64_t session_hash_of_handle(const struct session_table *t, uint32_t node, uint16_t handle);
/* Begins to fetch a session by number; 0: none. */
void session_prefetch(const struct session_table *t, uint32_t number);
/* By number, 1 to t->slots.high; NULL: that slot is free. */
struct session *session_at(const struct session_table *t, uint32_t number);
uint32_t session_number(const struct session_table *t, const struct session *s);

#endif
