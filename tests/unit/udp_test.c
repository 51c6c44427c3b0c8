/* UDP over loopback: the address that was addressed answers, batches keep their order, segments arrive as the
 * datagrams that they are, what the kernel refuses is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "seeded.h"
#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADROOM = 21, TURNS = 50 };

/* The gateway's side: a socket whose handler answers each datagram in the same bytes. */
struct fixture {
    struct loop *loop;
    int turns;
    struct udp_reader *reader;
    struct udp_outbox *outbox;
    struct udp_socket *socket;
    int fd; /* the socket's */
    uint16_t port;
    size_t count;
    size_t last_len;
    struct endpoint local;
    struct endpoint peer;
    size_t expected; /* datagrams that expect() was told of */
};

static void echo(void *ctx, const struct endpoint *local, const struct endpoint *peer, uint8_t *datagram,
                 size_t len, uint64_t now_ms)
{
    struct fixture *f = ctx;

    (void)now_ms;
    memset(datagram - HEADROOM, 0xEE, HEADROOM); /* is ours */
    f->count++;
    f->last_len = len;
    f->local = *local;
    f->peer = *peer;
    udp_outbox_add(f->outbox, f->socket, local, peer, datagram, len);
}

/* Sees the batch before any of its datagrams has been handed over. */
static void expect(void *ctx, const struct arrival *batch, size_t count)
{
    struct fixture *f = ctx;

    assert_int_equal(f->count, f->expected);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(batch[i].peer.port, batch[0].peer.port);
        assert_int_equal(batch[i].local.port, f->port);
        assert_int_equal(batch[i].len, f->expected + i + 1);
        assert_int_equal(batch[i].bytes[0], batch[i].len);
        assert_true(batch[i].datagram_len == batch[i].len);
    }
    f->expected += count;
}

static uint64_t count_turns(void *ctx, uint64_t now_ms)
{
    struct fixture *f = ctx;

    udp_outbox_flush(f->outbox);
    if (--f->turns == 0)
        loop_stop(f->loop);
    return now_ms;
}

static void settle(struct fixture *f)
{
    f->turns = TURNS;
    assert_int_equal(loop_run(f->loop, count_turns, f), SSM_OK);
}

static struct endpoint endpoint_of(const char *address, uint16_t port)
{
    struct endpoint e = {.port = port};

    assert_int_equal(inet_pton(AF_INET6, address, e.addr), 1);
    return e;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in6 bound;
    socklen_t len = sizeof bound;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
    return ntohs(bound.sin6_port);
}

static void open_use(struct fixture *f, const char *address, enum udp_use use)
{
    const struct endpoint at = endpoint_of(address, 0);

    memset(f, 0, sizeof *f);
    f->loop = loop_create();
    f->reader = udp_reader_create(f->loop, HEADROOM);
    f->outbox = udp_outbox_create();
    assert_int_equal(udp_open(&at, use, &f->fd), SSM_OK);
    f->port = port_of(f->fd);
    f->socket = udp_socket_create(f->reader, f->fd, echo, f);
    assert_non_null(f->socket);
}

static void open_echo(struct fixture *f, const char *address)
{
    open_use(f, address, UDP_PEERS);
}

static void close_echo(struct fixture *f)
{
    udp_socket_destroy(f->socket);
    udp_outbox_destroy(f->outbox);
    udp_reader_destroy(f->reader);
    loop_destroy(f->loop);
}

/* A peer that accepts datagrams of nobody but the address that it talks to. */
static int connect_peer(const char *address, uint16_t port)
{
    struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is4 = inet_pton(AF_INET, address, &to4.sin_addr) == 1;
    int fd = socket(is4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    if (is4) {
        assert_int_equal(connect(fd, (struct sockaddr *)&to4, sizeof to4), 0);
    } else {
        assert_int_equal(inet_pton(AF_INET6, address, &to6.sin6_addr), 1);
        assert_int_equal(connect(fd, (struct sockaddr *)&to6, sizeof to6), 0);
    }
    return fd;
}

static void expect_echo_from(struct fixture *f, const char *address, const char *local)
{
    int peer = connect_peer(address, f->port);
    const struct endpoint wanted = endpoint_of(local, f->port);
    char got[16];

    assert_int_equal(send(peer, "hello", 5, 0), 5);
    settle(f);
    assert_int_equal(recv(peer, got, sizeof got, 0), 5);
    assert_memory_equal(got, "hello", 5);
    assert_memory_equal(f->local.addr, wanted.addr, sizeof wanted.addr);
    assert_int_equal(f->local.port, wanted.port);
    close(peer);
}

/* All of 127.0.0.0/8 is local: the kernel alone would answer from 127.0.0.1. */
static void test_the_address_that_was_addressed_answers(void **state)
{
    struct fixture f;

    (void)state;
    open_echo(&f, "::");
    expect_echo_from(&f, "127.0.0.1", "::ffff:127.0.0.1");
    expect_echo_from(&f, "127.0.0.2", "::ffff:127.0.0.2");
    expect_echo_from(&f, "127.77.3.9", "::ffff:127.77.3.9");
    close_echo(&f);
}

static bool has_ipv6(void)
{
    const struct endpoint loopback = endpoint_of("::1", 0);
    int probe;
    bool has = udp_open(&loopback, UDP_PEERS, &probe) == SSM_OK;

    if (has)
        close(probe);
    return has;
}

static void test_ipv6(void **state)
{
    struct fixture f;

    (void)state;
    if (!has_ipv6())
        skip();
    open_echo(&f, "::");
    expect_echo_from(&f, "::1", "::1");
    close_echo(&f);
}

static void test_an_ipv4_literal(void **state)
{
    struct fixture f;

    (void)state;
    open_echo(&f, "::ffff:127.0.0.3");
    expect_echo_from(&f, "127.0.0.3", "::ffff:127.0.0.3");
    close_echo(&f);
}

static void test_two_programs_cannot_share_a_port(void **state)
{
    struct endpoint at = endpoint_of("::ffff:127.0.0.1", 0);
    int first;
    int second;

    (void)state;
    assert_int_equal(udp_open(&at, UDP_PEERS, &first), SSM_OK);
    at.port = port_of(first);
    assert_int_equal(udp_open(&at, UDP_PEERS, &second), SSM_IO);
    assert_int_equal(errno, EADDRINUSE);
    close(first);
}

/* Many after few, and few after many. */
static void test_batches_of_any_size_keep_their_order(void **state)
{
    static const uint32_t counts[] = {1, 3 * UDP_BATCH + 1, 1, 2, 1, UDP_BATCH, 5, 3 * UDP_BATCH};
    struct fixture f;
    uint32_t next = 0;
    int peer;

    (void)state;
    open_echo(&f, "::ffff:127.0.0.1");
    peer = connect_peer("127.0.0.1", f.port);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (uint32_t n = next; n < next + counts[i]; n++)
            assert_int_equal(send(peer, &n, sizeof n, 0), sizeof n);
        settle(&f);
        assert_int_equal(f.count, next + counts[i]);
        for (; next < f.count; next++) {
            uint32_t got;

            assert_int_equal(recv(peer, &got, sizeof got, 0), sizeof got);
            assert_int_equal(got, next);
        }
    }
    assert_int_equal(udp_outbox_lost(f.outbox), 0);
    close(peer);
    close_echo(&f);
}

static void test_a_batch_is_told_of_before_its_datagrams(void **state)
{
    enum { DATAGRAMS = 5 };
    uint8_t bytes[DATAGRAMS + 1];
    struct fixture f;
    int peer;

    (void)state;
    open_echo(&f, "::");
    udp_socket_expect(f.socket, expect);
    peer = connect_peer("127.0.0.1", f.port);
    for (uint8_t len = 1; len <= DATAGRAMS; len++) {
        memset(bytes, len, len);
        assert_int_equal(send(peer, bytes, len, 0), len);
    }
    settle(&f);
    assert_int_equal(f.count, DATAGRAMS);
    assert_int_equal(f.expected, DATAGRAMS);
    close(peer);
    close_echo(&f);
}

/* A node has no room for fragments; a peer's flight may need some. */
static void test_the_link_alone_never_fragments(void **state)
{
    static const int wanted[] = {[UDP_PEERS] = IP_PMTUDISC_WANT, [UDP_LINK] = IP_PMTUDISC_DO};
    static const int wanted6[] = {[UDP_PEERS] = IPV6_PMTUDISC_WANT, [UDP_LINK] = IPV6_PMTUDISC_DO};

    (void)state;
    for (int use = UDP_PEERS; use <= UDP_LINK; use++) {
        socklen_t len = sizeof(int);
        int got = -1;
        int got6 = -1;
        struct fixture f;

        open_use(&f, "::", (enum udp_use)use);
        assert_int_equal(getsockopt(f.fd, IPPROTO_IP, IP_MTU_DISCOVER, &got, &len), 0);
        assert_int_equal(getsockopt(f.fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &got6, &len), 0);
        assert_int_equal(got, wanted[use]);
        assert_int_equal(got6, wanted6[use]);
        close_echo(&f);
    }
}

static void test_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, UDP_OUTBOX_DATAGRAM, UDP_OUTBOX_DATAGRAM + 1, UDP_DATAGRAM_MAX};
    static uint8_t sent[UDP_DATAGRAM_MAX + 1];
    static uint8_t got[UDP_DATAGRAM_MAX + 1];
    struct fixture f;
    int peer;

    (void)state;
    open_echo(&f, "::ffff:127.0.0.1");
    peer = connect_peer("127.0.0.1", f.port);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(send(peer, sent, sizes[i], 0), (ssize_t)sizes[i]);
        settle(&f);
        assert_int_equal(recv(peer, got, sizeof got, 0), (ssize_t)sizes[i]);
        assert_memory_equal(got, sent, sizes[i]);
    }
    assert_int_equal(send(peer, sent, sizeof sent, 0), (ssize_t)sizeof sent);
    settle(&f);
    assert_int_equal(f.last_len, UDP_DATAGRAM_MAX); /* cut */
    close(peer);
    close_echo(&f);
}

/* One datagram that the kernel refuses must not take those behind it along. */
static void test_what_cannot_be_sent_is_left_out(void **state)
{
    static const struct endpoint any;
    const struct endpoint nowhere = endpoint_of("::ffff:127.0.0.1", 0);
    struct fixture f;
    char got[16];
    int peer;

    (void)state;
    open_echo(&f, "::ffff:127.0.0.1");
    peer = connect_peer("127.0.0.1", f.port);
    assert_int_equal(send(peer, "hi", 2, 0), 2);
    settle(&f);
    assert_int_equal(recv(peer, got, sizeof got, 0), 2);
    udp_outbox_add(f.outbox, f.socket, &any, &f.peer, (const uint8_t *)"first", 5);
    udp_outbox_add(f.outbox, f.socket, &any, &nowhere, (const uint8_t *)"lost", 4);
    udp_outbox_add(f.outbox, f.socket, &any, &f.peer, (const uint8_t *)"third", 5);
    udp_outbox_flush(f.outbox);
    assert_int_equal(recv(peer, got, sizeof got, 0), 5);
    assert_memory_equal(got, "first", 5);
    assert_int_equal(recv(peer, got, sizeof got, 0), 5);
    assert_memory_equal(got, "third", 5);
    assert_int_equal(udp_outbox_lost(f.outbox), 1);
    close(peer);
    close_echo(&f);
}

/* ---- segments ---- */

enum { MANY = 40, PEERS = 3, LONGEST = 1200, MTU_MIN = 1280 };

struct sent {
    size_t to; /* which peer */
    size_t len;
    uint8_t bytes[LONGEST];
};

/* Datagrams as they come: often several of one length for one peer. */
static void fill_at_random(struct sent sent[MANY])
{
    static const size_t lengths[] = {LONGEST, LONGEST, LONGEST, 800, 800, 64, 64, 64, 64, 63, 1, 0};

    for (size_t i = 0; i < MANY; i++) {
        bool goes_on = i > 0 && seeded_u32() % 4 > 0;

        sent[i].to = goes_on ? sent[i - 1].to : seeded_u32() % PEERS;
        sent[i].len =
            goes_on ? sent[i - 1].len : lengths[seeded_u32() % (sizeof lengths / sizeof lengths[0])];
        if (sent[i].len > 0 && seeded_u32() % 8 == 0)
            sent[i].len--;
        seeded_fill(sent[i].bytes, sent[i].len);
    }
}

static void expect_datagram(int fd, const struct sent *wanted)
{
    uint8_t got[LONGEST + 1];

    assert_int_equal(recv(fd, got, sizeof got, 0), (ssize_t)wanted->len);
    assert_memory_equal(got, wanted->bytes, wanted->len);
}

static void expect_nothing(int fd)
{
    char byte;

    assert_int_equal(recv(fd, &byte, sizeof byte, 0), -1);
    assert_int_equal(errno, EAGAIN);
}

/* Where the fixture's socket sees that peer: it says something, which is echoed. */
static struct endpoint meet(struct fixture *f, int peer)
{
    char got;

    assert_int_equal(send(peer, "?", 1, 0), 1);
    settle(f);
    assert_int_equal(recv(peer, &got, sizeof got, 0), 1);
    return f->peer;
}

/* Each peer gets its datagrams, byte for byte, in order and once, from the address that it talks to. */
static void send_to_several(struct fixture *f, const char *address)
{
    static struct sent sent[MANY];
    struct endpoint at[PEERS];
    int peers[PEERS];

    for (size_t i = 0; i < PEERS; i++) {
        peers[i] = connect_peer(address, f->port);
        at[i] = meet(f, peers[i]);
    }
    fill_at_random(sent);
    for (size_t i = 0; i < MANY; i++)
        udp_outbox_add(f->outbox, f->socket, &f->local, &at[sent[i].to], sent[i].bytes, sent[i].len);
    udp_outbox_flush(f->outbox);
    for (size_t i = 0; i < MANY; i++)
        expect_datagram(peers[sent[i].to], &sent[i]);
    for (size_t i = 0; i < PEERS; i++) {
        expect_nothing(peers[i]);
        close(peers[i]);
    }
    assert_int_equal(udp_outbox_lost(f->outbox), 0);
}

static void test_what_leaves_together_arrives_as_it_was(void **state)
{
    struct fixture f;

    (void)state;
    open_echo(&f, "::");
    for (int i = 0; i < 100; i++) {
        send_to_several(&f, "127.0.0.1");
        send_to_several(&f, "127.77.3.9");
        if (has_ipv6())
            send_to_several(&f, "::1");
    }
    close_echo(&f);
}

/* A kernel that refuses the message of several datagrams takes each of them. */
static void test_refused_segments_leave_one_by_one(void **state)
{
    struct fixture f;

    (void)state;
    open_echo(&f, "::");
    assert_int_equal(setsockopt(f.fd, SOL_SOCKET, SO_NO_CHECK, &(int){1}, sizeof(int)), 0);
    for (int i = 0; i < 20; i++)
        send_to_several(&f, "127.0.0.1");
    close_echo(&f);
    if (!has_ipv6())
        return;
    open_echo(&f, "::1");
    assert_int_equal(setsockopt(f.fd, IPPROTO_IPV6, IPV6_MTU, &(int){MTU_MIN}, sizeof(int)), 0);
    for (int i = 0; i < 20; i++)
        send_to_several(&f, "::1");
    close_echo(&f);
}

/* Bytes of one message, and the length of the datagrams in it; 0: it is one. */
static size_t receive_coalesced(int fd, uint8_t *out, size_t cap, int *segment_len)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {out, cap};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control};
    ssize_t len;

    msg.msg_controllen = sizeof control;
    *segment_len = 0;
    len = recvmsg(fd, &msg, 0);
    assert_true(len >= 0);
    if (CMSG_FIRSTHDR(&msg) != NULL)
        memcpy(segment_len, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof *segment_len);
    return (size_t)len;
}

/* Equal lengths, up to a shorter last one, leave in one message: a peer that wants to can see it. */
static void test_equal_lengths_leave_in_one_message(void **state)
{
    static const struct {
        size_t len;
        int segment_len;
    } wanted[] = {{290, 100}, {221, 110}, {120, 0}};
    static const size_t lengths[] = {100, 100, 90, 110, 110, 1, 120};
    uint8_t bytes[UDP_OUTBOX_DATAGRAM] = {0};
    uint8_t got[UDP_OUTBOX_DATAGRAM];
    struct fixture f;
    struct endpoint at;
    int peer;

    (void)state;
    open_echo(&f, "::ffff:127.0.0.1");
    peer = connect_peer("127.0.0.1", f.port);
    if (setsockopt(peer, IPPROTO_UDP, UDP_GRO, &(int){1}, sizeof(int)) != 0)
        skip(); /* a kernel without it */
    at = meet(&f, peer);
    seeded_fill(bytes, sizeof bytes);
    for (size_t i = 0, from = 0; i < sizeof lengths / sizeof lengths[0]; from += lengths[i++])
        udp_outbox_add(f.outbox, f.socket, &f.local, &at, bytes + from, lengths[i]);
    udp_outbox_flush(f.outbox);
    for (size_t i = 0, from = 0; i < sizeof wanted / sizeof wanted[0]; from += wanted[i++].len) {
        int segment_len;

        assert_int_equal(receive_coalesced(peer, got, sizeof got, &segment_len), wanted[i].len);
        assert_int_equal(segment_len, wanted[i].segment_len);
        assert_memory_equal(got, bytes + from, wanted[i].len);
    }
    close(peer);
    close_echo(&f);
}

/* Two of the gateway's addresses talk to one peer. */
static void test_each_keeps_its_source_address(void **state)
{
    enum { SOURCES = 2 };
    struct endpoint from[SOURCES] = {endpoint_of("::ffff:127.0.0.5", 0), endpoint_of("::ffff:127.0.0.6", 0)};
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int peer = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct endpoint at = endpoint_of("::ffff:127.0.0.1", 0);
    struct fixture f;

    (void)state;
    open_echo(&f, "::");
    assert_int_equal(bind(peer, (struct sockaddr *)&any, sizeof any), 0);
    at.port = port_of(peer);
    for (uint8_t i = 0; i < MANY; i++)
        udp_outbox_add(f.outbox, f.socket, &from[i / 3 % SOURCES], &at, &i, sizeof i);
    udp_outbox_flush(f.outbox);
    for (uint8_t i = 0; i < MANY; i++) {
        struct sockaddr_in source;
        socklen_t len = sizeof source;
        uint8_t got;

        assert_int_equal(recvfrom(peer, &got, sizeof got, 0, (struct sockaddr *)&source, &len), sizeof got);
        assert_int_equal(got, i);
        assert_memory_equal(&source.sin_addr, from[i / 3 % SOURCES].addr + 12, sizeof source.sin_addr);
    }
    close(peer);
    close_echo(&f);
}

/* A peer sends `len` bytes as datagrams of `segment_len`; each is handled, and echoed, by itself. */
static void send_coalesced(struct fixture *f, const char *address, size_t segment_len, size_t len)
{
    static uint8_t bytes[MANY * LONGEST];
    uint8_t got[LONGEST + 1];
    int peer = connect_peer(address, f->port);

    (void)meet(f, peer);
    f->count = 0;
    assert_int_equal(setsockopt(peer, IPPROTO_UDP, UDP_SEGMENT, &(int){(int)segment_len}, sizeof(int)), 0);
    seeded_fill(bytes, len);
    assert_int_equal(send(peer, bytes, len, 0), (ssize_t)len);
    settle(f);
    assert_int_equal(f->count, (len + segment_len - 1) / segment_len);
    for (size_t from = 0; from < len; from += segment_len) {
        size_t wanted = len - from < segment_len ? len - from : segment_len;

        assert_int_equal(recv(peer, got, sizeof got, 0), (ssize_t)wanted);
        assert_memory_equal(got, bytes + from, wanted);
    }
    expect_nothing(peer);
    close(peer);
}

static void test_what_arrives_together_is_handled_one_by_one(void **state)
{
    struct fixture f;
    int probe;
    int is_on = 0;
    bool has_segments;

    (void)state;
    open_echo(&f, "::");
    probe = connect_peer("127.0.0.1", f.port);
    has_segments = setsockopt(probe, IPPROTO_UDP, UDP_SEGMENT, &(int){1}, sizeof(int)) == 0;
    close(probe);
    if (!has_segments)
        skip(); /* a kernel without it */
    assert_int_equal(getsockopt(f.fd, IPPROTO_UDP, UDP_GRO, &is_on, &(socklen_t){sizeof is_on}), 0);
    assert_int_equal(is_on, 1);
    for (int has_gro = 1; has_gro >= 0; has_gro--) {
        assert_int_equal(setsockopt(f.fd, IPPROTO_UDP, UDP_GRO, &has_gro, sizeof has_gro), 0);
        send_coalesced(&f, "127.0.0.1", 64, 64 * MANY);
        send_coalesced(&f, "127.77.3.9", 100, 100 * MANY - 1);
        send_coalesced(&f, "127.0.0.2", LONGEST, LONGEST * MANY - 700);
        send_coalesced(&f, "127.0.0.1", 1, 2); /* shorter than the headroom */
        if (has_ipv6())
            send_coalesced(&f, "::1", 90, 90 * MANY - 30);
    }
    close_echo(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_address_that_was_addressed_answers),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_an_ipv4_literal),
        cmocka_unit_test(test_two_programs_cannot_share_a_port),
        cmocka_unit_test(test_batches_of_any_size_keep_their_order),
        cmocka_unit_test(test_a_batch_is_told_of_before_its_datagrams),
        cmocka_unit_test(test_the_link_alone_never_fragments),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_what_cannot_be_sent_is_left_out),
        cmocka_unit_test(test_what_leaves_together_arrives_as_it_was),
        cmocka_unit_test(test_refused_segments_leave_one_by_one),
        cmocka_unit_test(test_equal_lengths_leave_in_one_message),
        cmocka_unit_test(test_each_keeps_its_source_address),
        cmocka_unit_test(test_what_arrives_together_is_handled_one_by_one),
    };

    seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
