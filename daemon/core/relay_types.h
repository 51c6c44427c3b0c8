/*
 * What the relay is given and what it counts: the part of relay.h that its modules share.
 */
#ifndef SSM_RELAY_TYPES_H
#define SSM_RELAY_TYPES_H

#include "linkframe.h"
#include "message.h"
#include "store.h"

/* Where the relay's output goes. The bytes are the caller's again when a function returns. The functions
 * queue or send; none may call the relay. */
struct relay_io {
    void *ctx;
    void (*to_peer)(void *ctx, const struct endpoint *local, const struct endpoint *peer,
                    const uint8_t *datagram, size_t len);
    void (*to_node)(void *ctx, const struct endpoint *node, const uint8_t *datagram, size_t len);
    void (*to_keys)(void *ctx, const struct message *m);
    /* A rate-limited line for the log: what happened, with whom. */
    void (*log)(void *ctx, const char *event, uint32_t node, const struct endpoint *peer);
};

struct relay_config {
    uint32_t max_sessions;
    uint32_t max_nodes;
    uint32_t max_handovers; /* hand-overs and cached last flights at one time */
    uint16_t link_mtu;      /* bytes of UDP payload on the node's link */
    uint32_t idle_timeout_s;
    uint32_t unused_timeout_s; /* a session with no record that long after its hand-over ends: 35, as the node
                                  gives up after 30 and says so */
    uint32_t evict_idle_s;     /* a session may be evicted for a new one after that long without a record */
    uint32_t link_retry_ms;    /* first repetition of a control datagram; doubles up to 4 s */
    uint32_t opening_timeout_s;  /* a handshake or hand-over that long without outcome ends: beyond all
                                    time-outs of `keys` */
    uint32_t node_records_per_s; /* from peers, on a node's link; half of them for one session. 0: no limit */
    uint64_t hash_seed;          /* random: nobody outside may aim at one chain of a table */
};

/*
 * What is counted: names in relay_counter_name, in MSG_STATUS in this order.
 *
 * Each record from a peer counts once as RELAY_TO_NODE, RELAY_HELLOS, RELAY_TO_KEYS, RELAY_DROP_PEER_* or
 * RELAY_DROP_EARLY, queued ones as soon as they leave the queue. Each datagram from the link counts once as
 * RELAY_FROM_NODE, RELAY_CONTROL_IN or RELAY_DROP_NODE_*.
 */
enum relay_counter {
    RELAY_TO_NODE, /* records relayed */
    RELAY_FROM_NODE,
    RELAY_SESSIONS, /* live now */
    RELAY_OPENING,  /* handshakes and hand-overs in flight now */
    RELAY_SESSIONS_OPENED,
    RELAY_SESSIONS_CLOSED,
    RELAY_SESSIONS_THROTTLED, /* after a node's report that their records do not authenticate */
    RELAY_FLIGHTS_REPLAYED,   /* cached last flights sent again */
    RELAY_TOMBSTONES_SENT,
    RELAY_HELLOS,              /* ClientHellos that may begin a handshake, handed to keys */
    RELAY_TO_KEYS,             /* other records of handshakes in flight, handed to keys */
    RELAY_CONTROL_IN,          /* association and control datagrams of nodes, handed to keys */
    RELAY_DROP_PEER_MALFORMED, /* not a DTLS record, or cut short */
    RELAY_DROP_PEER_UNKNOWN,   /* not a ClientHello, from a 5-tuple without live session or for a lost node */
    RELAY_DROP_PEER_TYPE,      /* content type, epoch or version that a live session does not pass on */
    RELAY_DROP_PEER_TOO_LONG,  /* would not fit one frame */
    RELAY_DROP_PEER_BUDGET,    /* beyond what the session or its node may get in a second */
    RELAY_DROP_PEER_HELD,      /* retransmission while the last flight is held, or beyond the replay limits */
    RELAY_DROP_EARLY,          /* beyond the queue of early records, or their hand-over failed */
    RELAY_DROP_NODE_MALFORMED,
    RELAY_DROP_NODE_UNKNOWN, /* unknown address or handle */
    RELAY_DROP_NODE_FORGED,  /* relay tag */
    RELAY_DROP_NODE_REPLAYED,
    RELAY_DROP_NODE_FLOOD, /* association and control datagrams beyond their rate */
    RELAY_DROP_NO_ROOM,    /* session table or hand-over pool full */
    RELAY_COUNTERS
};

#endif
