#include "coapmsg.h"

enum { /* RFC 7252 3 and 3.1 */
       VERSION_SHIFT = 6,
       VERSION = 1,
       TYPE_SHIFT = 4,
       TYPE_MASK = 3,
       TOKEN_LEN_MASK = 15,
       PAYLOAD_MARKER = 0xFF,
       ONE_BYTE_MORE = 13,  /* nibble: one byte follows, less 13 */
       TWO_BYTES_MORE = 14, /* nibble: two bytes follow, less 269 */
       NIBBLE_RESERVED = 15,
       TWO_BYTES_BASE = 269,
};

/* The value that a nibble of the option's first byte stands for (RFC 7252 3.1). */
static uint32_t nibble_extend(struct reader *r, uint8_t nibble)
{
    if (nibble == ONE_BYTE_MORE)
        return (uint32_t)ONE_BYTE_MORE + reader_u8(r);
    if (nibble == TWO_BYTES_MORE)
        return (uint32_t)TWO_BYTES_BASE + reader_u16(r);
    return nibble;
}

static enum status option_read(struct coap_option_walk *walk)
{
    struct reader *r = &walk->rest;
    uint8_t first = reader_u8(r);
    uint32_t number;
    uint32_t len;

    if (first >> 4 == NIBBLE_RESERVED || (first & 15) == NIBBLE_RESERVED)
        return SSM_MALFORMED;
    number = walk->number + nibble_extend(r, first >> 4);
    len = nibble_extend(r, first & 15);
    if (number > UINT16_MAX)
        return SSM_MALFORMED;
    if (r->status != SSM_OK || len > r->left)
        return SSM_TRUNCATED;
    walk->number = (uint16_t)number;
    walk->len = (uint16_t)len;
    walk->value = reader_take(r, walk->len);
    return SSM_OK;
}

/* Sets the options and payload of `out` from what follows the token. */
static enum status options_and_payload_read(const struct reader *rest, struct coapmsg *out)
{
    struct coap_option_walk walk = {.rest = *rest};

    out->options = rest->at;
    while (walk.rest.left > 0 && *walk.rest.at != PAYLOAD_MARKER) {
        enum status status = option_read(&walk);
        if (status != SSM_OK)
            return status;
    }
    out->options_len = (uint16_t)(walk.rest.at - out->options);
    out->payload = NULL;
    out->payload_len = 0;
    if (walk.rest.left == 0)
        return SSM_OK;
    if (walk.rest.left == 1)
        return SSM_MALFORMED; /* RFC 7252 3: a marker without payload */
    out->payload = walk.rest.at + 1;
    out->payload_len = (uint16_t)(walk.rest.left - 1);
    return SSM_OK;
}

enum status coapmsg_decode(const uint8_t *buf, size_t len, struct coapmsg *out)
{
    struct reader r = reader_over(buf, len);
    uint8_t first = reader_u8(&r);

    out->type = (first >> TYPE_SHIFT) & TYPE_MASK;
    out->token_len = first & TOKEN_LEN_MASK;
    out->code = reader_u8(&r);
    out->message_id = reader_u16(&r);
    if (r.status != SSM_OK)
        return r.status;
    if (first >> VERSION_SHIFT != VERSION || out->token_len > COAP_TOKEN_MAX)
        return SSM_MALFORMED;
    if (out->code == COAP_EMPTY && len != COAP_HEADER_LEN)
        return SSM_MALFORMED; /* RFC 7252 4.1 */
    reader_copy(&r, out->token, out->token_len);
    if (r.status != SSM_OK)
        return r.status;
    if (r.left > UINT16_MAX)
        return SSM_MALFORMED;
    return options_and_payload_read(&r, out);
}

struct coap_option_walk coapmsg_options(const struct coapmsg *m)
{
    return (struct coap_option_walk){.rest = reader_over(m->options, m->options_len)};
}

bool coap_option_next(struct coap_option_walk *walk)
{
    return walk->rest.left > 0 && option_read(walk) == SSM_OK;
}

uint32_t coap_option_uint(const struct coap_option_walk *walk)
{
    uint32_t value = 0;

    if (walk->len > 4)
        return 0xFFFFFFFF;
    for (uint8_t i = 0; i < walk->len; i++)
        value = value << 8 | walk->value[i];
    return value;
}

bool coap_option_is_critical(uint16_t number)
{
    return (number & 1) != 0;
}

struct coap_builder coap_build(void *buf, size_t cap, uint8_t type, uint8_t code, uint16_t message_id,
                               const uint8_t *token, uint8_t token_len)
{
    struct coap_builder b = {.out = writer_over(buf, cap)};

    SSM_ASSERT(token_len <= COAP_TOKEN_MAX);
    writer_u8(&b.out, (uint8_t)(VERSION << VERSION_SHIFT | type << TYPE_SHIFT | token_len));
    writer_u8(&b.out, code);
    writer_u16(&b.out, message_id);
    writer_bytes(&b.out, token, token_len);
    return b;
}

static uint8_t nibble_of(uint16_t value)
{
    if (value < ONE_BYTE_MORE)
        return (uint8_t)value;
    return value < TWO_BYTES_BASE ? ONE_BYTE_MORE : TWO_BYTES_MORE;
}

static void nibble_extension_write(struct writer *w, uint16_t value)
{
    if (value >= TWO_BYTES_BASE)
        writer_u16(w, (uint16_t)(value - TWO_BYTES_BASE));
    else if (value >= ONE_BYTE_MORE)
        writer_u8(w, (uint8_t)(value - ONE_BYTE_MORE));
}

void coap_add_option(struct coap_builder *b, uint16_t number, const void *value, uint16_t len)
{
    uint16_t delta = (uint16_t)(number - b->last_option);

    SSM_ASSERT(number >= b->last_option);
    writer_u8(&b->out, (uint8_t)(nibble_of(delta) << 4 | nibble_of(len)));
    nibble_extension_write(&b->out, delta);
    nibble_extension_write(&b->out, len);
    writer_bytes(&b->out, value, len);
    b->last_option = number;
}

void coap_add_option_uint(struct coap_builder *b, uint16_t number, uint32_t value)
{
    uint8_t wire[4];
    uint16_t skip = 0;
    struct writer w = writer_over(wire, sizeof wire);

    writer_u32(&w, value);
    while (skip < sizeof wire && wire[skip] == 0) /* RFC 7252 3.2: no leading zero bytes */
        skip++;
    coap_add_option(b, number, wire + skip, (uint16_t)(sizeof wire - skip));
}

void coap_add_payload(struct coap_builder *b, const void *payload, uint16_t len)
{
    if (len == 0)
        return;
    writer_u8(&b->out, PAYLOAD_MARKER);
    writer_bytes(&b->out, payload, len);
}

enum status coap_finish(const struct coap_builder *b, size_t *len)
{
    *len = b->out.len;
    return b->out.status;
}
