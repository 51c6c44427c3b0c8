#include "host_link.h"

#include "bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

enum status host_link_connect(struct host_link *link, const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *list;
    int error = getaddrinfo(host, port, &hints, &list);

    *link = (struct host_link){.fd = -1};
    if (error != 0) {
        fprintf(stderr, "ssm-node: gateway %s port %s: %s\n", host, port, gai_strerror(error));
        return SSM_IO;
    }
    for (const struct addrinfo *a = list; a != NULL && link->fd < 0; a = a->ai_next) {
        link->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
        if (link->fd >= 0 && connect(link->fd, a->ai_addr, a->ai_addrlen) != 0)
            host_link_close(link);
    }
    freeaddrinfo(list);
    if (link->fd >= 0)
        return SSM_OK;
    fprintf(stderr, "ssm-node: cannot reach gateway %s port %s: %s\n", host, port, strerror(errno));
    return SSM_IO;
}

/* ---- a serial device ---- */

/* 115200 baud, 8N1, as a board's UART. */
static bool serial_set_up(int fd)
{
    struct termios line;

    if (tcgetattr(fd, &line) != 0)
        return false;
    cfmakeraw(&line);
    line.c_cflag |= CREAD | CLOCAL;
    return cfsetspeed(&line, B115200) == 0 && tcsetattr(fd, TCSANOW, &line) == 0;
}

static bool serial_open(struct host_link *link)
{
    link->fd = open(link->serial, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (link->fd >= 0 && !serial_set_up(link->fd)) {
        int error = errno;

        host_link_close(link);
        errno = error;
    }
    slip_reader_init(&link->reader, link->datagram, sizeof link->datagram);
    return link->fd >= 0;
}

enum status host_link_open(struct host_link *link, const char *path)
{
    *link = (struct host_link){.fd = -1, .serial = path};
    if (serial_open(link))
        return SSM_OK;
    fprintf(stderr, "ssm-node: cannot open %s: %s\n", path, strerror(errno));
    return SSM_IO;
}

bool host_link_is_there(struct host_link *link)
{
    if (link->fd >= 0)
        return true;
    if (!serial_open(link))
        return false;
    printf("ssm-node: %s is back\n", link->serial);
    return true;
}

static void serial_read(struct host_link *link, host_link_function *fn, void *ctx)
{
    uint8_t bytes[256];
    ssize_t len = read(link->fd, bytes, sizeof bytes);

    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0) {
        printf("ssm-node: %s is gone\n", link->serial);
        host_link_close(link);
        return;
    }
    for (ssize_t i = 0; i < len; i++) {
        uint16_t datagram_len = slip_take(&link->reader, bytes[i]);

        if (datagram_len > 0)
            fn(ctx, link->datagram, datagram_len);
    }
}

static void serial_send(const struct host_link *link, const uint8_t *datagram, size_t len)
{
    uint8_t frame[SLIP_ENCODED_MAX(LINK_MTU_ONE_HOP)];

    SSM_ASSERT(len <= LINK_MTU_ONE_HOP);
    ssize_t sent = write(link->fd, frame, slip_encode(datagram, len, frame));
    (void)sent;
}

/* ---- both ---- */

void host_link_close(struct host_link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
}

void host_link_send(struct host_link *link, const uint8_t *datagram, size_t len)
{
    if (link->fd < 0)
        return;
    if (link->serial != NULL) {
        serial_send(link, datagram, len);
        return;
    }
    /* A gateway that is not there yet refuses by ICMP; the core repeats what matters. */
    ssize_t sent = send(link->fd, datagram, len, 0);
    (void)sent;
}

void host_link_read(struct host_link *link, host_link_function *fn, void *ctx)
{
    if (link->serial != NULL) {
        serial_read(link, fn, ctx);
    } else {
        ssize_t len = recv(link->fd, link->datagram, sizeof link->datagram, MSG_TRUNC);

        if (len > 0 && (size_t)len <= sizeof link->datagram)
            fn(ctx, link->datagram, (size_t)len);
    }
}
