/*
 * One serial line to a node, as `relay` talks on it: whole datagrams, framed by SLIP (slip.h).
 *
 * Outlives its descriptor, which the parent opens (serial_port.h) and opens again when the plug was pulled;
 * while it has none the line is down. Never waits: what the line is too slow for is dropped and counted.
 * Knows nothing of what it carries.
 */
#ifndef SSM_SERIAL_LINE_H
#define SSM_SERIAL_LINE_H

#include "loop.h"
#include "slip.h"

enum {
    SERIAL_DATAGRAM_MAX = 1280, /* what is longer is spoiled */
    SERIAL_QUEUE_LEN = 4096,    /* framed bytes that wait to be written: a third of a second at 115200 baud */
};

struct serial_line;

struct serial_handler {
    void *ctx;
    /* One datagram; it and the `headroom` bytes in front of it are the handler's until it returns. */
    void (*on_datagram)(void *ctx, uint8_t *datagram, size_t len, uint64_t now_ms);
    /* The descriptor has failed and is closed. */
    void (*on_lost)(void *ctx);
};

/* Datagrams, but for the last: frames. */
struct serial_counts {
    uint64_t sent; /* queued to be written */
    uint64_t received;
    uint64_t dropped; /* to be sent, but the queue was full or the line down */
    uint64_t spoiled; /* too long, badly escaped, or hit by a break or a framing error */
};

/* A line that is down. `is_marked`: its bytes are those of a device opened by serial_port_open. NULL: no
 * memory.
 */
struct serial_line *serial_line_create(struct loop *loop, size_t headroom, bool is_marked,
                                       const struct serial_handler *handler);
/* NULL is fine. */
void serial_line_destroy(struct serial_line *line);
/* Takes `fd` over, in place of any other; half a frame and what still waited are lost. SIGPIPE has to be
 * ignored. */
void serial_line_attach(struct serial_line *line, int fd);
bool serial_line_is_up(const struct serial_line *line);
/* len <= SERIAL_DATAGRAM_MAX. It is copied, and written when the loop next turns. */
void serial_line_send(struct serial_line *line, const uint8_t *datagram, size_t len);
const struct serial_counts *serial_line_counts(const struct serial_line *line);

#endif
