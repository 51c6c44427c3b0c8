#include "bare.h"

#include "load.h"
#include "must.h"
#include "process.h"

#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DATAGRAM_MAX = 2048,
    COALESCED_MAX = 65535,
    EVENTS = 256,
    SOCKET_BUFFER = 4 * 1024 * 1024,
};

/* Where a flow's peer is. */
struct peer {
    int fd;
    struct sockaddr_in at;
};

struct bare {
    int link;
    int *sockets;
    struct peer *peers; /* by flow */
    bool has_segments;
    uint32_t nodes;
    struct sockaddr_in next_hops[SCENE_NODES_MAX]; /* by node */
    struct mmsghdr in[SCENE_BATCH];
    struct iovec in_iovs[SCENE_BATCH];
    struct sockaddr_in in_names[SCENE_BATCH];
    char in_controls[SCENE_BATCH][CMSG_SPACE(sizeof(int))];
    struct mmsghdr out[SCENE_BATCH];
    struct iovec out_iovs[SCENE_BATCH];
    char out_control[CMSG_SPACE(sizeof(uint16_t))];
    unsigned out_count;
    int out_fd;
    uint8_t *bytes; /* SCENE_BATCH buffers */
};

static int open_port(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    must(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){SOCKET_BUFFER}, sizeof(int)) == 0 &&
             bind(fd, (struct sockaddr *)&at, sizeof at) == 0,
         "the bare forwarder's ports");
    return fd;
}

static void flush(struct bare *b)
{
    if (b->out_count > 0)
        (void)sendmmsg(b->out_fd, b->out, b->out_count, 0);
    b->out_count = 0;
}

/* The buffers are read in place: what was received has left before the next batch is. */
static int receive(struct bare *b, int fd, unsigned room)
{
    for (unsigned i = SCENE_BATCH - room; i < SCENE_BATCH; i++) {
        b->in[i].msg_hdr.msg_namelen = sizeof b->in_names[i];
        b->in[i].msg_hdr.msg_controllen = b->has_segments && fd == b->link ? sizeof b->in_controls[i] : 0;
    }
    return recvmmsg(fd, b->in + (SCENE_BATCH - room), room, 0, NULL);
}

static void to_next_hop(struct bare *b, unsigned i, uint32_t flow)
{
    b->out_iovs[b->out_count] = (struct iovec){b->in_iovs[i].iov_base, b->in[i].msg_len};
    b->out[b->out_count].msg_hdr = (struct msghdr){.msg_name = &b->next_hops[flow % b->nodes],
                                                   .msg_namelen = sizeof b->next_hops[0],
                                                   .msg_iov = &b->out_iovs[b->out_count],
                                                   .msg_iovlen = 1};
    b->out_count++;
}

/* All that waits for the next hop, in one message. The load's records are of one length. */
static void flush_segments(struct bare *b)
{
    struct msghdr msg = {.msg_name = &b->next_hops[0],
                         .msg_namelen = sizeof b->next_hops[0],
                         .msg_iov = b->out_iovs,
                         .msg_iovlen = b->out_count,
                         .msg_control = b->out_control,
                         .msg_controllen = sizeof b->out_control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    uint16_t len = (uint16_t)b->out_iovs[0].iov_len;

    if (b->out_count == 0)
        return;
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof len);
    memcpy(CMSG_DATA(c), &len, sizeof len);
    (void)sendmsg(b->link, &msg, 0);
    b->out_count = 0;
}

static void flush_to_next_hop(struct bare *b)
{
    b->out_fd = b->link;
    if (b->has_segments)
        flush_segments(b);
    else
        flush(b);
}

static void from_peers(struct bare *b, int fd)
{
    unsigned used = b->out_count; /* buffers that hold what waits */
    int count = receive(b, fd, SCENE_BATCH - used);

    for (unsigned i = used; count > 0 && i < used + (unsigned)count; i++) {
        uint32_t flow;

        memcpy(&flow, (uint8_t *)b->in_iovs[i].iov_base + LOAD_FLOW_AT, sizeof flow);
        b->peers[flow] = (struct peer){fd, b->in_names[i]};
        to_next_hop(b, i, flow);
    }
    if (b->out_count == SCENE_BATCH)
        flush_to_next_hop(b);
}

static void to_peer(struct bare *b, uint8_t *datagram, size_t len)
{
    uint32_t flow;
    struct peer *peer;

    memcpy(&flow, datagram + LOAD_FLOW_AT, sizeof flow);
    peer = &b->peers[flow];
    if (b->out_count == SCENE_BATCH || (b->out_count > 0 && b->out_fd != peer->fd))
        flush(b);
    b->out_fd = peer->fd;
    b->out_iovs[b->out_count] = (struct iovec){datagram, len};
    b->out[b->out_count].msg_hdr = (struct msghdr){.msg_name = &peer->at,
                                                   .msg_namelen = sizeof peer->at,
                                                   .msg_iov = &b->out_iovs[b->out_count],
                                                   .msg_iovlen = 1};
    b->out_count++;
}

static void from_next_hop(struct bare *b)
{
    int count = receive(b, b->link, SCENE_BATCH);

    for (int i = 0; i < count; i++) {
        struct cmsghdr *c = CMSG_FIRSTHDR(&b->in[i].msg_hdr);
        size_t len = b->in[i].msg_len;
        int step = 0;

        if (c != NULL && c->cmsg_type == UDP_GRO)
            memcpy(&step, CMSG_DATA(c), sizeof step);
        if (step == 0)
            step = (int)len;
        for (size_t at = 0; at < len; at += (size_t)step)
            to_peer(b, (uint8_t *)b->in_iovs[i].iov_base + at,
                    len - at < (size_t)step ? len - at : (size_t)step);
    }
    flush(b);
}

static void prepare(struct bare *b, const struct scene *scene, struct scene_ports ports, int poll_fd)
{
    size_t stride = b->has_segments ? COALESCED_MAX : DATAGRAM_MAX;

    b->sockets = calloc(scene->sockets, sizeof *b->sockets);
    b->peers = calloc(scene->flows, sizeof *b->peers);
    b->bytes = calloc(SCENE_BATCH, stride);
    must(b->sockets != NULL && b->peers != NULL && b->bytes != NULL, "memory");
    for (size_t i = 0; i < SCENE_BATCH; i++) {
        b->in_iovs[i] = (struct iovec){b->bytes + i * stride, stride};
        b->in[i].msg_hdr = (struct msghdr){.msg_name = &b->in_names[i],
                                           .msg_iov = &b->in_iovs[i],
                                           .msg_iovlen = 1,
                                           .msg_control = b->in_controls[i]};
    }
    b->link = open_port(ports.link);
    if (b->has_segments)
        must(setsockopt(b->link, IPPROTO_UDP, UDP_GRO, &(int){1}, sizeof(int)) == 0, "UDP_GRO");
    for (uint32_t i = 0; i <= scene->sockets; i++) {
        int fd = i == scene->sockets ? b->link : open_port((uint16_t)(ports.first + i));
        struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};

        must(epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) == 0, "epoll");
    }
}

static void forward(const struct scene *scene, struct scene_ports ports, bool has_segments, int ready_fd)
{
    static struct bare b;
    int poll_fd = epoll_create1(0);

    b.has_segments = has_segments;
    b.nodes = scene->nodes;
    for (uint32_t i = 0; i < scene->nodes; i++)
        b.next_hops[i] = scene_next_hop(i);
    prepare(&b, scene, ports, poll_fd);
    must(write(ready_fd, "", 1) == 1, "pipe");
    for (;;) {
        static struct epoll_event events[EVENTS];
        int count = epoll_wait(poll_fd, events, EVENTS, -1);
        bool is_link_ready = false;

        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == b.link)
                is_link_ready = true;
            else
                from_peers(&b, events[i].data.fd);
        }
        flush_to_next_hop(&b);
        if (is_link_ready)
            from_next_hop(&b);
    }
}

pid_t bare_start(const struct scene *scene, struct scene_ports ports, bool has_segments)
{
    int ready[2];
    char byte;
    pid_t pid;

    must(pipe(ready) == 0, "pipe");
    if (process_fork(&pid)) {
        close(ready[0]);
        forward(scene, ports, has_segments, ready[1]);
        _exit(0);
    }
    close(ready[1]);
    must(read(ready[0], &byte, 1) == 1, "the bare forwarder did not start");
    close(ready[0]);
    return pid;
}
