/*
 * How a simulated node reaches its gateway: a UDP socket, or a serial device with SLIP framing (slip.h).
 *
 * A serial device may go away, as when a plug is pulled; it is opened again when it is back.
 */
#ifndef SSM_HOST_LINK_H
#define SSM_HOST_LINK_H

#include "linkframe.h"
#include "slip.h"

enum { HOST_LINK_RETRY_MS = 250 };

struct host_link {
    int fd;             /* -1: the serial device is away */
    const char *serial; /* its path, the caller's; NULL: UDP */
    struct slip_reader reader;
    uint8_t datagram[LINK_MTU_ONE_HOP]; /* no more than a radio would deliver */
};

typedef void host_link_function(void *ctx, uint8_t *datagram, size_t len);

/* Both print what is wrong. SSM_IO: no link. */
SSM_MUST_CHECK enum status host_link_connect(struct host_link *link, const char *host, const char *port);
SSM_MUST_CHECK enum status host_link_open(struct host_link *link, const char *path);
void host_link_close(struct host_link *link);
/* What cannot be sent now is lost, as on any link. */
void host_link_send(struct host_link *link, const uint8_t *datagram, size_t len);
/* Hands out what has arrived. To be called when fd is readable. */
void host_link_read(struct host_link *link, host_link_function *fn, void *ctx);
/* Is the link there? Opens a serial device that was away if it is back; otherwise ask again in
 * HOST_LINK_RETRY_MS. */
bool host_link_is_there(struct host_link *link);

#endif
