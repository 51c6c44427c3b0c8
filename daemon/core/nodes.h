/*
 * What the gateway knows of each node: its row, its association, its session slots and the one exchange in
 * flight.
 *
 * A table in memory, ordered by name, that the delegator allocates once. Decides on slots and session
 * numbers; sends nothing (nodes_control.h, nodes_association.h).
 */
#ifndef SSM_NODES_H
#define SSM_NODES_H

#include "delegation_env.h"

/* One session slot of a node, as the gateway has assigned it. */
struct node_slot {
    uint16_t handle; /* session number; 0: free */
    bool is_outbound;
    uint32_t subscriber; /* outbound: the destination */
    struct endpoint peer;
    struct endpoint local;
    bool is_stale; /* the node may hold a session here that is not `handle` */
};

/* Stop and wait: a node is asked one thing at a time. */
enum node_exchange_kind {
    NODE_EXCHANGE_NONE,
    NODE_EXCHANGE_LIVE,     /* the live list is out */
    NODE_EXCHANGE_EVICT,    /* relay is looking for a session to end, for the hand-over of `connection` */
    NODE_EXCHANGE_KEYBLOCK, /* the key block of `connection` is out */
    NODE_EXCHANGE_RESULT,   /* what has become of its attempt, which is no session, is out */
};

struct node_exchange {
    enum node_exchange_kind kind;
    uint32_t connection;
    uint16_t message_id;
    uint8_t slots; /* bit i: what the exchange says settles slot i */
};

enum node_transcript_state {
    NODE_TRANSCRIPT_NONE,
    NODE_TRANSCRIPT_ANSWERED,  /* request verified, answer sent */
    NODE_TRANSCRIPT_CONFIRMED, /* it became the present association */
};

enum node_attempt_state {
    NODE_ATTEMPT_NONE,
    NODE_ATTEMPT_RESOLVING,
    NODE_ATTEMPT_READY,      /* the next address is to be tried */
    NODE_ATTEMPT_CONNECTING, /* by the handshake and hand-over of `connection` */
    NODE_ATTEMPT_FAILED,     /* the node does not know that yet */
};

/* The node's attempt at an outbound session, one at a time. */
struct node_attempt {
    enum node_attempt_state state;
    uint16_t number;     /* its message id at the node */
    uint16_t last_asked; /* latest message id with which the node has asked; 0: none */
    uint8_t last_code;   /* its acknowledgement */
    bool is_earlier;     /* that was in an earlier association: any other id is later */
    uint8_t reason;      /* NODE_ATTEMPT_FAILED: enum control_outbound_reason */
    uint32_t boot_id;    /* of the node's life that asked */
    uint32_t request;    /* NODE_ATTEMPT_RESOLVING */
    uint64_t deadline_ms;
    uint32_t connection;
    struct uri server;
    struct resolved addresses[RESOLVED_MAX];
    uint8_t count; /* of addresses */
    uint8_t next;  /* to be tried */
};

struct node {
    struct node_row row;
    struct endpoint endpoint; /* of the last confirmation; port 0: none in this run */
    uint64_t heard_ms;        /* its last authentic datagram; 0: none in this run */
    uint64_t answer_due_ms;   /* it has been asked, and is silent if not heard before; 0: it has not */
    bool is_silent;           /* it has answered nothing in time; wait for a sign of life */
    struct assoc assoc;       /* in memory alone, so that no restart can continue one of its counters */
    bool is_associated;
    enum node_transcript_state transcript_state;
    struct assoc_transcript transcript;
    uint64_t rejoin_ms;       /* while not associated: when to ask again */
    uint32_t rejoin_pause_ms; /* between the last try and that one */
    uint64_t rejoin_limit_ms; /* no answer to an unreadable control message before */
    struct node_slot slots[KEYBLOCK_SLOTS];
    uint32_t next_session;
    uint16_t message_id; /* of the last request sealed in this association */
    struct node_exchange exchange;
    struct node_attempt attempt;
    bool is_live_due; /* a live list must be the next message */
};

struct nodes {
    struct delegation_env *env;
    struct node *pool;     /* env->config.max_nodes, the delegator's */
    struct node **by_name; /* as many, the delegator's; the first `count` are used */
    uint32_t count;
    bool are_sessions_known; /* relay has listed all sessions since its or our start */
    bool is_work_due;        /* an exchange may be possible that was not before */
    uint64_t rejoin_next_ms; /* no node is asked to join before */
};

/* SSM_EXISTS: id or name is known. SSM_NO_ROOM: max_nodes are there. */
SSM_MUST_CHECK enum status nodes_add(struct nodes *nodes, const struct node_row *row);
/* Wipes and forgets it. */
void nodes_remove(struct nodes *nodes, struct node *node);
struct node *nodes_find(const struct nodes *nodes, uint32_t id);
struct node *nodes_find_name(const struct nodes *nodes, const char *name, size_t len);
/* The node that a server name asks for: the one with the longest name that matches. */
struct node *nodes_find_server_name(const struct nodes *nodes, const char *name, size_t len);

/*
 * The next session number of a node, durably reserved before it is returned: after a crash it is not used
 * again. SSM_EXHAUSTED: all 65535 are used up, until the node reboots. SSM_IO.
 */
SSM_MUST_CHECK enum status nodes_take_session_number(struct nodes *nodes, struct node *node,
                                                     uint16_t *number);
/* The node came back without any session: slots are free, and numbers may start again when they run low. */
void nodes_forget_sessions(struct nodes *nodes, struct node *node);

enum { NODE_NO_SLOT = 0xFF };

/*
 * The slot for a new session between these endpoints: that of the same 5-tuple's session, which it replaces,
 * or a free one. NODE_NO_SLOT: all are taken.
 */
uint8_t nodes_choose_slot(const struct nodes *nodes, const struct node *node, const struct endpoint *peer,
                          const struct endpoint *local);
/* Must the key block for this slot say "replaces"? */
bool nodes_slot_replaces(const struct node_slot *slot);
/* Takes over a live session that relay has listed. A keys database from a backup may know less: its number is
 * not used again either. */
void nodes_restore_slot(struct node *node, const struct session_row *row);
struct node_slot *nodes_find_slot(struct node *node, uint16_t handle);
/* Frees a session's slot; `node_knows`: the node has dropped it itself. Nothing happens to an unknown handle.
 */
void nodes_free_slot(struct nodes *nodes, struct node *node, uint16_t handle, bool node_knows);
uint8_t nodes_session_count(const struct node *node);
bool nodes_has_session_of(const struct node *node, uint32_t subscriber);

/* Opens an exchange; a message of it has just been sealed under node->message_id. */
void nodes_exchange_begin(struct node *node, enum node_exchange_kind kind, uint32_t connection,
                          uint8_t slots);
/* Ends the exchange: `settled` when the node has done what it was told. */
void nodes_exchange_end(struct nodes *nodes, struct node *node, bool settled);

#endif
