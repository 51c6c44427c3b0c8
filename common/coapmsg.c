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

static uint8_t walk_u8(struct coap_option_walk *walk)
{
    if (walk->at != walk->end)
        return *walk->at++;
    walk->is_broken = true;
    return 0;
}

/* The value that a nibble of the option's first byte stands for (RFC 7252 3.1). */
static SSM_NOINLINE uint16_t nibble_extend(struct coap_option_walk *walk, uint8_t nibble)
{
    uint16_t value;

    if (nibble < ONE_BYTE_MORE)
        return nibble;
    value = walk_u8(walk);
    if (nibble == ONE_BYTE_MORE)
        return (uint16_t)(value + ONE_BYTE_MORE);
    value = (uint16_t)((value << 8 | walk_u8(walk)) + TWO_BYTES_BASE);
    if (value < TWO_BYTES_BASE || nibble == NIBBLE_RESERVED)
        walk->is_broken = true;
    return value;
}

bool coap_option_next(struct coap_option_walk *walk)
{
    uint16_t before = walk->number;
    uint8_t first;

    if (walk->at == walk->end || *walk->at == PAYLOAD_MARKER)
        return false;
    first = *walk->at++;
    walk->number = (uint16_t)(before + nibble_extend(walk, first >> 4));
    walk->len = nibble_extend(walk, first & 15);
    walk->value = walk->at;
    if (walk->number < before || walk->len > (size_t)(walk->end - walk->at))
        walk->is_broken = true;
    if (walk->is_broken)
        return false;
    walk->at += walk->len;
    return true;
}

enum status coapmsg_decode(const uint8_t *buf, size_t len, struct coapmsg *out)
{
    struct coap_option_walk walk;

    if (len < COAP_HEADER_LEN || len > UINT16_MAX || buf[0] >> VERSION_SHIFT != VERSION)
        return SSM_MALFORMED;
    out->type = buf[0] >> TYPE_SHIFT & TYPE_MASK;
    out->token_len = buf[0] & TOKEN_LEN_MASK;
    out->code = buf[1];
    out->message_id = bytes_u16(buf + 2);
    len -= COAP_HEADER_LEN;
    if (out->token_len > COAP_TOKEN_MAX || len < out->token_len ||
        (out->code == COAP_EMPTY && len != 0)) /* RFC 7252 4.1 */
        return SSM_MALFORMED;
    bytes_copy(out->token, buf + COAP_HEADER_LEN, out->token_len);
    out->options = buf + COAP_HEADER_LEN + out->token_len;
    out->payload = buf + COAP_HEADER_LEN + len; /* so far the end */
    out->payload_len = 0;
    walk = coapmsg_options(out);
    while (coap_option_next(&walk))
        ;
    if (walk.is_broken)
        return SSM_MALFORMED;
    if (walk.at == walk.end)
        return SSM_OK;
    out->payload = walk.at + 1; /* behind the marker */
    out->payload_len = (uint16_t)(walk.end - out->payload);
    return out->payload_len > 0 ? SSM_OK : SSM_MALFORMED; /* RFC 7252 3 */
}

struct coap_option_walk coapmsg_options(const struct coapmsg *m)
{
    return (struct coap_option_walk){.at = m->options, .end = m->payload + m->payload_len};
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
