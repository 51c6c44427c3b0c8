/*
 * A ClientHello as far as it concerns whoever has not answered it yet (RFC 5246 7.4.1.2, RFC 6347 4.2.1).
 *
 * Pure. Reads one whole message in one record: what comes in fragments would have to be kept for a stranger.
 */
#ifndef SSM_CLIENT_HELLO_H
#define SSM_CLIENT_HELLO_H

#include "handshake_work.h"

enum { CLIENT_HELLO_RANDOM_LEN = 32 };

struct client_hello {
    const uint8_t *random; /* CLIENT_HELLO_RANDOM_LEN bytes, inside the record */
    bool offers_psk;       /* TLS_PSK_WITH_AES_128_CCM_8, which is chosen whenever it is offered */
};

/* Is this record, of which `bytes` begins with the header, a ClientHello in clear? */
bool client_hello_read(const struct handshake_record *record, struct client_hello *out);

#endif
