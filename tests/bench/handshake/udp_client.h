/* A client (stock.h) on a UDP socket of its own. */
#ifndef SSM_BENCH_UDP_CLIENT_H
#define SSM_BENCH_UDP_CLIENT_H

#include "stock.h"

enum { UDP_CLIENT_DATAGRAM_MAX = 2048 };

struct udp_client {
    int fd;
    struct stock *client; /* NULL: none yet */
};

/* A socket that talks with this port on loopback. */
void udp_client_open(struct udp_client *u, unsigned port);
/* Begins a handshake, from the same address as the one before, which is given up. */
void udp_client_begin(struct udp_client *u, const struct stock_library *library);
/* Waits for a datagram; returns its length, 0: none came. */
size_t udp_client_receive(const struct udp_client *u, int timeout_ms,
                          uint8_t datagram[UDP_CLIENT_DATAGRAM_MAX]);
void udp_client_close(struct udp_client *u);

#endif
