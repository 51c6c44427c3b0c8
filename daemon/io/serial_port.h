/*
 * The serial lines of the configuration, `serial_links`: how each is written, named and opened. A line is a
 * serial device, or a stream socket that somebody else listens on.
 *
 * The parent opens them; `relay` talks on them (serial_line.h); all three processes name them. Knows no
 * datagram.
 */
#ifndef SSM_SERIAL_PORT_H
#define SSM_SERIAL_PORT_H

#include "endpoint.h"
#include "status.h"

enum {
    SERIAL_PORTS_MAX = 16,
    SERIAL_PATH_MAX = 108, /* of struct sockaddr_un, which is the stricter one */
    SERIAL_NAME_MAX = SERIAL_PATH_MAX + 8,
};

/* What serial_port_parse takes as a rate. */
#define SERIAL_RATES "9600, 19200, 38400, 57600, 115200, 230400, 460800, 500000, 921600 or 1000000"

struct serial_port {
    char name[SERIAL_NAME_MAX]; /* "serial:/dev/ttyUSB0" or "unix:/run/board.sock" */
    uint32_t baud;              /* 0: a stream socket */
};

struct serial_ports {
    struct serial_port list[SERIAL_PORTS_MAX];
    uint8_t count;
};

/*
 * Reads "/dev/ttyUSB0", "/dev/ttyUSB0@57600" (115200 without a rate) or "unix:/run/board.sock".
 * SSM_MALFORMED: no absolute path; SSM_NO_ROOM: the path is too long; SSM_UNSUPPORTED: none of SERIAL_RATES.
 */
SSM_MUST_CHECK enum status serial_port_parse(const char *text, size_t len, struct serial_port *out);

/* By its name alone; the rate may change. */
struct endpoint serial_port_endpoint(const struct serial_port *port);
/* NULL: none of these has that endpoint. */
const struct serial_port *serial_ports_find(const struct serial_ports *ports,
                                            const struct endpoint *endpoint);
/* How a node's endpoint is written for people: the line's name, or as endpoint_text does. Returns `out`. */
const char *serial_ports_text(const struct serial_ports *ports, const struct endpoint *endpoint,
                              char out[SERIAL_NAME_MAX]);

/*
 * Opens without waiting. A device gets 8 data bits, no parity, one stop bit, no flow control, nothing
 * interpreted, and is closed to other programs; breaks and framing errors are marked among its bytes (PARMRK
 * of termios(3)). SSM_IO: errno says why; ENOTTY: it is no serial device.
 */
SSM_MUST_CHECK enum status serial_port_open(const struct serial_port *port, int *fd);
/* Closes at once, without waiting for what has not been sent. */
void serial_port_close(int fd);

#endif
