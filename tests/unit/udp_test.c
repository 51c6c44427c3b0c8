/* UDP over loopback: the address that was addressed answers, batches keep their order, what the kernel
 * refuses is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
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
    uint16_t port;
    size_t count;
    size_t last_len;
    struct endpoint local;
    struct endpoint peer;
};

static void echo(void *ctx, const struct endpoint *local, const struct endpoint *peer, uint8_t *datagram,
                 size_t len)
{
    struct fixture *f = ctx;

    memset(datagram - HEADROOM, 0xEE, HEADROOM); /* is ours */
    f->count++;
    f->last_len = len;
    f->local = *local;
    f->peer = *peer;
    udp_outbox_add(f->outbox, f->socket, local, peer, datagram, len);
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

static void open_echo(struct fixture *f, const char *address)
{
    const struct endpoint at = endpoint_of(address, 0);
    int fd;

    memset(f, 0, sizeof *f);
    f->loop = loop_create();
    f->reader = udp_reader_create(f->loop, HEADROOM);
    f->outbox = udp_outbox_create();
    assert_int_equal(udp_open(&at, &fd), SSM_OK);
    f->port = port_of(fd);
    f->socket = udp_socket_create(f->reader, fd, echo, f);
    assert_non_null(f->socket);
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

static void test_ipv6(void **state)
{
    const struct endpoint loopback = endpoint_of("::1", 0);
    struct fixture f;
    int probe;

    (void)state;
    if (udp_open(&loopback, &probe) != SSM_OK)
        skip(); /* a machine without IPv6 addresses */
    close(probe);
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
    assert_int_equal(udp_open(&at, &first), SSM_OK);
    at.port = port_of(first);
    assert_int_equal(udp_open(&at, &second), SSM_IO);
    assert_int_equal(errno, EADDRINUSE);
    close(first);
}

static void test_more_than_a_batch_keeps_its_order(void **state)
{
    struct fixture f;
    int peer;

    (void)state;
    open_echo(&f, "::ffff:127.0.0.1");
    peer = connect_peer("127.0.0.1", f.port);
    for (uint32_t i = 0; i < 3 * UDP_BATCH + 1; i++)
        assert_int_equal(send(peer, &i, sizeof i, 0), sizeof i);
    settle(&f);
    assert_int_equal(f.count, 3 * UDP_BATCH + 1);
    for (uint32_t i = 0; i < 3 * UDP_BATCH + 1; i++) {
        uint32_t got;

        assert_int_equal(recv(peer, &got, sizeof got, 0), sizeof got);
        assert_int_equal(got, i);
    }
    assert_int_equal(udp_outbox_lost(f.outbox), 0);
    close(peer);
    close_echo(&f);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_address_that_was_addressed_answers),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_an_ipv4_literal),
        cmocka_unit_test(test_two_programs_cannot_share_a_port),
        cmocka_unit_test(test_more_than_a_batch_keeps_its_order),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_what_cannot_be_sent_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
