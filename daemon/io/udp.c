#include "udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BUFFER = 4 * 1024 * 1024 }; /* the kernel cuts it to net.core.rmem_max */

/* Room for one IPV6_PKTINFO. */
union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static struct sockaddr_in6 to_sockaddr(const struct endpoint *e)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};

    memcpy(&a.sin6_addr, e->addr, sizeof e->addr);
    return a;
}

static struct endpoint from_sockaddr(const struct sockaddr_in6 *a)
{
    struct endpoint e = {.port = ntohs(a->sin6_port)};

    memcpy(e.addr, &a->sin6_addr, sizeof e.addr);
    return e;
}

/* ---- opening ---- */

enum status udp_open(const struct endpoint *at, int *fd)
{
    struct sockaddr_in6 address = to_sockaddr(at);
    int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error;

    if (s < 0)
        return SSM_IO;
    if (setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int)) == 0 &&
        setsockopt(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, &(int){1}, sizeof(int)) == 0 &&
        setsockopt(s, SOL_SOCKET, SO_RCVBUF, &(int){RECEIVE_BUFFER}, sizeof(int)) == 0 &&
        bind(s, (const struct sockaddr *)&address, sizeof address) == 0) {
        *fd = s;
        return SSM_OK;
    }
    error = errno;
    close(s);
    errno = error;
    return SSM_IO;
}

/* ---- receiving ---- */

struct udp_reader {
    struct loop *loop;
    size_t headroom;
    size_t stride; /* bytes of one buffer, its headroom included */
    uint8_t *buffers;
    struct mmsghdr messages[UDP_BATCH];
    struct iovec iovs[UDP_BATCH];
    struct sockaddr_in6 peers[UDP_BATCH];
    union control controls[UDP_BATCH];
};

struct udp_socket {
    struct udp_reader *reader;
    int fd;
    uint16_t port; /* that it is bound to */
    struct loop_watch *readable;
    udp_datagram_function *fn;
    void *ctx;
};

struct udp_reader *udp_reader_create(struct loop *loop, size_t headroom)
{
    struct udp_reader *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->loop = loop;
    r->headroom = headroom;
    r->stride = headroom + UDP_DATAGRAM_MAX;
    r->buffers = calloc(UDP_BATCH, r->stride);
    if (r->buffers == NULL) {
        udp_reader_destroy(r);
        return NULL;
    }
    for (size_t i = 0; i < UDP_BATCH; i++) {
        r->iovs[i] = (struct iovec){r->buffers + i * r->stride + headroom, UDP_DATAGRAM_MAX};
        r->messages[i].msg_hdr = (struct msghdr){.msg_name = &r->peers[i],
                                                 .msg_iov = &r->iovs[i],
                                                 .msg_iovlen = 1,
                                                 .msg_control = &r->controls[i]};
    }
    return r;
}

void udp_reader_destroy(struct udp_reader *reader)
{
    if (reader == NULL)
        return;
    free(reader->buffers);
    free(reader);
}

/* The kernel overwrites both lengths on every call. */
static int receive_batch(struct udp_reader *r, int fd)
{
    for (size_t i = 0; i < UDP_BATCH; i++) {
        r->messages[i].msg_hdr.msg_namelen = sizeof r->peers[i];
        r->messages[i].msg_hdr.msg_controllen = sizeof r->controls[i];
    }
    return recvmmsg(fd, r->messages, UDP_BATCH, 0, NULL);
}

/* The address that the datagram was sent to. */
static struct endpoint local_of(struct msghdr *msg, uint16_t port)
{
    struct endpoint local = {.port = port};
    const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    struct in6_pktinfo info;

    if (c != NULL && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
        memcpy(&info, CMSG_DATA(c), sizeof info);
        memcpy(local.addr, &info.ipi6_addr, sizeof local.addr);
    }
    return local;
}

/* One batch a turn: the loop is level-triggered and comes back for more. */
static void on_readable(void *ctx)
{
    const struct udp_socket *s = ctx;
    struct udp_reader *r = s->reader;
    int count = receive_batch(r, s->fd);

    for (int i = 0; i < count; i++) {
        struct msghdr *msg = &r->messages[i].msg_hdr;
        struct endpoint local = local_of(msg, s->port);
        struct endpoint peer = from_sockaddr(&r->peers[i]);

        s->fn(s->ctx, &local, &peer, r->buffers + (size_t)i * r->stride + r->headroom,
              r->messages[i].msg_len);
    }
}

struct udp_socket *udp_socket_create(struct udp_reader *reader, int fd, udp_datagram_function *fn, void *ctx)
{
    struct udp_socket *s = calloc(1, sizeof *s);
    struct sockaddr_in6 bound;
    socklen_t len = sizeof bound;

    if (s == NULL) {
        close(fd);
        return NULL;
    }
    s->reader = reader;
    s->fd = fd;
    s->fn = fn;
    s->ctx = ctx;
    s->readable = loop_watch_readable(reader->loop, fd, on_readable, s);
    if (s->readable == NULL || getsockname(fd, (struct sockaddr *)&bound, &len) != 0) {
        udp_socket_destroy(s);
        return NULL;
    }
    s->port = ntohs(bound.sin6_port);
    return s;
}

void udp_socket_destroy(struct udp_socket *socket)
{
    if (socket == NULL)
        return;
    loop_watch_remove(socket->readable);
    close(socket->fd);
    free(socket);
}

/* ---- sending ---- */

struct outgoing {
    int fd; /* of its socket; -1: sent */
    size_t len;
    struct sockaddr_in6 peer;
    struct in6_addr local;
    uint8_t bytes[UDP_OUTBOX_DATAGRAM];
};

struct udp_outbox {
    size_t count;
    uint64_t lost;
    struct outgoing waiting[UDP_BATCH];
    struct mmsghdr messages[UDP_BATCH];
    struct iovec iovs[UDP_BATCH];
    union control controls[UDP_BATCH];
};

struct udp_outbox *udp_outbox_create(void)
{
    return calloc(1, sizeof(struct udp_outbox));
}

void udp_outbox_destroy(struct udp_outbox *outbox)
{
    free(outbox);
}

/* Describes one datagram to the kernel. The source address is named where it is known. */
static void fill_message(struct msghdr *msg, struct iovec *iov, union control *control,
                         struct sockaddr_in6 *peer, const struct in6_addr *local)
{
    struct in6_pktinfo info = {.ipi6_addr = *local};

    *msg = (struct msghdr){.msg_name = peer, .msg_namelen = sizeof *peer, .msg_iov = iov, .msg_iovlen = 1};
    if (IN6_IS_ADDR_UNSPECIFIED(local))
        return;
    control->header.cmsg_level = IPPROTO_IPV6;
    control->header.cmsg_type = IPV6_PKTINFO;
    control->header.cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(&control->header), &info, sizeof info);
    msg->msg_control = control->room;
    msg->msg_controllen = sizeof control->room;
}

static void send_alone(struct udp_outbox *o, int fd, const struct endpoint *local,
                       const struct endpoint *peer, const uint8_t *datagram, size_t len)
{
    struct sockaddr_in6 to = to_sockaddr(peer);
    struct in6_addr from = to_sockaddr(local).sin6_addr;
    struct iovec iov = {(void *)(uintptr_t)datagram, len};
    union control control = {0};
    struct msghdr msg;

    fill_message(&msg, &iov, &control, &to, &from);
    if (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
        o->lost++;
}

void udp_outbox_add(struct udp_outbox *outbox, const struct udp_socket *socket, const struct endpoint *local,
                    const struct endpoint *peer, const uint8_t *datagram, size_t len)
{
    struct outgoing *out;

    if (outbox->count == UDP_BATCH || len > UDP_OUTBOX_DATAGRAM)
        udp_outbox_flush(outbox);
    if (len > UDP_OUTBOX_DATAGRAM) {
        send_alone(outbox, socket->fd, local, peer, datagram, len);
        return;
    }
    out = &outbox->waiting[outbox->count++];
    out->fd = socket->fd;
    out->len = len;
    out->peer = to_sockaddr(peer);
    out->local = to_sockaddr(local).sin6_addr;
    memcpy(out->bytes, datagram, len);
}

/* Gathers what leaves by the socket of the `first` one; returns how many. */
static unsigned gather(struct udp_outbox *o, size_t first)
{
    int fd = o->waiting[first].fd;
    unsigned count = 0;

    for (size_t i = first; i < o->count; i++) {
        struct outgoing *out = &o->waiting[i];

        if (out->fd != fd)
            continue;
        o->iovs[count] = (struct iovec){out->bytes, out->len};
        fill_message(&o->messages[count].msg_hdr, &o->iovs[count], &o->controls[count], &out->peer,
                     &out->local);
        out->fd = -1;
        count++;
    }
    return count;
}

/* sendmmsg stops at a datagram that it cannot send and tells so on the next call: that one is left out. */
static void send_gathered(struct udp_outbox *o, int fd, unsigned count)
{
    unsigned sent = 0;

    while (sent < count) {
        int n = sendmmsg(fd, o->messages + sent, count - sent, MSG_NOSIGNAL);

        if (n <= 0) {
            o->lost++;
            n = 1;
        }
        sent += (unsigned)n;
    }
}

void udp_outbox_flush(struct udp_outbox *outbox)
{
    for (size_t i = 0; i < outbox->count; i++) {
        int fd = outbox->waiting[i].fd;

        if (fd >= 0)
            send_gathered(outbox, fd, gather(outbox, i));
    }
    outbox->count = 0;
}

uint64_t udp_outbox_lost(const struct udp_outbox *outbox)
{
    return outbox->lost;
}
