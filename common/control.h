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
                        CONTROL_CLOSED = 'c',   /* node: session (2 bytes) ended, reason (1 byte, enum
                                                   control_closed_reason) */
                        CONTROL_OUTBOUND = 'o', /* node: a session with the server of this URI, please */
                        CONTROL_FAILED =
                            'f', /* gateway: no session for the CONTROL_OUTBOUND of this message
                                    id (2 bytes), reason (1 byte, enum control_outbound_reason) */
};

enum control_closed_reason {
    CONTROL_FLOODED = 0,        /* it lives; another CONTROL_FLOOD records have not authenticated */
    CONTROL_CLOSED_BY_PEER = 1, /* an authenticated close_notify or fatal alert */
    CONTROL_CLOSED_UNUSED = 2,  /* no record authenticated within 30 s of the install */
    CONTROL_CLOSED_EXPIRED = 3, /* the key block's lifetime is over, or the session's numbers are used up */
    CONTROL_CLOSED_FORGED = 4,  /* too many records that have not authenticated */
    CONTROL_CLOSED_SILENT = 5,  /* the server acknowledges nothing (RFC 7252 4.2) */
};

/* Why an attempt of the gateway has come to nothing. */
enum control_outbound_reason {
    CONTROL_OUTBOUND_NO_NAME = 1,   /* the server's name does not resolve */
    CONTROL_OUTBOUND_NO_ANSWER = 2, /* the server does not answer */
    CONTROL_OUTBOUND_REFUSED = 3,   /* the server's alert */
    CONTROL_OUTBOUND_PROTOCOL = 4,  /* another version, malformed messages, or those of the wrong role */
    CONTROL_OUTBOUND_WRONG_PSK = 5,
    CONTROL_OUTBOUND_EXPIRED = 6,    /* its certificate is, or is not yet valid */
    CONTROL_OUTBOUND_OTHER_NAME = 7, /* its certificate is for another name */
    CONTROL_OUTBOUND_FOREIGN_CA = 8,
    CONTROL_OUTBOUND_SELF_SIGNED = 9,
    CONTROL_OUTBOUND_UNFIT = 10,   /* its certificate, for another cause */
    CONTROL_OUTBOUND_NO_ROOM = 11, /* slots, sessions */
    CONTROL_OUTBOUND_BROKEN = 12,  /* the gateway: store, memory */
    CONTROL_OUTBOUND_REASONS,
};

enum {
    CONTROL_MESSAGE_MAX =
        4 + 3 + 48,       /* header, Uri-Path and payload marker, the longest payload (a key block) */
    CONTROL_LIVE_MAX = 8, /* sessions in a CONTROL_LIVE list */
    CONTROL_URI_MAX = 48, /* characters of the URI in a CONTROL_OUTBOUND */
    CONTROL_FAILED_LEN = 3,
    CONTROL_FLOOD = 1 << 10, /* records of a session that have not authenticated, since the last report */
    CONTROL_FLOODS_MAX = 1 << 10, /* with the last of them, 2^20 records, the node ends the session */
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
/* ACK with a response code, 2.00 or above: 4 bytes. */
size_t control_encode_ack(uint16_t message_id, uint8_t code, uint8_t *out);
/* SSM_MALFORMED: not a message that the two functions above produce. */
SSM_MUST_CHECK enum status control_decode(const uint8_t *body, size_t len, struct control_message *out);

#endif
