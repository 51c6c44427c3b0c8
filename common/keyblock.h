/*
 * The key block: what a node needs to take over a DTLS session behind the handshake (PROTOCOL.md, "Key
 * block").
 */
#ifndef SSM_KEYBLOCK_H
#define SSM_KEYBLOCK_H

#include "record.h"

/* What the node is in the session: bit 7 of the flags. */
enum keyblock_role { KEYBLOCK_SERVER = 0, KEYBLOCK_CLIENT = 0x80 };
enum keyblock_suite { KEYBLOCK_AES_128_CCM_8 = 0 };

enum {
    KEYBLOCK_LEN = 48,
    KEYBLOCK_SLOTS = 8, /* what the slot field can name; a node may have fewer */
    /* In the direction that it hands over the gateway owns epoch-1 numbers 0 to 63 and 2^48-2; the node
       starts here. */
    KEYBLOCK_FIRST_SEND_SEQ = 64,
    KEYBLOCK_LIFETIME_UNLIMITED = 0,
    KEYBLOCK_SCOPE_ALL = 0,
};

struct keyblock {
    uint16_t session; /* session number = handle on the link; never 0 */
    uint8_t role;     /* enum keyblock_role */
    uint8_t suite;    /* enum keyblock_suite */
    uint8_t slot;     /* where the node keeps it */
    bool replaces;    /* whatever lives in that slot is to be dropped */
    uint8_t first_send_seq;
    uint16_t scope;           /* what the peer may do; KEYBLOCK_SCOPE_ALL is everything */
    uint16_t lifetime_min;    /* minutes, or KEYBLOCK_LIFETIME_UNLIMITED */
    struct record_key client; /* client_write_key and client_write_IV (RFC 5246 6.3) */
    struct record_key server;
};

void keyblock_encode(const struct keyblock *k, uint8_t out[KEYBLOCK_LEN]);
/* SSM_UNSUPPORTED: an unknown suite. SSM_MALFORMED: another length, session 0, or a first number below
 * KEYBLOCK_FIRST_SEND_SEQ, which would repeat the gateway's nonces. */
SSM_MUST_CHECK enum status keyblock_decode(const uint8_t *buf, size_t len, struct keyblock *out);

#endif
