/*
 * The relay's whole state, and the few moves that all its modules make: count, tell `keys`, send to the node.
 *
 * Private to relay.c and the relay_*.c; the public interface is relay.h.
 */
#ifndef SSM_RELAY_STATE_H
#define SSM_RELAY_STATE_H

#include "flight.h"
#include "relay_nodes.h"
#include "relay_types.h"
#include "session.h"

struct relay {
    struct relay_config config;
    const struct relay_io *io;       /* the caller's */
    const struct relay_store *store; /* the caller's */
    struct session_table sessions;
    struct flight_pool flights;
    struct relay_nodes nodes;
    uint64_t counters[RELAY_COUNTERS];
    struct budget strangers;         /* association messages from unknown addresses */
    struct budget rejoins;           /* asked for at unknown addresses */
    struct budget_rate control_rate; /* of association and control datagrams, from a node or all strangers */
    struct budget_rate node_rate;    /* of records towards a node */
    struct budget_rate session_rate; /* of records in one session towards a node */
    bool is_store_changed;   /* since the last flush that succeeded; whether all went well, flush tells */
    uint64_t store_retry_ms; /* a flush has failed: when what it lost is tried again */
    uint32_t commits;        /* flights that wait for the next flush; may count ones that have gone since */
    uint32_t sweep_next;     /* session number at which the sweep goes on */
    uint64_t sweep_due_ms;
    uint64_t sweep_begun_ms;
    uint64_t quiet_due_ms;  /* when to look for nodes that do not answer */
    uint64_t repeat_due_ms; /* no datagram is to be repeated before; UINT64_MAX: none at all */
    uint8_t *rows;          /* SESSION_ROWS_MAX rows, of the MSG_SESSION_LIST being answered */
};

static inline uint32_t relay_seconds(uint64_t now_ms)
{
    return (uint32_t)(now_ms / 1000);
}

/* Sets all rates, some of them by r->config. */
void relay_budgets_init(struct relay *r);

/* An event that the caller knows to be possible. */
void relay_session_event(struct session *s, enum session_event event);
/* The session's flight, or NULL. */
struct flight *relay_flight_of(const struct relay *r, const struct session *s);
/* Gives up the session's flight, if it has one; its queued records count as dropped. */
void relay_drop_flight(struct relay *r, struct session *s);
/* Gives up all that hangs on a session that an event has brought to state NEW. */
void relay_free_session(struct relay *r, struct session *s);

void relay_log(const struct relay *r, const char *event, uint32_t node, const struct endpoint *peer);
void relay_tell_keys(const struct relay *r, enum message_type type, uint32_t connection, uint32_t node,
                     uint16_t handle, enum close_reason reason);

/* May this record go to a node, as far as one can see: epoch 1, DTLS 1.2, application data or alert? */
bool relay_is_for_node(const struct record *record);
/*
 * Writes the link header into the record's own, in place, and sends it to the session's node. The answer is
 * what to count: RELAY_TO_NODE, or why the record was dropped. Nobody has authenticated the record, so no
 * more go to a node than its budget and the session's allow.
 */
enum relay_counter relay_to_node(struct relay *r, struct session *s, const struct record *record,
                                 uint64_t now_ms);
/* Sends a control datagram to the node's known endpoint, if it has one. */
void relay_control_to_node(const struct relay *r, const struct relay_node *node, struct span datagram);
/* Repeats it from now on until relay_repeat_end. */
void relay_repeat(struct relay *r, struct relay_node *node, uint32_t connection, struct span datagram,
                  uint64_t now_ms);

#endif
