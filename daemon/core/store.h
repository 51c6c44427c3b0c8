/*
 * What the core needs of durable storage: two function tables, one for each process that owns a database.
 *
 * Every function that returns enum status answers SSM_IO when the database failed; nothing is half-applied
 * then.
 */
#ifndef SSM_STORE_H
#define SSM_STORE_H

#include "assoc.h"
#include "endpoint.h"
#include "handshake.h"
#include "tombstone.h"
#include "uri.h"

enum {
    SUBSCRIBER_PSK_MIN = 16,
    SUBSCRIBER_PSK_MAX = 32,
    SUBSCRIBER_SUBJECT_MAX = 64,    /* bytes of a common name (RFC 5280 A.1, ub-common-name) */
    DESTINATION_IDENTITY_MAX = 128, /* RFC 4279 5.3 */
    DESTINATION_PEM_MAX = 4096,     /* characters of certificates */
    DESTINATION_KEY_PEM_MAX = 512,
};

/* ---- relay.db: relay rows and nodes' addresses. No session secret; tag keys protect bandwidth, not content.
 * ---- */

struct relay_session_row {
    uint32_t node;
    uint16_t handle;
    uint8_t slot;
    bool is_outbound;
    uint32_t subscriber; /* outbound: the destination */
    struct endpoint peer;
    struct endpoint local;
    uint64_t opened_s; /* Unix time */
    uint8_t tombstone[TOMBSTONE_LEN];
};

enum { RELAY_TAG_KEYS_BEFORE = 2 };

struct relay_node_row {
    uint32_t node;
    struct endpoint endpoint;
    uint64_t generation; /* association counter */
    uint8_t tag_key[AES_KEY_LEN];
    /* Of earlier associations, the newest first: the node may still use one of them. */
    uint8_t tag_keys_before[RELAY_TAG_KEYS_BEFORE][AES_KEY_LEN];
    uint8_t tag_keys_before_count;
};

struct relay_store {
    void *ctx;
    /* Changes are collected and become durable together with flush(), which returns once they are on disk. A
     * flush that fails loses the sessions that were put and replaced; all else is part of the next one. */
    enum status (*put_session)(void *ctx, const struct relay_session_row *row);
    enum status (*replace_session)(void *ctx, uint32_t node, uint16_t handle); /* by one that was put */
    enum status (*remove_session)(void *ctx, uint32_t node, uint16_t handle);
    enum status (*put_node)(void *ctx, const struct relay_node_row *row);
    enum status (*remove_node)(void *ctx, uint32_t node); /* and its sessions */
    enum status (*flush)(void *ctx);
    /* Calls back for each row, at start. A callback's error stops the walk and is returned. */
    enum status (*each_session)(void *ctx, enum status (*row)(void *arg, const struct relay_session_row *),
                                void *arg);
    enum status (*each_node)(void *ctx, enum status (*row)(void *arg, const struct relay_node_row *),
                             void *arg);
};

/* ---- keys.db: nodes and subscribers; keys are encrypted at rest. Every change is durable when it returns.
 * ---- */

struct node_row {
    uint32_t id; /* given by the store, never reused */
    struct assoc_name name;
    uint8_t psk[ASSOC_PSK_LEN]; /* PSK_DN */
    uint16_t port;              /* its UDP port on the peers' side */
    uint32_t assoc_counter;     /* highest accepted from the node */
    uint32_t boot_id;           /* of the association with that counter */
    uint16_t session_limit;     /* session numbers up to this one may have been used */
};

/* What a subscriber proves who it is with. */
enum subscriber_credential {
    SUBSCRIBER_PSK,         /* its name is the PSK identity */
    SUBSCRIBER_CERTIFICATE, /* this certificate and no other */
    SUBSCRIBER_SUBJECT,     /* any certificate of a trusted CA with this common name */
};

struct subscriber_row {
    uint32_t id; /* given by the store, never reused */
    struct assoc_name name;
    enum subscriber_credential credential;
    uint8_t psk[SUBSCRIBER_PSK_MAX];
    uint8_t psk_len;
    uint8_t fingerprint[HANDSHAKE_FINGERPRINT_LEN];
    uint64_t not_after_s; /* Unix time at which the pinned certificate expires */
    char subject[SUBSCRIBER_SUBJECT_MAX];
    uint8_t subject_len;
};

/* What a gateway proves itself with to a server on a node's behalf. */
enum destination_kind {
    DESTINATION_PSK,
    DESTINATION_CERTIFICATE, /* and by which CAs it knows the server */
};

/* A server that a node may have sessions with. Whoever reads one wipes it. The texts are PEM, terminated. */
struct destination_row {
    uint32_t id; /* given by the store, never reused */
    uint32_t node;
    struct uri server;
    enum destination_kind kind;
    uint8_t identity[DESTINATION_IDENTITY_MAX];
    uint8_t identity_len;
    uint8_t psk[SUBSCRIBER_PSK_MAX];
    uint8_t psk_len;
    char anchors[DESTINATION_PEM_MAX + 1]; /* one CA or more */
    char chain[DESTINATION_PEM_MAX + 1]; /* the client's certificate and what is between; "": the gateway's */
    char key[DESTINATION_KEY_PEM_MAX + 1]; /* of that certificate, without a password */
    uint64_t not_after_s; /* Unix time at which the first of all these certificates expires */
};

struct keys_store {
    void *ctx;
    /* SSM_EXISTS: name or port is taken. Sets row->id. */
    enum status (*add_node)(void *ctx, struct node_row *row);
    enum status (*remove_node)(void *ctx, uint32_t node); /* and its grants and destinations */
    enum status (*set_association)(void *ctx, uint32_t node, uint32_t counter, uint32_t boot_id);
    enum status (*set_session_limit)(void *ctx, uint32_t node, uint16_t limit);
    enum status (*each_node)(void *ctx, enum status (*row)(void *arg, const struct node_row *), void *arg);
    /* Adds the subscriber with its grants in one step. SSM_EXISTS: that name, certificate or subject is
     * taken. Sets row->id. */
    enum status (*add_subscriber)(void *ctx, struct subscriber_row *row, const uint32_t *nodes,
                                  size_t node_count);
    enum status (*remove_subscriber)(void *ctx, uint32_t subscriber);
    /* The look-ups of subscribers may be made on any thread. SSM_NOT_FOUND. */
    enum status (*find_subscriber)(void *ctx, const char *name, size_t name_len, struct subscriber_row *out);
    enum status (*find_certificate)(void *ctx, const uint8_t fingerprint[HANDSHAKE_FINGERPRINT_LEN],
                                    struct subscriber_row *out);
    enum status (*find_subject)(void *ctx, const char *subject, size_t subject_len,
                                struct subscriber_row *out);
    enum status (*each_subscriber)(void *ctx, enum status (*row)(void *arg, const struct subscriber_row *),
                                   void *arg);
    /* The nodes granted to a subscriber, or of these only `node` (0: all): fills up to `cap` ids, sets *count
     * to how many there are. */
    enum status (*grants)(void *ctx, uint32_t subscriber, uint32_t node, uint32_t *nodes, size_t cap,
                          size_t *count);
    /* SSM_EXISTS: the node has that server already; SSM_NOT_FOUND: there is no such node. Sets row->id. */
    enum status (*add_destination)(void *ctx, struct destination_row *row);
    enum status (*remove_destination)(void *ctx, uint32_t destination);
    /* SSM_NOT_FOUND: the node may not have sessions with that server. */
    enum status (*find_destination)(void *ctx, uint32_t node, const struct uri *server,
                                    struct destination_row *out);
    /* Those of a node (0: of all), by node and server. */
    enum status (*each_destination)(void *ctx, uint32_t node,
                                    enum status (*row)(void *arg, const struct destination_row *), void *arg);
};

#endif
