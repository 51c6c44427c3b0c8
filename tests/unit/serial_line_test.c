/* A serial line over a pseudo-terminal or a pair of stream sockets: datagrams both ways, noise, breaks, a
 * plug that is pulled and plugged again, a line that is slower than what is sent on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "seeded.h"
#include "serial_line.h"
#include "serial_port.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADROOM = 21, DATAGRAMS = 64, PATIENCE_MS = 20000 };

/* The gateway's side of a line; `far` is the other end. */
struct fixture {
    struct loop *loop;
    struct serial_line *line;
    int far;
    uint64_t deadline_ms;
    size_t lost;
    size_t wanted; /* datagrams, until which the loop turns */
    size_t count;
    struct {
        size_t len;
        uint8_t bytes[SERIAL_DATAGRAM_MAX];
    } datagrams[DATAGRAMS];
};

static void on_datagram(void *ctx, uint8_t *datagram, size_t len, uint64_t now_ms)
{
    struct fixture *f = ctx;

    (void)now_ms;
    assert_in_range(f->count, 0, DATAGRAMS - 1);
    memset(datagram - HEADROOM, 0xEE, HEADROOM); /* is ours */
    f->datagrams[f->count].len = len;
    memcpy(f->datagrams[f->count++].bytes, datagram, len);
}

static void on_lost(void *ctx)
{
    struct fixture *f = ctx;

    f->lost++;
}

static void fixture_open(struct fixture *f, bool is_marked)
{
    const struct serial_handler handler = {f, on_datagram, on_lost};

    signal(SIGPIPE, SIG_IGN);
    memset(f, 0, sizeof *f);
    f->far = -1;
    f->loop = loop_create();
    f->line = serial_line_create(f->loop, HEADROOM, is_marked, &handler);
    assert_non_null(f->line);
}

static void fixture_close(struct fixture *f)
{
    serial_line_destroy(f->line);
    loop_destroy(f->loop);
    if (f->far >= 0)
        close(f->far);
}

static void plug_in_device(struct fixture *f)
{
    struct serial_port port;
    int fd;

    f->far = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_int_equal(grantpt(f->far) | unlockpt(f->far), 0);
    assert_int_equal(serial_port_parse(ptsname(f->far), strlen(ptsname(f->far)), &port), SSM_OK);
    assert_int_equal(serial_port_open(&port, &fd), SSM_OK);
    serial_line_attach(f->line, fd);
}

static void plug_in_socket(struct fixture *f)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    f->far = fds[0];
    serial_line_attach(f->line, fds[1]);
}

/* A stream that takes a part of what is written, as a UART does: TCP with little room. */
static void plug_in_narrow(struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &(int){100}, sizeof(int)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int)), 0);
    assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &(int){1}, sizeof(int)), 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    f->far = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(f->far >= 0);
    close(listener);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    serial_line_attach(f->line, fd);
}

static void pull(struct fixture *f)
{
    close(f->far);
    f->far = -1;
}

static uint64_t until_wanted(void *ctx, uint64_t now_ms)
{
    struct fixture *f = ctx;

    if (f->count >= f->wanted || f->lost > 0 || now_ms >= f->deadline_ms)
        loop_stop(f->loop);
    return f->deadline_ms;
}

/* Turns the loop until so many datagrams have been received in all, or the line is lost. */
static void turn_until(struct fixture *f, size_t wanted)
{
    f->wanted = wanted;
    f->deadline_ms = loop_now_ms() + PATIENCE_MS;
    assert_int_equal(loop_run(f->loop, until_wanted, f), SSM_OK);
}

static uint64_t few_turns(void *ctx, uint64_t now_ms)
{
    struct fixture *f = ctx;

    if (f->wanted-- == 0)
        loop_stop(f->loop);
    return now_ms;
}

static void turn(struct fixture *f)
{
    f->wanted = 10;
    assert_int_equal(loop_run(f->loop, few_turns, f), SSM_OK);
}

/* Writes from the far end, turning the loop where the line is full. */
static void say(struct fixture *f, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        ssize_t n = write(f->far, at, len);

        if (n < 0)
            turn(f);
        else {
            at += n;
            len -= (size_t)n;
        }
    }
}

#define SAY(f, text) say(f, text, sizeof(text) - 1)

static void expect_datagram(const struct fixture *f, size_t i, const char *text)
{
    assert_int_equal(f->datagrams[i].len, strlen(text));
    assert_memory_equal(f->datagrams[i].bytes, text, strlen(text));
}

/* Every byte there is, both ways, over a device: nothing is interpreted on the way. */
static void all_bytes_cross_a_device(void **state)
{
    uint8_t all[256];
    uint8_t frame[SLIP_ENCODED_MAX(sizeof all)];
    uint8_t got[SLIP_ENCODED_MAX(sizeof all)];
    size_t frame_len;
    size_t got_len = 0;
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    frame_len = slip_encode(all, sizeof all, frame);
    fixture_open(&f, true);
    plug_in_device(&f);
    assert_true(serial_line_is_up(f.line));
    say(&f, frame, frame_len);
    turn_until(&f, 1);
    assert_int_equal(f.datagrams[0].len, sizeof all);
    assert_memory_equal(f.datagrams[0].bytes, all, sizeof all);
    serial_line_send(f.line, all, sizeof all);
    f.deadline_ms = loop_now_ms() + PATIENCE_MS;
    while (got_len < frame_len && loop_now_ms() < f.deadline_ms) {
        ssize_t n;

        turn(&f);
        n = read(f.far, got + got_len, sizeof got - got_len);
        got_len += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(got_len, frame_len);
    assert_memory_equal(got, frame, frame_len);
    assert_int_equal(serial_line_counts(f.line)->received, 1);
    assert_int_equal(serial_line_counts(f.line)->sent, 1);
    assert_int_equal(serial_line_counts(f.line)->spoiled, 0);
    assert_int_equal(serial_line_counts(f.line)->dropped, 0);
    fixture_close(&f);
}

static void noise_is_counted_and_dropped(void **state)
{
    static const uint8_t zeros[2000];
    struct fixture f;

    (void)state;
    fixture_open(&f, true);
    plug_in_device(&f);
    SAY(&f, "\xC0"
            "a\xDB\xDB\xC0"); /* bad escapes */
    SAY(&f, "\xC0"
            "b\xDB\xC0");
    SAY(&f, "\xC0\xC0\xC0");
    SAY(&f, "\xC0");
    say(&f, zeros, sizeof zeros); /* too long */
    SAY(&f, "\xC0");
    SAY(&f, "\xC0good\xC0");
    turn_until(&f, 1);
    assert_int_equal(f.count, 1);
    expect_datagram(&f, 0, "good");
    assert_int_equal(serial_line_counts(f.line)->spoiled, 3);
    fixture_close(&f);
}

static void the_longest_datagram_passes_and_one_more_byte_does_not(void **state)
{
    uint8_t frame[SLIP_ENCODED_MAX(SERIAL_DATAGRAM_MAX + 1)];
    uint8_t datagram[SERIAL_DATAGRAM_MAX + 1];
    struct fixture f;

    (void)state;
    memset(datagram, SLIP_END, sizeof datagram); /* each takes two bytes */
    fixture_open(&f, false);
    plug_in_socket(&f);
    say(&f, frame, slip_encode(datagram, SERIAL_DATAGRAM_MAX + 1, frame));
    say(&f, frame, slip_encode(datagram, SERIAL_DATAGRAM_MAX, frame));
    turn_until(&f, 1);
    assert_int_equal(f.datagrams[0].len, SERIAL_DATAGRAM_MAX);
    assert_int_equal(serial_line_counts(f.line)->spoiled, 1);
    serial_line_send(f.line, datagram, SERIAL_DATAGRAM_MAX);
    assert_int_equal(serial_line_counts(f.line)->dropped, 0);
    fixture_close(&f);
}

/* As the kernel marks them (PARMRK); a pseudo-terminal has none of its own. */
static void a_break_spoils_its_frame(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, true);
    plug_in_socket(&f);
    SAY(&f, "\xC0"
            "ab\xFF\0\0cd\xC0"); /* a break */
    SAY(&f, "\xC0"
            "ab\xFF"); /* a framing error, in pieces */
    turn(&f);
    SAY(&f, "\0");
    turn(&f);
    SAY(&f, "\xC0"
            "cd\xC0"); /* the first END is the byte in error */
    SAY(&f, "\xC0x\xFF\xFFy\xC0");
    turn_until(&f, 1);
    assert_int_equal(f.count, 1);
    expect_datagram(&f, 0, "x\xFFy");
    assert_int_equal(serial_line_counts(f.line)->spoiled, 2);
    fixture_close(&f);
}

static void bytes_of_a_socket_are_not_marks(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, false);
    plug_in_socket(&f);
    SAY(&f, "\xC0x\xFF\x01y\xFF\xFF\xC0");
    turn_until(&f, 1);
    expect_datagram(&f, 0, "x\xFF\x01y\xFF\xFF");
    fixture_close(&f);
}

/* What was half received before is not joined to what comes after. */
static void the_plug_is_pulled_and_plugged_again(struct fixture *f, void (*plug_in)(struct fixture *f))
{
    plug_in(f);
    SAY(f, "\xC0one\xC0\xC0"
           "ha");
    turn_until(f, 1);
    turn(f);
    pull(f);
    turn_until(f, SIZE_MAX);
    assert_int_equal(f->lost, 1);
    assert_false(serial_line_is_up(f->line));
    serial_line_send(f->line, (const uint8_t *)"x", 1);
    assert_int_equal(serial_line_counts(f->line)->dropped, 1);
    f->lost = 0;
    plug_in(f);
    assert_true(serial_line_is_up(f->line));
    SAY(f, "lf\xC0\xC0two\xC0");
    turn_until(f, 3);
    assert_int_equal(f->lost, 0);
    expect_datagram(f, 1, "lf"); /* no datagram of ours: it fails its authentication */
    expect_datagram(f, 2, "two");
    assert_int_equal(serial_line_counts(f->line)->received, 3);
}

static void a_device_comes_back(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, true);
    the_plug_is_pulled_and_plugged_again(&f, plug_in_device);
    fixture_close(&f);
}

static void a_socket_comes_back(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, false);
    the_plug_is_pulled_and_plugged_again(&f, plug_in_socket);
    fixture_close(&f);
}

static void a_plug_pulled_while_sending_is_noticed_once(void **state)
{
    static const uint8_t datagram[1000];
    uint8_t bytes[64];
    struct fixture f;

    (void)state;
    fixture_open(&f, false);
    plug_in_socket(&f);
    serial_line_send(f.line, datagram, sizeof datagram);
    pull(&f);
    turn_until(&f, SIZE_MAX);
    turn(&f);
    assert_int_equal(f.lost, 1);
    plug_in_socket(&f); /* nothing of before is sent now */
    serial_line_send(f.line, (const uint8_t *)"new", 3);
    turn(&f);
    assert_int_equal(read(f.far, bytes, sizeof bytes), 5);
    assert_memory_equal(bytes, "\xC0new\xC0", 5);
    fixture_close(&f);
}

/* Reads what has crossed and checks that it is datagrams of one byte value each; returns how many. */
static size_t drain(struct fixture *f, struct slip_reader *reader)
{
    uint8_t bytes[512];
    size_t count = 0;
    ssize_t n;

    while ((n = read(f->far, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            uint16_t len = slip_take(reader, bytes[i]);

            for (uint16_t j = 0; j < len; j++)
                assert_int_equal(reader->buffer[j], reader->buffer[0]);
            count += len == 90;
        }
    }
    return count;
}

/* A line that nobody reads fills up: nothing waits, whole datagrams are dropped, and what was taken arrives.
 */
static void slow_line_drops_whole_datagrams(void (*plug_in)(struct fixture *f))
{
    uint8_t datagram[90];
    uint8_t buffer[128];
    struct slip_reader reader;
    struct fixture f;
    size_t arrived = 0;
    uint64_t sent = 0;

    slip_reader_init(&reader, buffer, sizeof buffer);
    fixture_open(&f, true);
    plug_in(&f);
    for (; sent < 100000 && serial_line_counts(f.line)->dropped < 100; sent++) {
        memset(datagram, (uint8_t)(sent % 0xC0), sizeof datagram);
        serial_line_send(f.line, datagram, sizeof datagram);
        if (sent % 8 == 0)
            turn(&f);
    }
    assert_int_equal(serial_line_counts(f.line)->dropped, 100);
    assert_int_equal(serial_line_counts(f.line)->sent, sent - 100);
    f.deadline_ms = loop_now_ms() + PATIENCE_MS;
    while (arrived < sent - 100 && loop_now_ms() < f.deadline_ms) {
        arrived += drain(&f, &reader);
        turn(&f);
    }
    assert_int_equal(arrived, sent - 100);
    assert_int_equal(reader.dropped, 0);
    fixture_close(&f);
}

static void a_slow_device_drops_whole_datagrams(void **state)
{
    (void)state;
    slow_line_drops_whole_datagrams(plug_in_device);
}

static void a_narrow_stream_drops_whole_datagrams(void **state)
{
    (void)state;
    slow_line_drops_whole_datagrams(plug_in_narrow);
}

/* Datagrams of any bytes in pieces of any length. */
static void random_datagrams_arrive_as_they_were_sent(void **state)
{
    static uint8_t stream[DATAGRAMS * SLIP_ENCODED_MAX(SERIAL_DATAGRAM_MAX)];
    static uint8_t datagrams[DATAGRAMS][SERIAL_DATAGRAM_MAX];
    size_t lens[DATAGRAMS];
    size_t stream_len = 0;
    struct fixture f;

    (void)state;
    fixture_open(&f, true);
    plug_in_device(&f);
    for (size_t i = 0; i < DATAGRAMS; i++) {
        lens[i] = 1 + seeded_u32() % (i % 8 == 0 ? SERIAL_DATAGRAM_MAX : 100);
        seeded_fill(datagrams[i], lens[i]);
        for (size_t j = 0; j < lens[i]; j += 7)
            datagrams[i][j] = (uint8_t)"\xC0\xDB\xFF\x00"[seeded_u32() % 4];
        stream_len += slip_encode(datagrams[i], lens[i], stream + stream_len);
    }
    for (size_t at = 0; at < stream_len;) {
        size_t len = 1 + seeded_u32() % 300;

        len = len < stream_len - at ? len : stream_len - at;
        say(&f, stream + at, len);
        at += len;
        if (seeded_u32() % 4 == 0)
            turn(&f);
    }
    turn_until(&f, DATAGRAMS);
    assert_int_equal(f.count, DATAGRAMS);
    for (size_t i = 0; i < DATAGRAMS; i++) {
        assert_int_equal(f.datagrams[i].len, lens[i]);
        assert_memory_equal(f.datagrams[i].bytes, datagrams[i], lens[i]);
    }
    assert_int_equal(serial_line_counts(f.line)->spoiled, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_bytes_cross_a_device),
        cmocka_unit_test(noise_is_counted_and_dropped),
        cmocka_unit_test(the_longest_datagram_passes_and_one_more_byte_does_not),
        cmocka_unit_test(a_break_spoils_its_frame),
        cmocka_unit_test(bytes_of_a_socket_are_not_marks),
        cmocka_unit_test(a_device_comes_back),
        cmocka_unit_test(a_socket_comes_back),
        cmocka_unit_test(a_plug_pulled_while_sending_is_noticed_once),
        cmocka_unit_test(a_slow_device_drops_whole_datagrams),
        cmocka_unit_test(a_narrow_stream_drops_whole_datagrams),
        cmocka_unit_test(random_datagrams_arrive_as_they_were_sent),
    };

    seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
