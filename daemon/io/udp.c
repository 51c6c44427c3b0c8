#include "udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RECEIVE_BUFFER = 4 * 1024 * 1024, /* the kernel cuts it to net.core.rmem_max */
    COALESCED_MAX = 65535,            /* bytes of payload that the kernel hands over as one message */
    SEGMENTED_MAX = 65507,            /* the same on sending: the payload of the longest IPv4 datagram */
    PATIENCE = 4,                     /* full batches after one that was not */
    SEGMENTS_MAX = 64,                /* what every kernel with UDP_SEGMENT takes in one message */
};
_Static_assert(UDP_BATCH <= (int)SEGMENTS_MAX, "what leaves together never has too many segments");

/* Room for one IPV6_PKTINFO, and one UDP_GRO (int) or UDP_SEGMENT (uint16_t). */
union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

static struct sockaddr_in6 to_sockaddr(const struct endpoint *e)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};

    memcpy(&a.sin6_addr, e->addr, sizeof e->addr);
    return a;
}

static bool is_any(const struct endpoint *e)
{
    static const struct endpoint any;

    return memcmp(e->addr, any.addr, sizeof any.addr) == 0;
}

static struct endpoint from_sockaddr(const struct sockaddr_in6 *a)
{
    struct endpoint e = {.port = ntohs(a->sin6_port)};

    memcpy(e.addr, &a->sin6_addr, sizeof e.addr);
    return e;
}

/* ---- opening ---- */

static bool set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* Never fragmented, so the kernel need not number the packets for reassembly, which costs. */
static bool never_fragment(int fd)
{
    return set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO) &&
           set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
}

enum status udp_open(const struct endpoint *at, enum udp_use use, int *fd)
{
    struct sockaddr_in6 address = to_sockaddr(at);
    bool wants_local = use == UDP_PEERS && is_any(at);
    int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error;

    if (s < 0)
        return SSM_IO;
    (void)set_option(s, IPPROTO_UDP, UDP_GRO, 1); /* where the kernel has it */
    if (set_option(s, IPPROTO_IPV6, IPV6_V6ONLY, 0) && set_option(s, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER) &&
        (!wants_local || set_option(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)) &&
        (use != UDP_LINK || never_fragment(s)) &&
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
    unsigned used; /* messages that the last call may have filled */
    uint8_t *buffers;
    struct mmsghdr messages[UDP_BATCH];
    struct iovec iovs[UDP_BATCH];
    struct sockaddr_in6 peers[UDP_BATCH];
    union control controls[UDP_BATCH];
    struct arrival arrivals[UDP_BATCH];
};

struct udp_socket {
    struct udp_reader *reader;
    int fd;
    unsigned batch;        /* datagrams to ask for */
    unsigned patience;     /* full batches until more is asked for */
    struct endpoint local; /* that it is bound to; of any address, each datagram tells its own */
    struct loop_watch *readable;
    udp_datagram_function *fn;
    udp_expect_function *expect; /* or NULL */
    void *ctx;
};

struct udp_reader *udp_reader_create(struct loop *loop, size_t headroom)
{
    struct udp_reader *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->loop = loop;
    r->headroom = headroom;
    r->stride = headroom + COALESCED_MAX;
    r->buffers = calloc(UDP_BATCH, r->stride);
    if (r->buffers == NULL) {
        udp_reader_destroy(r);
        return NULL;
    }
    for (size_t i = 0; i < UDP_BATCH; i++) {
        r->iovs[i] = (struct iovec){r->buffers + i * r->stride + headroom, COALESCED_MAX};
        r->messages[i].msg_hdr = (struct msghdr){.msg_name = &r->peers[i],
                                                 .msg_iov = &r->iovs[i],
                                                 .msg_iovlen = 1,
                                                 .msg_control = &r->controls[i]};
    }
    r->used = UDP_BATCH;
    return r;
}

void udp_reader_destroy(struct udp_reader *reader)
{
    if (reader == NULL)
        return;
    free(reader->buffers);
    free(reader);
}

/* Asks next time for as much as there was: it costs to ask each of a thousand sockets, that have a datagram
 * each, for another. */
static void adapt_batch(struct udp_socket *s, unsigned got)
{
    if (got < s->batch) {
        s->batch = got > 0 ? got : 1;
        s->patience = PATIENCE;
    } else if (s->patience > 0) {
        s->patience--;
    } else {
        s->batch = s->batch < UDP_BATCH / 2 ? 2 * s->batch : UDP_BATCH;
    }
}

static unsigned receive_batch(struct udp_socket *s)
{
    struct udp_reader *r = s->reader;
    int count;

    /* The kernel has overwritten both lengths. */
    for (size_t i = 0; i < r->used; i++) {
        r->messages[i].msg_hdr.msg_namelen = sizeof r->peers[i];
        r->messages[i].msg_hdr.msg_controllen = sizeof r->controls[i];
    }
    count = recvmmsg(s->fd, r->messages, s->batch, 0, NULL);
    r->used = count > 0 ? (unsigned)count : 0;
    adapt_batch(s, r->used);
    return r->used;
}

/* What the kernel tells of a message: the address that it was sent to, if it was asked for, and the length of
 * the datagrams in it, but for the last; 0: it is one datagram. */
static size_t read_control(struct msghdr *msg, struct endpoint *local)
{
    int segment_len = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        struct in6_pktinfo info;

        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(local->addr, &info.ipi6_addr, sizeof local->addr);
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            memcpy(&segment_len, CMSG_DATA(c), sizeof segment_len);
        }
    }
    return segment_len > 0 ? (size_t)segment_len : 0;
}

static struct arrival arrival_of(const struct udp_socket *s, struct mmsghdr *message)
{
    struct arrival a = {
        .local = s->local,
        .peer = from_sockaddr(message->msg_hdr.msg_name),
        .bytes = message->msg_hdr.msg_iov->iov_base,
        .len = message->msg_len,
    };

    a.datagram_len = read_control(&message->msg_hdr, &a.local);
    if (a.datagram_len == 0)
        a.datagram_len = a.len;
    return a;
}

static void hand_out(const struct udp_socket *s, const struct arrival *a, uint64_t now_ms)
{
    uint8_t *at = a->bytes;
    size_t left = a->len;

    do {
        size_t len = a->datagram_len < left ? a->datagram_len : left;

        s->fn(s->ctx, &a->local, &a->peer, at, len < UDP_DATAGRAM_MAX ? len : UDP_DATAGRAM_MAX, now_ms);
        at += len;
        left -= len;
    } while (left > 0);
}

/* One batch a turn: the loop is level-triggered and comes back for more. */
static void on_readable(void *ctx)
{
    struct udp_socket *s = ctx;
    struct arrival *arrivals = s->reader->arrivals;
    unsigned count = receive_batch(s);
    uint64_t now_ms = loop_now_ms();

    for (unsigned i = 0; i < count; i++)
        arrivals[i] = arrival_of(s, &s->reader->messages[i]);
    if (s->expect != NULL && count > 1)
        s->expect(s->ctx, arrivals, count);
    for (unsigned i = 0; i < count; i++)
        hand_out(s, &arrivals[i], now_ms);
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
    s->batch = UDP_BATCH;
    s->fn = fn;
    s->ctx = ctx;
    s->readable = loop_watch_readable(reader->loop, fd, on_readable, s);
    if (s->readable == NULL || getsockname(fd, (struct sockaddr *)&bound, &len) != 0) {
        udp_socket_destroy(s);
        return NULL;
    }
    s->local = from_sockaddr(&bound);
    return s;
}

void udp_socket_expect(struct udp_socket *socket, udp_expect_function *expect)
{
    socket->expect = expect;
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
    uint16_t len;
    struct sockaddr_in6 peer;
    struct in6_addr local;
};

struct udp_outbox {
    size_t count;
    uint64_t lost;
    bool has_segments; /* the kernel cuts one message into datagrams */
    struct outgoing waiting[UDP_BATCH];
    struct mmsghdr messages[UDP_BATCH];
    struct iovec iovs[UDP_BATCH]; /* one for each datagram */
    union control controls[UDP_BATCH];
    uint8_t bytes[UDP_BATCH][UDP_OUTBOX_DATAGRAM];
};

static bool has_segments(void)
{
    int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int value;
    socklen_t len = sizeof value;
    bool has = s >= 0 && getsockopt(s, IPPROTO_UDP, UDP_SEGMENT, &value, &len) == 0;

    if (s >= 0)
        close(s);
    return has;
}

struct udp_outbox *udp_outbox_create(void)
{
    struct udp_outbox *o = calloc(1, sizeof *o);

    if (o != NULL)
        o->has_segments = has_segments();
    return o;
}

void udp_outbox_destroy(struct udp_outbox *outbox)
{
    free(outbox);
}

/* Without the padding behind the last value a single IPV6_PKTINFO is just what the kernel has room for on its
 * stack, so that it allocates nothing. */
static void put_control(struct msghdr *msg, int level, int type, const void *value, size_t len)
{
    size_t at = CMSG_ALIGN(msg->msg_controllen);
    struct cmsghdr *c = (void *)((uint8_t *)msg->msg_control + at);

    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), value, len);
    msg->msg_controllen = at + CMSG_LEN(len);
}

/* Describes one datagram to the kernel. The source address is named where it is known. */
static void fill_message(struct msghdr *msg, struct iovec *iov, union control *control,
                         struct sockaddr_in6 *peer, const struct in6_addr *local)
{
    const struct in6_pktinfo info = {.ipi6_addr = *local};

    *msg = (struct msghdr){.msg_name = peer,
                           .msg_namelen = sizeof *peer,
                           .msg_iov = iov,
                           .msg_iovlen = 1,
                           .msg_control = control->room};
    if (!IN6_IS_ADDR_UNSPECIFIED(local))
        put_control(msg, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
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
    memcpy(outbox->bytes[outbox->count], datagram, len);
    out = &outbox->waiting[outbox->count++];
    out->fd = socket->fd;
    out->len = (uint16_t)len;
    out->peer = to_sockaddr(peer);
    out->local = is_any(&socket->local) ? to_sockaddr(local).sin6_addr : in6addr_any;
}

/* A message that is being put together. */
struct run {
    const struct outgoing *first; /* of its datagrams */
    uint16_t last_len;
    size_t len; /* of all */
};

/* Segments are of one length; a shorter one is the last, and nothing makes an empty one. */
static bool run_goes_on(const struct run *run, const struct outgoing *next)
{
    return run->last_len == run->first->len && next->len <= run->first->len && next->len > 0 &&
           run->len + next->len <= SEGMENTED_MAX &&
           memcmp(&next->peer, &run->first->peer, sizeof next->peer) == 0 &&
           memcmp(&next->local, &run->first->local, sizeof next->local) == 0;
}

static void run_extend(struct run *run, struct msghdr *msg, const struct outgoing *next)
{
    if (msg->msg_iovlen++ == 1)
        put_control(msg, IPPROTO_UDP, UDP_SEGMENT, &run->first->len, sizeof run->first->len);
    run->last_len = next->len;
    run->len += next->len;
}

/* Gathers what leaves by the socket of the `first` one into messages; returns how many. */
static unsigned gather(struct udp_outbox *o, size_t first)
{
    int fd = o->waiting[first].fd;
    struct iovec *iov = o->iovs;
    unsigned count = 0;
    struct run run = {.first = NULL};

    for (size_t i = first; i < o->count; i++) {
        struct outgoing *out = &o->waiting[i];

        if (out->fd != fd)
            continue;
        out->fd = -1;
        *iov = (struct iovec){o->bytes[i], out->len};
        if (run.first != NULL && o->has_segments && run_goes_on(&run, out)) {
            run_extend(&run, &o->messages[count - 1].msg_hdr, out);
        } else {
            run = (struct run){out, out->len, out->len};
            fill_message(&o->messages[count].msg_hdr, iov, &o->controls[count], &out->peer, &out->local);
            count++;
        }
        iov++;
    }
    return count;
}

/* The kernel takes a message as a whole or not at all. It refuses segments where a path's MTU is below their
 * length, or where it cannot checksum them late: each datagram then goes by itself. */
static void send_refused(struct udp_outbox *o, int fd, const struct msghdr *refused)
{
    struct msghdr msg = *refused;

    if (refused->msg_iovlen == 1) {
        o->lost++;
        return;
    }
    msg.msg_iovlen = 1;
    msg.msg_controllen -= CMSG_LEN(sizeof(uint16_t)); /* UDP_SEGMENT is the last */
    for (size_t i = 0; i < refused->msg_iovlen; i++) {
        msg.msg_iov = &refused->msg_iov[i];
        if (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
            o->lost++;
    }
}

/* sendmmsg stops at a message that it cannot send and tells so on the next call. */
static void send_gathered(struct udp_outbox *o, int fd, unsigned count)
{
    unsigned sent = 0;

    while (sent < count) {
        int n = sendmmsg(fd, o->messages + sent, count - sent, MSG_NOSIGNAL);

        if (n <= 0) {
            send_refused(o, fd, &o->messages[sent].msg_hdr);
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
