/*
 * Datagrams on a serial line: SLIP (RFC 1055). Used by the gateway and by a node on a UART.
 *
 * No checksum: whatever a line spoils fails the datagram's own authentication. A datagram is sent with an END
 * at both of its ends, so that noise before it is a frame of its own.
 */
#ifndef SSM_SLIP_H
#define SSM_SLIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { /* RFC 1055 */
       SLIP_END = 0xC0,
       SLIP_ESC = 0xDB,
       SLIP_ESC_END = 0xDC,
       SLIP_ESC_ESC = 0xDD,
};

/* Bytes that a datagram of `len` takes on the line at most. */
#define SLIP_ENCODED_MAX(len) (2 * (len) + 2)

struct slip_reader {
    uint8_t *buffer; /* the caller's */
    uint16_t size;
    uint16_t len;
    bool is_escaped;
    bool is_spoiled;  /* too long or badly escaped: dropped at its END */
    uint16_t dropped; /* frames; stops at 65535 */
};

void slip_reader_init(struct slip_reader *r, uint8_t *buffer, uint16_t size);

/* Takes one byte. Returns the length of the datagram in the buffer when the byte ended one, else 0. The
 * buffer is the caller's until the next call. */
uint16_t slip_take(struct slip_reader *r, uint8_t byte);

/* The line has failed (break, framing error, overrun): drops the datagram in progress, counted at its END. */
void slip_spoil(struct slip_reader *r);

/* Writes `datagram` framed to `out` (room: SLIP_ENCODED_MAX(len)) and returns the length. */
size_t slip_encode(const uint8_t *datagram, size_t len, uint8_t *out);

#endif
