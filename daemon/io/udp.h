/*
 * UDP sockets: opened by the parent, read and written in batches by `relay`.
 *
 * All are IPv6 sockets that take IPv4 in mapped form, so that there is one kind of address. A reply leaves
 * from the address that was addressed (RFC 3542 6.2). Datagrams of one length that follow each other between
 * the same endpoints cross the kernel as one, in both directions, where it can do so (UDP_SEGMENT, UDP_GRO);
 * nobody outside sees the difference. Knows nothing of what it carries; logs nothing per datagram.
 */
#ifndef SSM_UDP_H
#define SSM_UDP_H

#include "arrival.h"
#include "loop.h"

enum {
    UDP_BATCH = 64,             /* datagrams per system call */
    UDP_DATAGRAM_MAX = 16704,   /* what is longer is cut: a DTLS record of the largest size fits */
    UDP_OUTBOX_DATAGRAM = 1500, /* longer ones are sent by themselves */
};

enum udp_use {
    UDP_PEERS, /* its datagrams come with the address that they were sent to */
    UDP_LINK,  /* they do not; what it sends is never fragmented: a node has no room for that */
};

/*
 * Opens a non-blocking socket bound to `at`; two programs cannot share it. SSM_IO: errno says why.
 */
SSM_MUST_CHECK enum status udp_open(const struct endpoint *at, enum udp_use use, int *fd);

struct udp_socket;

/*
 * One datagram, received at `now_ms` (monotonic); it and the `headroom` bytes in front of it
 * (udp_reader_create) are the handler's until it returns, and not a byte behind it. In front of it may lie
 * what the handler got before and has returned; behind it, what it gets next.
 */
typedef void udp_datagram_function(void *ctx, const struct endpoint *local, const struct endpoint *peer,
                                   uint8_t *datagram, size_t len, uint64_t now_ms);

/* What is about to be handed over, datagram by datagram, so that its handler can fetch ahead. */
typedef void udp_expect_function(void *ctx, const struct arrival *batch, size_t count);

/* Receive buffers, shared by all sockets of a process. NULL: no memory. */
struct udp_reader;
struct udp_reader *udp_reader_create(struct loop *loop, size_t headroom);
void udp_reader_destroy(struct udp_reader *reader);

/* Takes `fd` over, on failure too (NULL). */
struct udp_socket *udp_socket_create(struct udp_reader *reader, int fd, udp_datagram_function *fn, void *ctx);
/* Has `expect` called before each batch of several messages, with the ctx of the socket. */
void udp_socket_expect(struct udp_socket *socket, udp_expect_function *expect);
/* Flush the outbox before: it may hold datagrams for this socket. NULL is fine. */
void udp_socket_destroy(struct udp_socket *socket);

/* Datagrams of one turn of the loop; those of one socket stay in order. They are copied. NULL: no memory.
 * Asks the kernel what it can do, on a socket of its own. */
struct udp_outbox;
struct udp_outbox *udp_outbox_create(void);
void udp_outbox_destroy(struct udp_outbox *outbox);
/* `local`: address to send from; all zero: the kernel chooses. A full outbox is flushed first. */
void udp_outbox_add(struct udp_outbox *outbox, const struct udp_socket *socket, const struct endpoint *local,
                    const struct endpoint *peer, const uint8_t *datagram, size_t len);
/* One system call per socket. What the kernel does not take is lost, as on any network, and counted. */
void udp_outbox_flush(struct udp_outbox *outbox);
uint64_t udp_outbox_lost(const struct udp_outbox *outbox);

#endif
