/*
 * The pool of last flights: what a session needs from its handshake's first datagram until the node's first
 * record, and not a moment longer. The withheld flight, which is also the cache for its replays; how often it
 * has been replayed; the peer's early records.
 *
 * Owned by the relay; a session names its flight by number. All of it is ciphertext.
 */
#ifndef SSM_FLIGHT_H
#define SSM_FLIGHT_H

#include "message.h"
#include "slots.h"

enum {
    FLIGHT_EARLY_RECORDS = 4,    /* type-23 records queued before the node's acknowledgement */
    FLIGHT_REPLAYS_MAX = 8,      /* of one last flight */
    FLIGHT_REPLAY_GAP_MS = 1000, /* between two replays */
    /* From the release, which answers what the peer has repeated meanwhile, to the first replay. Peers repeat
     * after a second (RFC 6347 4.2.4.1) that began with the hand-over: with a gap as long, the first
     * repetition of each that has lost its flight would come too early. */
    FLIGHT_RELEASE_GAP_MS = 500,
    /* RFC 6347 4.2.4: "for at least twice the default MSL defined for [TCP]", which is two minutes, whoever
     * sent the last flight "MUST respond to a retransmit of the peer's last flight with a retransmit of the
     * last flight". */
    FLIGHT_CACHE_MS = 4 * 60 * 1000,
};

struct flight {
    uint32_t connection; /* as `keys` names it; 0: forgotten, because the flight is released */
    uint32_t session;    /* number in the session table; 0: free */
    bool is_committed;   /* waits for the row to become durable */
    bool is_released;    /* the flight has left */
    bool
        ends_with_peer; /* the peer's Finished is the last, as a server's or a resuming client's: no flight */
    uint8_t replays;
    uint8_t early_count;
    uint16_t len;
    uint16_t first_len; /* of the node's first record, in bytes; only where there is no flight */
    uint16_t early_len[FLIGHT_EARLY_RECORDS];
    uint64_t released_ms;
    uint64_t sent_ms; /* the flight last left */
    uint8_t bytes[MESSAGE_FLIGHT_MAX];
};

struct flight_pool {
    struct flight *all; /* numbers 1 to slots.high */
    uint8_t *early;     /* FLIGHT_EARLY_RECORDS times early_cap for each */
    size_t early_cap;   /* bytes of the longest record that may be queued */
    struct slots slots;
    struct slot_index by_connection;
    uint64_t hash_seed;
};

/* cap < 65536. */
void flight_pool_init(struct flight_pool *p, struct arena *a, uint32_t cap, size_t early_cap,
                      uint64_t hash_seed);
/* NULL: the pool is full. */
struct flight *flight_add(struct flight_pool *p, uint32_t connection, uint32_t session);
void flight_remove(struct flight_pool *p, struct flight *f);
struct flight *flight_find_by_connection(const struct flight_pool *p, uint32_t connection);
/* The one whose flight was released the longest ago: the first to give up for a new one. NULL: none is
 * released. */
struct flight *flight_find_oldest_released(const struct flight_pool *p);
/* By number, 1 to p->slots.high; NULL: free. */
struct flight *flight_at(const struct flight_pool *p, uint32_t number);
uint16_t flight_number(const struct flight_pool *p, const struct flight *f);

/* Queues one whole record; false: the queue is full, or the record too long. */
bool flight_queue(const struct flight_pool *p, struct flight *f, const uint8_t *record, size_t len);
/* The i-th queued record, i < f->early_count. */
uint8_t *flight_early(const struct flight_pool *p, const struct flight *f, unsigned i);
/* Keeps the first record of a node that speaks before its row is durable; false: it is not the first, or
 * there is a flight. */
bool flight_keep_first(struct flight *f, const uint8_t *record, size_t len);
/* The flight is leaving for the first time: from now on it may be replayed, and the connection is forgotten.
 */
void flight_release(struct flight_pool *p, struct flight *f, uint64_t now_ms);
/* May the flight leave once more now? Counts it then. */
bool flight_take_replay(struct flight *f, uint64_t now_ms);
bool flight_is_over(const struct flight *f, uint64_t now_ms);

#endif
