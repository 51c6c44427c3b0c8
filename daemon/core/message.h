/*
 * The messages between the processes of ssmd: one codec for all of them.
 *
 * Carried over SOCK_SEQPACKET pairs made by the parent, one per pair of siblings. All have one fixed
 * little-endian header with every scalar field, and up to three byte strings behind it. The table in
 * message.c names each type and bounds its byte strings; a datagram that breaks the table is refused, because
 * the sender may have been taken over.
 */
#ifndef SSM_MESSAGE_H
#define SSM_MESSAGE_H

#include "endpoint.h"
#include "host_name.h"

enum message_type {
    /* parent and children */
    MSG_READY = 1,    /* child -> parent: started, stores open; value = sessions that relay has read back */
    MSG_HEARTBEAT,    /* child -> parent: my loop turns */
    MSG_STOP,         /* parent -> child: end in order */
    MSG_SIBLING,      /* parent -> child, with descriptor: your new channel to another process, kind = enum
                         message_channel; the old one is dead. Child -> parent, without: it is lost or wanted,
                         make a new one */
    MSG_SOCKET,       /* parent -> relay, with descriptor: kind = enum message_socket, node, local.port; of a
                         serial line: slot = its number in serial_links */
    MSG_PORT_NEEDED,  /* keys or relay -> parent: node, local.port: open this node's port and give it to relay
                       */
    MSG_PORT_DROPPED, /* keys -> parent -> relay: node, local.port: close it */
    MSG_PORT_FAILED,  /* parent -> keys: node, local.port, value = errno: it could not be opened */
    MSG_LINE_LOST,    /* relay -> parent: slot = number of the serial line: its descriptor is of no use now */

    /* relay and keys */
    MSG_DGRAM_IN,  /* relay -> keys: connection (0: stranger), node (0: shared port), peer, local, data[0] =
                      one record */
    MSG_DGRAM_OUT, /* keys -> relay: connection (0: no session behind it), node, peer, local, kind = enum
                      message_direction, data[0] = datagram. The first one with a connection makes relay open
                      a session in state HANDSHAKING. */
    MSG_NODE_CTRL_IN,   /* relay -> keys: node (0: unknown address), peer = the node's endpoint, data[0] =
                           datagram */
    MSG_NODE_CTRL_OUT,  /* keys -> relay: node, peer (port 0: the node's known one), kind = enum
                           message_repeat, data[0] */
    MSG_NODE_CTRL_DONE, /* keys -> relay: node: the repeated datagram has been answered or given up */
    MSG_NODE_KEYS,  /* keys -> relay: node, peer = its endpoint, value = association counter, request = boot
                       id, data[0] = tag key. A new boot id ends the sessions of the node's earlier lives. */
    MSG_NODE_GONE,  /* keys -> relay: node: forget it, its sessions get their tombstones */
    MSG_NODE_HEARD, /* relay -> keys: node: it has sent an authentic record; at most once in ten seconds */
    MSG_NODE_QUIET, /* relay -> keys: node: it has left records unanswered for 30 s: is it there? The next
                       record is told at once */
    MSG_SESSION_PREPARE, /* keys -> relay: connection, node, handle, slot, subscriber, data[0] = sealed key
                            block (sent and repeated until COMMIT, ABORT or NODE_CTRL_DONE), [1] = tombstone,
                            [2] = withheld last flight, of which a client has none */
    MSG_SESSION_COMMIT,  /* keys -> relay: connection, node, handle: make the row durable, then release flight
                            and queue */
    MSG_SESSION_DURABLE, /* relay -> keys: connection, node, handle */
    MSG_SESSION_ABORT,   /* both: connection, kind = enum close_reason: the hand-over failed; nothing of it
                            stays */
    MSG_SESSION_CLOSE,   /* keys -> relay: node, handle (0: all of the node), subscriber (0: any), slot = enum
                            message_direction: of a subscriber's, or a destination's; kind = close_reason */
    MSG_SESSION_CLOSED,  /* relay -> keys: node, handle, kind = close_reason: relay has ended it (also the
                            answer to EVICT;  handle 0 then: no session was idle enough) */
    MSG_SESSION_THROTTLE, /* keys -> relay: node, handle: the node says that its records do not authenticate
                           */
    MSG_SESSION_EVICT,    /* keys -> relay: node: end its longest idle session, if idle long enough */
    MSG_SESSION_LIST, /* keys -> relay: request, value = cursor (0: start); relay -> keys: request, value =
                         next cursor    (0: end), data[0] = session rows of SESSION_ROW_LEN each, at most
                         SESSION_ROWS_MAX */
    MSG_LINK_LIST,    /* keys -> relay: request; relay -> keys: request, data[0] = link rows of LINK_ROW_LEN
                         each: UDP, then the serial lines */
    MSG_STATUS,       /* keys -> relay: request; relay -> keys: request, data[0] = counters, 8 bytes each */

    /* keys and resolve */
    MSG_RESOLVE,  /* keys -> resolve: request, node, data[0] = host: a name or an address */
    MSG_RESOLVED, /* resolve -> keys: request, node, kind = enum resolve_result, data[0] = up to RESOLVED_MAX
                     addresses as resolved_encode() writes them */
    MSG_TYPE_END
};

enum message_channel { CHANNEL_SIBLING = 0, CHANNEL_RESOLVER /* keys has this one too */ };
enum resolve_result {
    RESOLVE_FOUND = 0,
    RESOLVE_NOT_FOUND, /* there is no such name, or it has no address */
    RESOLVE_FAILED,    /* nobody has answered, or no address can be reached; later perhaps */
    RESOLVE_RESULTS
};

enum message_socket { SOCKET_NODE_PORT = 1, SOCKET_SHARED_PORT, SOCKET_NODE_LINK, SOCKET_SERIAL_LINE };
enum message_direction {
    DIRECTION_IN = 0,
    DIRECTION_OUT,        /* the node is the client */
    DIRECTION_IN_RESUMED, /* DGRAM_OUT alone: the peer's Finished is the last, no flight will be withheld */
};
enum message_repeat { REPEAT_NO = 0, REPEAT_UNTIL_DONE = 1 };

enum close_reason {
    CLOSE_NONE = 0,
    CLOSE_PEER = 1,         /* the peer's close_notify or fatal alert, reported by the node */
    CLOSE_UNUSED = 2,       /* no record within 30 s of the hand-over */
    CLOSE_EXPIRED = 3,      /* lifetime over, reported by the node */
    CLOSE_IDLE = 4,         /* idle time-out of the gateway */
    CLOSE_ADMIN = 5,        /* ssmctl session close */
    CLOSE_REVOKED = 6,      /* subscriber or node removed */
    CLOSE_EVICTED = 7,      /* its slot was needed */
    CLOSE_REPLACED = 8,     /* a new handshake took its place */
    CLOSE_NODE_REBOOT = 9,  /* the node's boot id changed: its keys are gone */
    CLOSE_NODE_SILENT = 10, /* the node has not acknowledged the key block, or answers nothing at all */
    CLOSE_NO_ROOM = 11,     /* the session table, a pool or the node's slots are full */
    CLOSE_STORE = 12,       /* the row could not be made durable */
    CLOSE_RESTART = 13,     /* the process that ran the handshake is gone */
    CLOSE_HANDSHAKE = 14,   /* the handshake failed; keys has sent the alert */
    CLOSE_FORGED = 15,      /* too many records did not authenticate, says the node */
    CLOSE_REASON_END
};

enum {
    MESSAGE_DATA = 3,
    MESSAGE_VERSION = 1,
    MESSAGE_HEADER_LEN = 74,
    MESSAGE_BYTES_MAX = 17000, /* header and strings: a record of the largest size fits */
    MESSAGE_DGRAM_MAX = MESSAGE_BYTES_MAX - MESSAGE_HEADER_LEN,
    MESSAGE_CONTROL_MAX = 128, /* an association or control datagram: one frame of the link */
    MESSAGE_FLIGHT_MAX = 256,  /* a withheld last flight */
    SESSION_ROW_LEN = 65,
    SESSION_ROWS_MAX = 200,
    LINK_ROW_LEN = 37,
    LINK_ROWS_MAX = 64,
    RESOLVE_HOST_MAX = HOST_NAME_MAX_LEN,
    RESOLVED_LEN = 32,
    RESOLVED_MAX = 4,
};

struct span {
    const uint8_t *at; /* inside the decoded buffer, or the sender's */
    size_t len;
};

struct message {
    uint8_t type;
    uint8_t kind;
    uint8_t slot;
    uint16_t handle;
    uint32_t request;
    uint32_t connection;
    uint32_t node;
    uint32_t subscriber;
    uint64_t value;
    struct endpoint peer;
    struct endpoint local;
    struct span data[MESSAGE_DATA];
};

/* Encodes into `buf` (MESSAGE_BYTES_MAX) and returns the length. A message that breaks the table is a bug:
 * asserts. */
size_t message_encode(const struct message *m, uint8_t *buf);
/* The byte strings of `out` lie inside `buf`. SSM_TRUNCATED: shorter than its header; SSM_UNSUPPORTED:
 * another version; SSM_MALFORMED: an unknown type, a kind or a string outside the type's bounds, a reserved
 * byte, another length. */
SSM_MUST_CHECK enum status message_decode(const uint8_t *buf, size_t len, struct message *out);
/* "SESSION_PREPARE"; "?" for an unknown type. For logs. */
const char *message_name(uint8_t type);

/* One row of MSG_SESSION_LIST. */
struct session_row {
    uint32_t node;
    bool is_outbound;
    uint32_t subscriber; /* outbound: the destination */
    uint16_t handle;
    uint8_t slot;
    uint8_t state; /* enum session_state */
    struct endpoint peer;
    struct endpoint local;
    uint32_t age_s;
    uint32_t idle_s;
    uint32_t to_node; /* records relayed */
    uint32_t from_node;
};

void session_row_encode(const struct session_row *row, uint8_t out[SESSION_ROW_LEN]);
/* SSM_MALFORMED: no node, no handle, or a state or a direction that does not exist. */
SSM_MUST_CHECK enum status session_row_decode(const uint8_t buf[SESSION_ROW_LEN], struct session_row *out);

/* One row of MSG_LINK_LIST: a link to nodes, and the datagrams on it since relay's start. */
struct link_row {
    bool is_up;
    uint32_t since_s; /* it came up, or went down */
    uint64_t to_node;
    uint64_t from_node;
    uint64_t dropped; /* towards nodes: the line was down or too slow */
    uint64_t spoiled; /* frames */
};

void link_row_encode(const struct link_row *row, uint8_t out[LINK_ROW_LEN]);
void link_row_decode(const uint8_t buf[LINK_ROW_LEN], struct link_row *out);

/* One address of MSG_RESOLVED, and that of ours from which the kernel sends to it. Neither has a port. */
struct resolved {
    struct endpoint peer;
    struct endpoint local;
};

void resolved_encode(const struct resolved *resolved, uint8_t out[RESOLVED_LEN]);
/* Takes the addresses of a MSG_RESOLVED, in the order in which they are to be tried; sets *count.
 * SSM_MALFORMED: none where there have to be some, or one that is no host's, as only a resolver sends that
 * was taken over. */
SSM_MUST_CHECK enum status resolved_decode(const struct message *m, struct resolved out[RESOLVED_MAX],
                                           size_t *count);

#endif
