/*
 * The whole state of a node, for the modules of the core: what node.h hands to a board as `struct node`.
 *
 * Types and sizes only. A board allocates the struct and passes it to node.h's functions; it may read the
 * counters and the association's names, and writes nothing.
 */
#ifndef SSM_NODE_STATE_H
#define SSM_NODE_STATE_H

#include "assoc.h"
#include "control.h"
#include "keyblock.h"
#include "linkframe.h"
#include "port.h"

enum {
    NODE_SESSIONS = 4,
    NODE_OBSERVERS = 4,
    /* Where a record's body stands in the frame: behind the longest link header that this node sends. */
    NODE_BODY_AT = LINK_RECORD_HEADER_MAX - RECORD_EXPLICIT_LEN,
    NODE_BODY_MAX = LINK_MTU_THREE_HOPS - NODE_BODY_AT - RECORD_TAG_LEN - LINK_TAG_LEN,
};

/*
 * Time inside the core is counted in ticks of 32 ms and 16 bits, which spares a 16-bit node wider arithmetic:
 * a timer may be set 17 minutes ahead.
 */
enum { NODE_TICK_SHIFT = 5 };
#define NODE_TICKS(ms) (((ms) + (1 << NODE_TICK_SHIFT) - 1) >> NODE_TICK_SHIFT)

/* A moment at which something is to be done. */
struct node_timer {
    uint16_t due;
    bool armed;
};

/*
 * A session slot. block.session 0: free. closed_reason 0: live. Otherwise all but the number is wiped, and
 * the closure waits to be reported to the gateway.
 */
struct node_session {
    struct keyblock block; /* client opens what the peer sends, server seals: where the node is the client,
                              each is the other's; lifetime_min is what is left of it */
    struct replay received;
    struct seq48 send_seq; /* of the next record */
    struct node_timer timer;
    uint16_t failures;     /* records that did not authenticate; wraps around */
    uint16_t floods;       /* CONTROL_FLOOD such records each */
    uint8_t closed_reason; /* enum control_closed_reason, or 0 */
    bool used;             /* the peer has authenticated a record */
};
_Static_assert(sizeof(struct node_session) <= 96, "RAM of one session");

/* A registration of RFC 7641. It ends with its session: session 0, or one that is not live, makes the entry
 * free. */
struct node_observer {
    const struct node_resource *resource; /* an entry of the node's table */
    struct node_timer timer; /* until a confirmable notification is repeated, or until one is due again */
    uint16_t session;
    uint16_t message_id; /* of the latest notification */
    uint16_t delay;      /* until the confirmable notification is repeated; 0: none is under way */
    bool is_changed;     /* while a confirmable notification was under way */
    uint8_t token_len;
    uint8_t token[8];
};

enum node_join_state {
    NODE_JOIN_IDLE,       /* confirmed; nothing to do */
    NODE_JOIN_WANTED,     /* the counter could not be stored: try again later */
    NODE_JOIN_REQUESTING, /* repeats the request until an answer verifies */
    NODE_JOIN_CONFIRMING, /* repeats the confirm until the gateway speaks under the new keys */
};

struct node_join {
    struct assoc_transcript transcript; /* of the latest attempt */
    uint32_t counter;                   /* association counter, as stored */
    struct node_timer timer;
    struct node_timer rejoin_pause; /* one REJOIN_PAUSE for each REJOIN heeded; at most one is ahead */
    uint16_t delay;
    uint8_t state; /* enum node_join_state */
};

/* The options whose values are kept. */
enum node_kept_option { NODE_OBSERVE, NODE_FORMAT, NODE_ACCEPT, NODE_BLOCK2, NODE_BLOCK1, NODE_KEPT };

/* One CoAP message from or to a peer. */
struct node_exchange {
    struct node_session *session;
    const struct node_resource *resource;
    struct coapmsg m; /* as received, then with the type and message ID of the reply */
    uint16_t option[NODE_KEPT];
    uint8_t *at; /* end of the reply so far */
    uint8_t last_option;
};

struct node;
struct node_client;

/* A request for which there is no response yet. One at a time: NSTART of RFC 7252 4.7. */
struct node_client_exchange {
    struct node_timer timer; /* until the next transmission, or until the response is given up */
    uint16_t delay;
    uint8_t transmissions;
    bool is_acked; /* a separate response is to come */
    bool is_watch; /* it registers the observation */
    uint8_t len;   /* of the message; 0: there is none under way */
    uint8_t message[NODE_BODY_MAX];
};

/* The response to a PUT, or COAP_EMPTY: the server has rejected it, or the session is gone, and whether it
 * has been heard is not known. */
typedef void node_client_answered(struct node_client *c, uint8_t code);
/* A representation, as much of it as is in the first block of 32 bytes; or the error code instead. */
typedef void node_client_notified(struct node_client *c, uint8_t code, const uint8_t *value, uint16_t len);

/* One server of a node that is a client, too (node_client.h). The board allocates it; it may read the fields
 * from `uri` to `session`, and writes none. */
struct node_client {
    /* Takes a record's body, if it is of the client's session or of another's on the list, and leaves none.
     * By a pointer, so that an image that opens no client lacks all that stands behind it. */
    void (*on_record)(struct node *n, struct node_session *from);
    const char *uri;
    const char *watched; /* path, or NULL */
    node_client_answered *answered;
    node_client_notified *notified;
    uint8_t state;    /* enum node_client_state */
    uint8_t reason;   /* enum node_client_reason */
    uint16_t session; /* its number, in state UP */

    struct node_client *next;
    struct node_timer timer; /* of the state */
    uint16_t delay;          /* until the wish is repeated */
    uint16_t backoff;        /* the next one */
    uint16_t attempt;        /* message ID of the latest wish */
    uint16_t attempts;       /* in the list's first client: of the latest wish of them all */

    struct node_client_exchange exchange;
    struct node_timer watch_timer; /* until the registration is made again */
    struct node_timer order_timer; /* while a notification can be older than the latest (RFC 7641 3.4) */
    uint32_t order;                /* value of the latest notification's Observe option */
    uint16_t confirmed_id;         /* message ID of the server's latest confirmable response */
    bool has_confirmed;
};

/* Wrap around. */
struct node_counters {
    uint16_t input[SSM_IO + 1]; /* datagrams, by the status that they ended with; SSM_OK: accepted */
    uint16_t associated;        /* associations confirmed */
    uint16_t installed;         /* key blocks */
    uint16_t closed;            /* sessions ended here: by the peer, unused or expired */
    uint16_t sealed;            /* records sent */
};

struct node {
    struct port *port;
    const struct node_resource *resources; /* the board's; ended by an entry without path */

    uint8_t psk[ASSOC_PSK_LEN];
    struct node_join join;
    struct assoc assoc[2];
    struct assoc *present;    /* the confirmed one of the two, or NULL; the other is for the next */
    uint8_t last_code;        /* how the latest request of the gateway was acknowledged */
    uint8_t copies_left;      /* of that request that will be acknowledged, too */
    uint16_t last_message_id; /* of that request */
    struct node_timer report_timer;
    uint16_t report_delay;

    struct node_session sessions[NODE_SESSIONS];
    struct node_observer observers[NODE_OBSERVERS];
    uint32_t observe_seq; /* RFC 7641 4.4: rises with every notification, 24 bits go on the wire */
    uint16_t message_id;  /* of the next CoAP message that starts here */

    struct node_client *clients; /* or NULL */
    uint8_t (*on_control)(
        struct node *n); /* node_control_handle, or what node_client.h puts in front of it */

    struct control control;         /* that is being handled */
    struct control_message message; /* inside it */
    struct record record;           /* likewise */
    struct node_exchange exchange;  /* likewise */
    uint16_t now;                   /* when the present call into the core began */
    uint16_t wait;                  /* node_tick: until the earliest armed timer */
    struct node_counters counters;
    uint8_t frame[LINK_MTU_THREE_HOPS]; /* the datagram that is being built */
};

#endif
