/*
 * The serial lines as `relay` has them: datagrams between them and the relay, and their state for ssmctl.
 *
 * Called by proc/relay.c alone. Their descriptors come from the parent (lines.h), which is told when one
 * fails.
 */
#ifndef SSM_RELAY_LINES_H
#define SSM_RELAY_LINES_H

#include "child.h"
#include "relay.h"
#include "serial_line.h"

struct relay_line {
    struct relay_lines *lines;
    struct serial_line *serial;
    struct endpoint endpoint;
    uint64_t since_ms; /* it came up, or went down */
};

struct relay_lines {
    const struct serial_ports *ports; /* of the configuration */
    struct child *child;
    struct relay *relay;
    struct relay_line list[SERIAL_PORTS_MAX];
};

/* All lines, down. SSM_IO: no memory. */
SSM_MUST_CHECK enum status relay_lines_open(struct relay_lines *l, const struct serial_ports *ports,
                                            struct child *child, struct relay *relay);
void relay_lines_close(struct relay_lines *l);
/* Takes `fd` over. */
void relay_lines_attach(struct relay_lines *l, uint8_t number, int fd);
/* What is for a line that is no longer configured is dropped. */
void relay_lines_send(struct relay_lines *l, const struct endpoint *node, const uint8_t *datagram,
                      size_t len);
/* Row of the line `number` < ports->count. */
struct link_row relay_lines_row(const struct relay_lines *l, uint8_t number, uint64_t now_ms);

#endif
