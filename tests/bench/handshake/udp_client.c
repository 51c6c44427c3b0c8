#include "udp_client.h"

#include "must.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

void udp_client_open(struct udp_client *u, unsigned port)
{
    const struct sockaddr_in gateway = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    *u = (struct udp_client){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    must(u->fd >= 0 && connect(u->fd, (const struct sockaddr *)&gateway, sizeof gateway) == 0,
         "no socket for a client");
}

/* What is not sent is lost, as on any network. */
static void on_send(void *ctx, const uint8_t *datagram, size_t len)
{
    (void)!send(((const struct udp_client *)ctx)->fd, datagram, len, 0);
}

void udp_client_begin(struct udp_client *u, const struct stock_library *library)
{
    stock_destroy(u->client);
    u->client = stock_create(library, on_send, u);
    (void)stock_run(u->client, NULL, 0);
}

size_t udp_client_receive(const struct udp_client *u, int timeout_ms,
                          uint8_t datagram[UDP_CLIENT_DATAGRAM_MAX])
{
    struct pollfd readable = {.fd = u->fd, .events = POLLIN};

    if (timeout_ms > 0)
        (void)poll(&readable, 1, timeout_ms);
    const ssize_t got = recv(u->fd, datagram, UDP_CLIENT_DATAGRAM_MAX, 0);
    return got > 0 ? (size_t)got : 0;
}

void udp_client_close(struct udp_client *u)
{
    stock_destroy(u->client);
    close(u->fd);
}
