/*
 * What control messages say: CoAP messages with one-letter resources, sealed by assoc.h (PROTOCOL.md,
 * "Control messages").
 */
#ifndef SSM_CONTROL_H
#define SSM_CONTROL_H

#include "coapmsg.h"

enum control_resource {                         /* Uri-Path of one letter */
                        CONTROL_KEYBLOCK = 'k', /* gateway: install this key block (KEYBLOCK_LEN bytes) */
                        CONTROL_LIVE =
                            'l', /* gateway: these are your sessions (2 bytes each); drop every other */
                        CONTROL_CLOSED = 'c', /* node: session (2 bytes) ended, reason (1 byte, enum
                                                 control_closed_reason) */
};

enum control_closed_reason {
    CONTROL_CLOSED_BY_PEER = 1, /* an authenticated close_notify or fatal alert */
    CONTROL_CLOSED_UNUSED = 2,  /* no record authenticated within 30 s of the install */
    CONTROL_CLOSED_EXPIRED = 3, /* the key block's lifetime is over, or the session's numbers are used up */
};

enum {
    CONTROL_MESSAGE_MAX =
        4 + 3 + 48,       /* header, Uri-Path and payload marker, the longest payload (a key block) */
    CONTROL_LIVE_MAX = 8, /* sessions in a CONTROL_LIVE list */
};

/* A control message, decoded. An acknowledgement has no resource and no payload; its code is the result. */
struct control_message {
    bool is_ack;
    uint8_t code;
    uint16_t message_id;
    uint8_t resource; /* of a request */
    const uint8_t *payload;
    size_t payload_len;
};

/* CON POST to a resource. `out` holds CONTROL_MESSAGE_MAX bytes; returns the length. payload_len is at most
 * 48, not 0 except for CONTROL_LIVE. */
size_t control_encode_request(uint8_t resource, uint16_t message_id, const void *payload, size_t payload_len,
                              uint8_t *out);
/* ACK with a response code: 4 bytes. */
size_t control_encode_ack(uint16_t message_id, uint8_t code, uint8_t *out);
/* SSM_MALFORMED: not a message that the two functions above produce. */
SSM_MUST_CHECK enum status control_decode(const uint8_t *body, size_t len, struct control_message *out);

#endif
