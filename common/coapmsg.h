/*
 * A CoAP codec that a node can afford (RFC 7252 3): one message in one buffer, options in order, no
 * allocation. Used for the peers' requests on the node and for control messages on both sides.
 */
#ifndef SSM_COAPMSG_H
#define SSM_COAPMSG_H

#include "bytes.h"

enum coap_type { COAP_CON = 0, COAP_NON = 1, COAP_ACK = 2, COAP_RST = 3 };

#define COAP_CODE(class, detail) (((class) << 5) | (detail))
enum coap_code { /* RFC 7252 12.1 */
                 COAP_EMPTY = 0,
                 COAP_GET = 1,
                 COAP_POST = 2,
                 COAP_PUT = 3,
                 COAP_DELETE = 4,
                 COAP_CREATED = COAP_CODE(2, 1),
                 COAP_CHANGED = COAP_CODE(2, 4),
                 COAP_CONTENT = COAP_CODE(2, 5),
                 COAP_BAD_REQUEST = COAP_CODE(4, 0),
                 COAP_BAD_OPTION = COAP_CODE(4, 2),
                 COAP_FORBIDDEN = COAP_CODE(4, 3),
                 COAP_NOT_FOUND = COAP_CODE(4, 4),
                 COAP_METHOD_NOT_ALLOWED = COAP_CODE(4, 5),
                 COAP_NOT_ACCEPTABLE = COAP_CODE(4, 6),
                 COAP_TOO_LARGE = COAP_CODE(4, 13),
                 COAP_UNSUPPORTED_FORMAT = COAP_CODE(4, 15),
                 COAP_TOO_MANY_REQUESTS = COAP_CODE(4, 29), /* RFC 8516 */
                 COAP_UNAVAILABLE = COAP_CODE(5, 3),
};

enum coap_option { /* RFC 7252 12.2, RFC 7641, RFC 7959 */
                   COAP_OPTION_URI_HOST = 3,
                   COAP_OPTION_OBSERVE = 6,
                   COAP_OPTION_URI_PORT = 7,
                   COAP_OPTION_URI_PATH = 11,
                   COAP_OPTION_CONTENT_FORMAT = 12,
                   COAP_OPTION_MAX_AGE = 14,
                   COAP_OPTION_URI_QUERY = 15,
                   COAP_OPTION_ACCEPT = 17,
                   COAP_OPTION_BLOCK2 = 23,
                   COAP_OPTION_BLOCK1 = 27,
};

enum coap_format { COAP_FORMAT_TEXT = 0, COAP_FORMAT_LINK = 40 };

enum { COAP_HEADER_LEN = 4, COAP_TOKEN_MAX = 8 };

struct coapmsg {
    uint8_t type; /* enum coap_type */
    uint8_t code;
    uint16_t message_id;
    uint8_t token_len;
    uint8_t token[COAP_TOKEN_MAX];
    const uint8_t *options; /* inside the message; walk them with coapmsg_options */
    const uint8_t *payload; /* inside the message */
    uint16_t payload_len;   /* 0: none */
};

/*
 * Parses and checks a whole message, its options' framing included. SSM_MALFORMED: fewer bytes than its
 * fields say, another version, a token length above 8, a reserved option nibble, a payload marker without
 * payload, or an Empty message with anything behind its header (RFC 7252 4.1).
 */
SSM_MUST_CHECK enum status coapmsg_decode(const uint8_t *buf, size_t len, struct coapmsg *out);

/* Walks the options of a decoded message in order. */
struct coap_option_walk {
    const uint8_t *at;  /* what follows the option */
    const uint8_t *end; /* of the message */
    const uint8_t *value;
    uint16_t len;
    uint16_t number;
    bool is_broken; /* the framing is; never so in a decoded message */
};

struct coap_option_walk coapmsg_options(const struct coapmsg *m);
/* Steps to the next option; false at the end. */
bool coap_option_next(struct coap_option_walk *walk);
/* The option's value as an unsigned integer (RFC 7252 3.2); 0xFFFFFFFF if it is longer than four bytes. */
uint32_t coap_option_uint(const struct coap_option_walk *walk);
/* Is this option critical, that is, must a request with it be refused if it is not understood (RFC
 * 7252 5.4.1)? */
bool coap_option_is_critical(uint16_t number);

/* Builds a message; the writer's first error sticks. Options must come in ascending order. */
struct coap_builder {
    struct writer out;
    uint16_t last_option;
};

struct coap_builder coap_build(void *buf, size_t cap, uint8_t type, uint8_t code, uint16_t message_id,
                               const uint8_t *token, uint8_t token_len);
void coap_add_option(struct coap_builder *b, uint16_t number, const void *value, uint16_t len);
void coap_add_option_uint(struct coap_builder *b, uint16_t number, uint32_t value);
/* Adds the payload marker and the payload; nothing for len 0. */
void coap_add_payload(struct coap_builder *b, const void *payload, uint16_t len);
/* The finished message's length. */
SSM_MUST_CHECK enum status coap_finish(const struct coap_builder *b, size_t *len);

#endif
