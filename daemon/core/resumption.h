/*
 * The sessions that returning peers may resume by their ID (RFC 5246 7.3): a table of fixed size.
 *
 * Owned by the delegator, on whose thread alone it is used. Each entry holds a master secret, in memory that
 * `keys` locks and never dumps; what is not wanted any more is wiped at once. Knows nothing of who may visit
 * what, and never prolongs an entry's life.
 */
#ifndef SSM_RESUMPTION_H
#define SSM_RESUMPTION_H

#include "handshake_work.h"

struct resumption_entry {
    uint64_t until_ms; /* 0: free */
    struct handshake_session session;
    struct handshake_claim claim;  /* who the peer is, proved by the full handshake */
    char name[HANDSHAKE_NAME_MAX]; /* the server name that it asked for */
    size_t name_len;
    uint32_t node;
    uint16_t handle; /* of the session that it was last handed over as */
};

struct resumption {
    struct resumption_entry *all; /* the delegator's */
    uint32_t cap;                 /* 0: there is no resumption */
    uint32_t count;
    uint64_t next_ms; /* when the first expires; 0: unknown */
};

/* The entry of a session ID that has not expired at that time; NULL: there is none. */
struct resumption_entry *resumption_find(const struct resumption *r, const uint8_t *id, size_t id_len,
                                         uint64_t now_ms);
/* Keeps a session until then; the rest of its entry is the caller's to fill in. When the table is full, the
 * one that expires first gives way. */
struct resumption_entry *resumption_add(struct resumption *r, const struct handshake_session *session,
                                        uint64_t until_ms);
/* Wipes one. */
void resumption_forget(struct resumption *r, struct resumption_entry *entry);

/* Wipes those of a node (0: any), subscriber (0: any) and session (0: any). */
void resumption_forget_all(struct resumption *r, uint32_t node, uint32_t subscriber, uint16_t handle);
/* Wipes what has expired. Returns when to call again, UINT64_MAX: no need. */
uint64_t resumption_tick(struct resumption *r, uint64_t now_ms);

#endif
