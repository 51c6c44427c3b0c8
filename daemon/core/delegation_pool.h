/*
 * The delegations in flight: a pool of fixed size, and who is served and who gives way when it is contended.
 *
 * Peers are told apart by prefix (IPv4 /24, IPv6 /56), so that whoever owns many addresses gets no more than
 * whoever owns one. Decides nothing about a handshake itself (delegation_handshake.h, delegation_handover.h).
 */
#ifndef SSM_DELEGATION_POOL_H
#define SSM_DELEGATION_POOL_H

#include "client_hello.h"
#include "nodes.h"
#include "resumption.h"

enum delegation_state {
    DELEGATION_FREE,
    DELEGATION_ARRIVING, /* its ClientHello is being read */
    DELEGATION_ENDING,   /* has failed while a turn of it runs; nothing finds it any more */
    DELEGATION_HANDSHAKE,
    DELEGATION_FINISHED,   /* the peer has proved its key; the library context is gone */
    DELEGATION_QUEUED,     /* waits until its node is free for a key block */
    DELEGATION_HANDOVER,   /* key block sealed and with relay; our copy is wiped */
    DELEGATION_COMMITTING, /* the node has acknowledged; relay makes the row durable */
};

enum {
    DELEGATION_LANES_MAX = 64,                   /* of the executor */
    DELEGATION_LOOP_LANE = DELEGATION_LANES_MAX, /* turns inside the caller */
    DELEGATION_BUCKETS = 1024, /* prefixes are told apart by a keyed hash: two may share one */
};

enum alert { /* RFC 5246 7.2, RFC 6066 9 */
             ALERT_NONE = 0xFF,
             ALERT_HANDSHAKE_FAILURE = 40,
             ALERT_ACCESS_DENIED = 49,
             ALERT_INTERNAL_ERROR = 80,
             ALERT_UNRECOGNIZED_NAME = 112,
};

/* How a delegation ends. */
struct delegation_failure {
    enum delegator_counter counter;
    enum alert alert; /* sent in epoch 0, in plaintext: nothing more is ever sealed in epoch 1 */
    enum close_reason reason;
    const char *event; /* for the log; NULL: it is neither logged nor counted */
};

struct delegation {
    struct delegations *all;
    enum delegation_state state;
    uint32_t connection;
    uint32_t port_node;  /* whose port the peer used; 0: the shared one */
    uint32_t named_node; /* whom the peer has asked for by server name; 0: nobody */
    uint32_t node;       /* whose session it will be; 0 until access is decided */
    bool is_outbound;    /* the peer is a server, the gateway its client on the node's behalf */
    uint16_t attempt;    /* outbound: the node's number of it */
    struct endpoint peer;
    struct endpoint local;
    uint8_t client_random[CLIENT_HELLO_RANDOM_LEN];
    uint64_t deadline_ms; /* of the handshake, then of the hand-over */

    uint8_t lane;    /* that its turns run in: its context's, or the loop's, as turns without public-key work
                        cost less    than to hand them over */
    uint16_t bucket; /* of the peer's prefix */
    uint32_t order;  /* in which handshakes were admitted, then in which they queue at their node */
    bool is_due;     /* waits for a turn */
    bool is_busy;    /* a turn runs: `work` belongs to whoever runs it */
    size_t waiting_len; /* of the records that wait for the next turn, in work.buffers->waiting */
    struct delegation_failure ending; /* DELEGATION_ENDING */
    struct handshake_work work;

    uint32_t subscriber;        /* 0: none named yet. Outbound: the destination */
    bool is_certified;          /* the peer has shown a certificate */
    struct assoc_name identity; /* outbound: of the server, as far as it is short enough */
    uint16_t handle;
    uint8_t slot;

    uint64_t resumable_until_ms;                  /* of a full handshake that is done */
    uint8_t session_id[HANDSHAKE_SESSION_ID_LEN]; /* of the session that is resumed */
    uint16_t handle_before;                       /* that it had when the peer came back */
    uint32_t trust;                               /* all->trust, when the peer came */
};

struct delegations {
    struct delegation_env *env;
    struct nodes *nodes;
    struct delegation *pool;            /* env->config.max_handshakes, the delegator's */
    struct handshake_buffers *buffers;  /* as many, the delegator's */
    struct handshake_session *sessions; /* as many, the delegator's; NULL: none is kept */
    struct resumption resumption;
    uint32_t trust;     /* how often the CAs that are trusted have changed */
    uint64_t hash_seed; /* random: nobody outside can aim at a bucket */
    uint32_t count;     /* of those that are not free */
    uint32_t end;       /* of the pool: from here on all are free, and need not be looked at */
    uint32_t last_connection;
    uint32_t last_order;
    uint32_t turns[DELEGATION_LANES_MAX + 1]; /* that run in each lane */
    uint32_t served[DELEGATION_BUCKETS];      /* when each bucket had its last turn, in turns */
    uint32_t last_turn;
    uint8_t last_lane;
    bool is_turn_due; /* some delegation waits for one */
    bool is_finished; /* some delegation is DELEGATION_FINISHED */
};

/* A free one, DELEGATION_ARRIVING from now on; NULL: there is none. */
struct delegation *delegations_take(struct delegations *all);
/* NULL: none is in flight under this number. */
struct delegation *delegations_find(const struct delegations *all, uint32_t connection);
/* One that is not yet as good as a session: a ClientHello starts another handshake beside that (RFC 6347
 * 4.2.8). */
struct delegation *delegations_find_by_endpoints(const struct delegations *all, const struct endpoint *peer,
                                                 const struct endpoint *local);
struct delegation *delegations_find_in_state(const struct delegations *all, enum delegation_state state);
/* A connection number that is not in use. */
uint32_t delegations_take_connection(struct delegations *all);
/* A lane of the executor's for a new one, each in its turn. */
uint8_t delegations_take_lane(struct delegations *all);
uint16_t delegations_bucket_of(const struct delegations *all, const struct endpoint *peer);

/* Whose turn it is in a lane: of those who wait, one whose prefix has waited longest, and of those the first.
 * NULL: nobody waits. */
struct delegation *delegations_choose_turn(const struct delegations *all, uint8_t lane);
/* Who gives way when the pool is full: of the prefix with the most handshakes, the oldest that no turn of
 * which runs, but never the newcomer. NULL: nobody can. */
struct delegation *delegations_choose_victim(const struct delegations *all,
                                             const struct delegation *newcomer);

/* Does the peer's Finished, not ours, end the handshake? Then the peer believes in its session before the
 * node has the keys, and no flight is withheld. */
bool delegation_ends_with_peer(const struct delegation *d);
/* What the gateway, and then the node, seals with. */
const struct record_key *delegation_own_key(const struct delegation *d);
/* For a peer that may not connect. RFC 7925 6: access_denied and the other alerts about certificates "MUST
 * NOT be used with PSK". */
enum alert delegation_refusal(const struct delegation *d);

/* Wipes what the delegation's session would be resumed with. */
void delegation_forget_session(struct delegation *d);
/* Wipes and frees the entry, with its library context and its node's exchange. No turn of it may run. */
void delegation_free(struct delegation *d);
/* The same once the executor has ended, whose last turns have no outcome. */
void delegation_abandon(struct delegation *d);

#endif
