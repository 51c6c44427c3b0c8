/*
 * The tombstone: the gateway's one close_notify in a session, sealed by `keys` before the traffic keys go and
 * sent by `relay` when the session ends here (RFC 5246 7.2.1). All but the sealed alert at its end is the
 * same for every session, so that is all that `relay` keeps in memory.
 */
#ifndef SSM_TOMBSTONE_H
#define SSM_TOMBSTONE_H

#include "record.h"

enum {
    TOMBSTONE_ALERT_LEN = 2,
    TOMBSTONE_SEALED_LEN = TOMBSTONE_ALERT_LEN + RECORD_TAG_LEN,
    TOMBSTONE_LEN = RECORD_SEALED_HEADER_LEN + TOMBSTONE_SEALED_LEN,
};

/* The record around a body of the caller's, which is `body_len` bytes long. Its number is 2^48-2: the last
 * but one, because 2^48-1 is an error to one stack. */
static inline struct record tombstone_record(uint8_t *body, uint16_t body_len)
{
    struct record r = {.type = RECORD_ALERT,
                       .epoch = {0, 1},
                       .seq = {{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE}},
                       .version = RECORD_VERSION_DTLS12_BYTES,
                       .body = body,
                       .body_len = body_len};

    record_set_explicit_nonce(&r);
    return r;
}

/* Seals it with the gateway's key in the session: once, as its number is always the same. */
void tombstone_seal(const struct record_key *own, uint8_t tombstone[TOMBSTONE_LEN]);

#endif
