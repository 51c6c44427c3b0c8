/*
 * One request of the admin socket: from a line of JSON to a checked struct.
 *
 * A pure function, so that it can be fuzzed: opens nothing, knows no node, no subscriber and no time.
 */
#ifndef SSM_ADMIN_REQUEST_H
#define SSM_ADMIN_REQUEST_H

#include "ca.h"
#include "store.h"

enum {
    ADMIN_LINE_MAX = 12288, /* bytes of a request, its newline included: a certificate and all grants fit */
    ADMIN_ERROR_MAX = 200,
    ADMIN_GRANTS_MAX = 128, /* nodes in one "subscriber add" */
};

enum admin_op {
    ADMIN_NODE_ADD,
    ADMIN_NODE_LIST,
    ADMIN_NODE_SHOW,
    ADMIN_NODE_REMOVE,
    ADMIN_SUBSCRIBER_ADD,
    ADMIN_SUBSCRIBER_LIST,
    ADMIN_SUBSCRIBER_SHOW,
    ADMIN_SUBSCRIBER_REMOVE,
    ADMIN_SESSION_LIST,
    ADMIN_SESSION_CLOSE,
    ADMIN_LINK_LIST,
    ADMIN_STATUS,
    ADMIN_DESTINATION_ADD,
    ADMIN_DESTINATION_LIST,
    ADMIN_DESTINATION_REMOVE,
    ADMIN_CA_INIT,
    ADMIN_CA_ISSUE,
    ADMIN_CA_RENEW,
    ADMIN_CA_SHOW,
    ADMIN_CA_EXPORT,
    ADMIN_OPS
};

/* Fields that the operation does not have are zero. */
struct admin_request {
    enum admin_op op;
    struct assoc_name name;             /* of the node or subscriber that it is about; len 0: of none */
    uint8_t node_psk[ASSOC_PSK_LEN];    /* node add */
    struct subscriber_row subscriber;   /* subscriber add: credential, and the PSK or the subject */
    struct certificate certificate;     /* subscriber add, ca renew; len 0: none */
    struct destination_row destination; /* destination add: all but node and time; remove: the server */
    uint8_t public_key[CERTIFICATE_PUBLIC_KEY_LEN]; /* ca issue */
    struct ca_names ca_names;                       /* ca init, ca renew */
    uint32_t days;                                  /* of a certificate; 0: as many as usual */
    bool replace;                                   /* ca init */
    uint16_t port;                                  /* node add; 0: choose one */
    uint16_t handle;                                /* session close */
    uint64_t cursor;                                /* session list */
    bool show_key;
    size_t grant_count; /* subscriber add: at least one */
    struct assoc_name grants[ADMIN_GRANTS_MAX];
};

/*
 * Parses {"op": ..., ...} without its newline. SSM_MALFORMED: `error` is a sentence that names the field and
 * what it wants; it repeats no value. Whoever calls wipes `out`, on failure too.
 */
SSM_MUST_CHECK enum status admin_request_parse(const char *line, size_t len, struct admin_request *out,
                                               char error[ADMIN_ERROR_MAX]);

#endif
