/*
 * What a socket has received at one time from one peer: one datagram, or several that the kernel hands over
 * as one message.
 */
#ifndef SSM_ARRIVAL_H
#define SSM_ARRIVAL_H

#include "endpoint.h"

struct arrival {
    struct endpoint local;
    struct endpoint peer;
    uint8_t *bytes;
    size_t len;
    size_t datagram_len; /* of each but the last, which may be shorter */
};

#endif
