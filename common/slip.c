#include "slip.h"

void slip_reader_init(struct slip_reader *r, uint8_t *buffer, uint16_t size)
{
    *r = (struct slip_reader){.buffer = buffer, .size = size};
}

static uint16_t frame_end(struct slip_reader *r)
{
    bool is_spoiled = r->is_spoiled || r->is_escaped;
    uint16_t len = is_spoiled ? 0 : r->len;

    if (is_spoiled && r->dropped != UINT16_MAX)
        r->dropped++;
    r->len = 0;
    r->is_escaped = false;
    r->is_spoiled = false;
    return len;
}

/* The byte that stands behind an ESC. */
static uint8_t escaped_byte(struct slip_reader *r, uint8_t byte)
{
    r->is_escaped = false;
    if (byte == SLIP_ESC_END)
        return SLIP_END;
    if (byte != SLIP_ESC_ESC)
        r->is_spoiled = true;
    return SLIP_ESC;
}

uint16_t slip_take(struct slip_reader *r, uint8_t byte)
{
    if (byte == SLIP_END)
        return frame_end(r);
    if (r->is_escaped) {
        byte = escaped_byte(r, byte);
    } else if (byte == SLIP_ESC) {
        r->is_escaped = true;
        return 0;
    }
    if (r->len == r->size)
        r->is_spoiled = true;
    else
        r->buffer[r->len++] = byte;
    return 0;
}

void slip_spoil(struct slip_reader *r)
{
    r->is_spoiled = true;
}

size_t slip_encode(const uint8_t *datagram, size_t len, uint8_t *out)
{
    uint8_t *at = out;

    *at++ = SLIP_END;
    for (; len > 0; len--, datagram++) {
        if (*datagram != SLIP_END && *datagram != SLIP_ESC) {
            *at++ = *datagram;
            continue;
        }
        *at++ = SLIP_ESC;
        *at++ = *datagram == SLIP_END ? SLIP_ESC_END : SLIP_ESC_ESC;
    }
    *at++ = SLIP_END;
    return (size_t)(at - out);
}
