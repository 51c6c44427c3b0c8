#include "control.h"

/* The few bytes of CoAP that never change (RFC 7252 3). */
enum {
    FIRST_BYTE_CON = 0x40, /* version 1, confirmable, no token */
    FIRST_BYTE_ACK = 0x60, /* version 1, acknowledgement, no token */
    URI_PATH_ONE_LETTER = COAP_OPTION_URI_PATH << 4 | 1,
    PAYLOAD_MARKER = 0xFF,
    PAYLOAD_MAX = 48,
    RESPONSE_CODE_MIN = COAP_CODE(2, 0),
    OPTION_AT = COAP_HEADER_LEN,
    MARKER_AT = OPTION_AT + 2,
    PAYLOAD_AT = MARKER_AT + 1,
};

static void header_write(uint8_t *out, uint8_t first, uint8_t code, uint16_t message_id)
{
    out[0] = first;
    out[1] = code;
    bytes_put_u16(out + 2, message_id);
}

size_t control_encode_request(uint8_t resource, uint16_t message_id, const void *payload, size_t payload_len,
                              uint8_t *out)
{
    SSM_ASSERT(payload_len <= PAYLOAD_MAX);
    header_write(out, FIRST_BYTE_CON, COAP_POST, message_id);
    out[OPTION_AT] = URI_PATH_ONE_LETTER;
    out[OPTION_AT + 1] = resource;
    if (payload_len == 0)
        return MARKER_AT;
    out[MARKER_AT] = PAYLOAD_MARKER;
    bytes_copy(out + PAYLOAD_AT, payload, payload_len);
    return PAYLOAD_AT + payload_len;
}

size_t control_encode_ack(uint16_t message_id, uint8_t code, uint8_t *out)
{
    header_write(out, FIRST_BYTE_ACK, code, message_id);
    return COAP_HEADER_LEN;
}

static enum status ack_check(const uint8_t *body, size_t len)
{
    return len == COAP_HEADER_LEN && body[1] >= RESPONSE_CODE_MIN ? SSM_OK : SSM_MALFORMED;
}

static enum status request_decode(const uint8_t *body, size_t len, struct control_message *out)
{
    if (len < MARKER_AT || body[0] != FIRST_BYTE_CON || body[1] != COAP_POST ||
        body[OPTION_AT] != URI_PATH_ONE_LETTER)
        return SSM_MALFORMED;
    out->resource = body[OPTION_AT + 1];
    if (len > PAYLOAD_AT && body[MARKER_AT] == PAYLOAD_MARKER) {
        out->payload = body + PAYLOAD_AT;
        out->payload_len = len - PAYLOAD_AT;
        return out->payload_len <= PAYLOAD_MAX ? SSM_OK : SSM_MALFORMED;
    }
    return len == MARKER_AT && out->resource == CONTROL_LIVE ? SSM_OK : SSM_MALFORMED;
}

enum status control_decode(const uint8_t *body, size_t len, struct control_message *out)
{
    if (len < COAP_HEADER_LEN)
        return SSM_MALFORMED;
    out->payload_len = 0;
    out->is_ack = body[0] == FIRST_BYTE_ACK;
    out->code = body[1];
    out->message_id = bytes_u16(body + 2);
    return out->is_ack ? ack_check(body, len) : request_decode(body, len, out);
}
