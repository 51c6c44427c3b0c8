#include "load.h"

#include "linkframe.h"
#include "must.h"
#include "process.h"

#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PAYLOAD = 64,
    RECORD_LEN = RECORD_SEALED_HEADER_LEN + PAYLOAD + RECORD_TAG_LEN,
    WINDOW = 256, /* records on their way */
    COALESCED_MAX = 65535,
    SOCKET_BUFFER = 4 * 1024 * 1024,
};

const uint8_t load_tag_key[LOAD_TAG_KEY_LEN] = "bench relay tag";

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

/* A batch of messages in one direction. */
struct batch {
    struct mmsghdr messages[SCENE_BATCH];
    struct iovec iovs[SCENE_BATCH];
    struct sockaddr_in names[SCENE_BATCH];
    union control controls[SCENE_BATCH];
    uint8_t bytes[SCENE_BATCH][COALESCED_MAX];
};

struct load {
    int peers;
    int nodes;
    struct batch in;
    struct batch out;
    struct load_target *target;
    struct load_result result;
    uint32_t outstanding;
    uint32_t next_flow;
};

/* ---- records ---- */

/* The body is made of flow and number, so that a reply can be checked by itself. */
static void make_record(uint8_t out[RECORD_LEN], uint32_t flow, uint32_t number)
{
    uint8_t *body = out + RECORD_SEALED_HEADER_LEN;
    struct record r = {.type = RECORD_APPLICATION_DATA,
                       .version = RECORD_VERSION_DTLS12_BYTES,
                       .epoch = {0, 1},
                       .seq = seq48_make(0, number),
                       .body = body,
                       .body_len = PAYLOAD + RECORD_TAG_LEN};
    uint64_t words[(PAYLOAD + RECORD_TAG_LEN) / 8];

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        words[i] = (((uint64_t)flow << 32 | number) + i) * 0x9E3779B97F4A7C15u;
    memcpy(body, words, sizeof words);
    memcpy(body, &flow, sizeof flow);
    memcpy(body + sizeof flow, &number, sizeof number);
    record_set_explicit_nonce(&r);
    (void)record_put_header(&r);
}

/* ---- sockets ---- */

static int open_socket(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    must(fd >= 0 && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &(int){1}, sizeof(int)) == 0 &&
             setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){SOCKET_BUFFER}, sizeof(int)) == 0 &&
             bind(fd, (struct sockaddr *)&at, sizeof at) == 0,
         "the load's ports");
    return fd;
}

struct load *load_create(void)
{
    struct load *l = calloc(1, sizeof *l);

    must(l != NULL, "memory");
    l->peers = open_socket(SCENE_PEER_PORT);
    l->nodes = open_socket(SCENE_NODE_PORT);
    /* Nodes take and give segments as one message, as a network card would. */
    (void)setsockopt(l->nodes, IPPROTO_UDP, UDP_GRO, &(int){1}, sizeof(int));
    return l;
}

void load_destroy(struct load *l)
{
    close(l->peers);
    close(l->nodes);
    free(l);
}

void load_target_init(struct load_target *t, const struct scene *scene, struct scene_ports ports,
                      enum load_dialect dialect)
{
    *t = (struct load_target){.scene = *scene, .ports = ports, .dialect = dialect};
    t->sent = calloc(scene->flows, sizeof *t->sent);
    t->answered = calloc(scene->flows, sizeof *t->answered);
    must(t->sent != NULL && t->answered != NULL, "memory");
}

void load_target_free(struct load_target *t)
{
    free(t->sent);
    free(t->answered);
}

static int receive(int fd, struct batch *b)
{
    for (size_t i = 0; i < SCENE_BATCH; i++) {
        b->iovs[i] = (struct iovec){b->bytes[i], sizeof b->bytes[i]};
        b->messages[i].msg_hdr = (struct msghdr){.msg_name = &b->names[i],
                                                 .msg_namelen = sizeof b->names[i],
                                                 .msg_iov = &b->iovs[i],
                                                 .msg_iovlen = 1,
                                                 .msg_control = &b->controls[i],
                                                 .msg_controllen = sizeof b->controls[i]};
    }
    return recvmmsg(fd, b->messages, SCENE_BATCH, 0, NULL);
}

static void put_control(struct msghdr *msg, int level, int type, const void *value, size_t len)
{
    struct cmsghdr *c = (void *)((uint8_t *)msg->msg_control + msg->msg_controllen);

    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), value, len);
    msg->msg_controllen += CMSG_SPACE(len);
}

/* One message of `len` bytes, in segments if segment_len > 0. */
static void describe(struct batch *b, size_t i, struct in_addr from, struct sockaddr_in to, size_t len,
                     uint16_t segment_len)
{
    struct msghdr *msg = &b->messages[i].msg_hdr;
    const struct in_pktinfo info = {.ipi_spec_dst = from};

    b->names[i] = to;
    b->iovs[i] = (struct iovec){b->bytes[i], len};
    *msg = (struct msghdr){.msg_name = &b->names[i],
                           .msg_namelen = sizeof b->names[i],
                           .msg_iov = &b->iovs[i],
                           .msg_iovlen = 1,
                           .msg_control = b->controls[i].room};
    put_control(msg, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    if (segment_len > 0)
        put_control(msg, IPPROTO_UDP, UDP_SEGMENT, &segment_len, sizeof segment_len);
}

static void send_batch(int fd, struct batch *b, unsigned count)
{
    for (unsigned sent = 0; sent < count;) {
        int n = sendmmsg(fd, b->messages + sent, count - sent, 0);

        must(n > 0, "the load cannot send");
        sent += (unsigned)n;
    }
}

/* ---- nodes ---- */

/* A message's destination, and the length of its segments; 0: it is one. */
static size_t read_control(struct msghdr *msg, struct in_addr *to)
{
    int segment_len = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        struct in_pktinfo info;

        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            memcpy(&info, CMSG_DATA(c), sizeof info);
            *to = info.ipi_addr;
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            memcpy(&segment_len, CMSG_DATA(c), sizeof segment_len);
        }
    }
    return (size_t)segment_len;
}

/* Writes the answer to one datagram; returns its length, 0: it needs none. */
static size_t answer(struct load *l, uint8_t *datagram, size_t len, uint8_t *out)
{
    struct record r;
    uint16_t handle;

    if (l->target->dialect == LOAD_FRAMES) {
        if (link_kind_of(datagram, len) != LINK_RECORD)
            return 0; /* the gateway asks the node to associate */
        if (linkframe_decode(datagram, len, &handle, &r) != SSM_OK) {
            l->result.wrong++;
            return 0;
        }
        linkframe_tag(load_tag_key, handle, &r, out + len);
    }
    memcpy(out, datagram, len);
    l->result.relayed++;
    return l->target->dialect == LOAD_FRAMES ? len + LINK_TAG_LEN : len;
}

/* Answers a message in the form in which it came. False: it needs no answer. */
static bool answer_message(struct load *l, size_t i, unsigned out)
{
    struct mmsghdr *m = &l->in.messages[i];
    struct in_addr to = {0};
    size_t segment_len = read_control(&m->msg_hdr, &to);
    size_t step = segment_len > 0 ? segment_len : m->msg_len;
    size_t len = 0;
    size_t first_len = 0;

    for (size_t at = 0; at < m->msg_len; at += step) {
        size_t left = m->msg_len - at;

        len += answer(l, l->in.bytes[i] + at, left < step ? left : step, l->out.bytes[out] + len);
        if (at == 0)
            first_len = len;
    }
    if (len > 0)
        describe(&l->out, out, to, l->in.names[i], len, len > first_len ? (uint16_t)first_len : 0);
    return len > 0;
}

static void nodes_answer(struct load *l)
{
    int count = receive(l->nodes, &l->in);
    unsigned answers = 0;

    for (int i = 0; i < count; i++)
        answers += answer_message(l, (size_t)i, answers);
    send_batch(l->nodes, &l->out, answers);
}

/* ---- peers ---- */

static void peer_check(struct load *l, const uint8_t *datagram, size_t len)
{
    struct load_target *t = l->target;
    uint8_t wanted[RECORD_LEN];
    uint32_t flow = UINT32_MAX;
    uint32_t number = 0;

    if (len == RECORD_LEN) {
        memcpy(&flow, datagram + LOAD_FLOW_AT, sizeof flow);
        memcpy(&number, datagram + LOAD_FLOW_AT + sizeof flow, sizeof number);
    }
    if (flow >= t->scene.flows || number <= t->answered[flow] || number > t->sent[flow]) {
        l->result.wrong++;
        return;
    }
    make_record(wanted, flow, number);
    if (memcmp(wanted, datagram, len) != 0)
        l->result.wrong++;
    t->answered[flow] = number;
    l->result.relayed++;
    if (l->outstanding > 0)
        l->outstanding--;
}

static void peers_receive(struct load *l)
{
    int count = receive(l->peers, &l->in);

    for (int i = 0; i < count; i++)
        peer_check(l, l->in.bytes[i], l->in.messages[i].msg_len);
}

static void peers_send(struct load *l, unsigned count)
{
    struct load_target *t = l->target;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};

    for (unsigned i = 0; i < count; i++) {
        uint32_t flow = l->next_flow;

        l->next_flow = (flow + 1) % t->scene.flows;
        make_record(l->out.bytes[i], flow, ++t->sent[flow]);
        to.sin_port = htons((uint16_t)(t->ports.first + flow % t->scene.sockets));
        describe(&l->out, i, scene_flow_address(flow), to, RECORD_LEN, 0);
    }
    send_batch(l->peers, &l->out, count);
    l->outstanding += count;
}

/* ---- the loop ---- */

/* What waits is answered and counted; nothing came for a while: what was on its way is lost. */
static void turn(struct load *l, int patience_ms)
{
    struct pollfd fds[] = {{.fd = l->nodes, .events = POLLIN}, {.fd = l->peers, .events = POLLIN}};

    if (poll(fds, 2, patience_ms) == 0) {
        l->result.lost += l->outstanding;
        l->outstanding = 0;
    }
    if (fds[0].revents != 0)
        nodes_answer(l);
    if (fds[1].revents != 0)
        peers_receive(l);
}

struct load_result load_run(struct load *l, struct load_target *t, double seconds, uint32_t each,
                            int patience_ms)
{
    const double until_s = process_now_s() + seconds;
    const uint64_t least = (uint64_t)each * t->scene.flows;
    uint64_t sent = 0;

    l->target = t;
    l->result = (struct load_result){0};
    l->outstanding = 0;
    l->next_flow = 0;
    while (sent < least || process_now_s() < until_s) {
        while (l->outstanding + SCENE_BATCH <= WINDOW) {
            peers_send(l, SCENE_BATCH);
            sent += SCENE_BATCH;
        }
        turn(l, patience_ms);
    }
    while (l->outstanding > 0)
        turn(l, patience_ms);
    return l->result;
}
