/*
 * A ClientHello as far as it concerns whoever has not admitted it yet, and the HelloVerifyRequest that asks
 * its sender for a cookie (RFC 5246 7.4.1.2, RFC 6347 4.2.1).
 *
 * Pure. Reads one whole message in one record: what comes in fragments would have to be kept for a stranger.
 */
#ifndef SSM_CLIENT_HELLO_H
#define SSM_CLIENT_HELLO_H

#include "handshake_work.h"

enum {
    CLIENT_HELLO_RANDOM_LEN = 32,
    HELLO_VERIFY_REQUEST_LEN = 13 + 12 + 3 + HANDSHAKE_COOKIE_LEN, /* headers, version, length, cookie */
};

struct client_hello {
    struct seq48 seq;          /* of its record */
    uint16_t message_seq;      /* of the message */
    const uint8_t *random;     /* CLIENT_HELLO_RANDOM_LEN bytes, inside the record */
    const uint8_t *session_id; /* to be resumed; this and the cookie are inside the record, too */
    size_t session_id_len;     /* 0: none */
    const uint8_t *cookie;
    size_t cookie_len;
    bool offers_psk; /* TLS_PSK_WITH_AES_128_CCM_8, which is chosen whenever it is offered */
    bool offers_extended_master_secret; /* RFC 7627 5.1; agreed whenever it is offered */
};

/* Is this record, of which `bytes` begins with the header, a ClientHello in clear? */
bool client_hello_read(const struct handshake_record *record, struct client_hello *out);

/* The answer to a hello that has no valid cookie, one record. It is never longer than the hello. */
void client_hello_ask_cookie(const struct client_hello *hello, const uint8_t cookie[HANDSHAKE_COOKIE_LEN],
                             uint8_t out[HELLO_VERIFY_REQUEST_LEN]);

#endif
