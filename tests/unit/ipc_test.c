/* A channel between two processes: order, descriptors, the full queue, what is refused, and the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the reading side saw. */
struct seen {
    size_t count;
    uint32_t last_request;
    bool in_order;
    size_t len_sum;
    int fd;
    int lost;
    bool overrun;
};

struct fixture {
    struct loop *loop;
    int turns;
    struct ipc *near; /* NULL: only the descriptor */
    struct ipc *far;
    int far_fd;
    struct seen near_seen;
    struct seen far_seen;
};

static void on_message(void *ctx, const struct message *m, int fd)
{
    struct seen *seen = ctx;

    seen->in_order = (seen->count == 0 || seen->in_order) && m->request > seen->last_request;
    seen->last_request = m->request;
    seen->count++;
    seen->len_sum += m->data[0].len;
    if (fd >= 0)
        seen->fd = fd;
}

static void on_lost(void *ctx, bool overrun)
{
    struct seen *seen = ctx;

    seen->lost++;
    seen->overrun = overrun;
}

static uint64_t count_turns(void *ctx, uint64_t now_ms)
{
    struct fixture *f = ctx;

    if (--f->turns == 0)
        loop_stop(f->loop);
    return now_ms;
}

/* Lets everything arrive that is on its way: one turn hands over a batch at most. */
static void settle(struct fixture *f)
{
    f->turns = 400;
    assert_int_equal(loop_run(f->loop, count_turns, f), SSM_OK);
}

static struct ipc *open_end(struct fixture *f, int fd, struct seen *seen)
{
    const struct ipc_handler handler = {seen, on_message, on_lost};
    struct ipc *ipc = ipc_create(f->loop, fd, &handler);

    assert_non_null(ipc);
    seen->fd = -1;
    return ipc;
}

/* The far end is a bare descriptor until a test opens it: it does not read. */
static struct fixture open_pair(void)
{
    struct fixture f = {.loop = loop_create()};
    int fds[2];

    assert_non_null(f.loop);
    assert_int_equal(ipc_pair(fds), SSM_OK);
    f.far_fd = fds[1];
    f.near = ipc_create(f.loop, fds[0], &(struct ipc_handler){0});
    assert_non_null(f.near);
    return f;
}

static void reopen_near(struct fixture *f)
{
    int fds[2];

    ipc_destroy(f->near);
    close(f->far_fd);
    assert_int_equal(ipc_pair(fds), SSM_OK);
    f->near = open_end(f, fds[0], &f->near_seen);
    f->far_fd = fds[1];
}

static void open_far(struct fixture *f)
{
    f->far = open_end(f, f->far_fd, &f->far_seen);
}

static void close_pair(struct fixture *f)
{
    ipc_destroy(f->near);
    if (f->far != NULL)
        ipc_destroy(f->far);
    else
        close(f->far_fd);
    loop_destroy(f->loop);
}

static struct message numbered(uint8_t type, uint32_t request)
{
    static const uint8_t bytes[60];

    return (struct message){.type = type, .request = request, .data[0] = {bytes, sizeof bytes}};
}

static void test_messages_arrive_in_order(void **state)
{
    struct fixture f = open_pair();

    (void)state;
    open_far(&f);
    for (uint32_t i = 1; i <= 50; i++) {
        const struct message m = numbered(MSG_DGRAM_IN, i);

        ipc_send(f.near, &m, -1);
    }
    settle(&f);
    assert_int_equal(f.far_seen.count, 50);
    assert_true(f.far_seen.in_order);
    assert_int_equal(f.far_seen.len_sum, 50 * 60);
    assert_int_equal(f.far_seen.lost, 0);
    close_pair(&f);
}

static void test_a_full_queue_drops_datagrams_and_nothing_else(void **state)
{
    struct fixture f = open_pair();
    uint32_t request = 0;
    size_t sent = 0;

    (void)state;
    reopen_near(&f);
    while (ipc_dropped(f.near) == 0) {
        const struct message m = numbered(MSG_DGRAM_IN, ++request);

        ipc_send(f.near, &m, -1);
        sent++;
        assert_true(sent < 100000);
    }
    sent--; /* the last one was dropped */
    for (int i = 0; i < 500; i++) {
        const struct message m = {.type = MSG_SESSION_COMMIT, .request = ++request};
        const struct message stranger = numbered(i % 2 == 0 ? MSG_DGRAM_OUT : MSG_NODE_CTRL_IN, ++request);

        ipc_send(f.near, &m, -1);
        sent++;
        ipc_send(f.near, &stranger, -1);
    }
    assert_int_equal(ipc_dropped(f.near), 501);
    open_far(&f);
    settle(&f);
    assert_int_equal(f.far_seen.count, sent);
    assert_true(f.far_seen.in_order);
    assert_int_equal(f.near_seen.lost, 0);
    close_pair(&f);
}

static void test_a_side_that_never_reads_loses_the_channel(void **state)
{
    struct fixture f = open_pair();

    (void)state;
    reopen_near(&f);
    for (uint32_t i = 1; i <= IPC_QUEUE_MAX + 5000; i++) {
        const struct message m = {.type = MSG_SESSION_CLOSED, .request = i};

        ipc_send(f.near, &m, -1);
    }
    assert_int_equal(f.near_seen.lost, 0); /* told from the loop alone */
    settle(&f);
    assert_int_equal(f.near_seen.lost, 1);
    assert_true(f.near_seen.overrun);
    close_pair(&f);
}

static void test_descriptors_travel(void **state)
{
    struct fixture f = open_pair();
    struct stat sent;
    struct stat got;
    int pipe_fds[2];

    (void)state;
    open_far(&f);
    assert_int_equal(pipe(pipe_fds), 0);
    ipc_send(f.near, &(struct message){.type = MSG_SIBLING, .request = 1}, pipe_fds[0]);
    settle(&f);
    assert_true(f.far_seen.fd >= 0);
    assert_int_equal(fstat(pipe_fds[0], &sent), 0);
    assert_int_equal(fstat(f.far_seen.fd, &got), 0);
    assert_int_equal(sent.st_ino, got.st_ino);
    close(f.far_seen.fd);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    close_pair(&f);
}

static void test_a_queued_descriptor_outlives_the_senders(void **state)
{
    struct fixture f = open_pair();
    uint32_t request = 0;
    struct stat st;
    int pipe_fds[2];

    (void)state;
    reopen_near(&f);
    while (ipc_dropped(f.near) == 0) {
        const struct message m = numbered(MSG_DGRAM_IN, ++request);

        ipc_send(f.near, &m, -1);
    }
    assert_int_equal(pipe(pipe_fds), 0);
    ipc_send(f.near, &(struct message){.type = MSG_SOCKET, .request = ++request}, pipe_fds[0]);
    close(pipe_fds[0]);
    open_far(&f);
    settle(&f);
    assert_int_equal(f.far_seen.last_request, request);
    assert_true(f.far_seen.fd >= 0);
    assert_int_equal(fstat(f.far_seen.fd, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    close(f.far_seen.fd);
    close(pipe_fds[1]);
    close_pair(&f);
}

static size_t open_descriptors(void)
{
    size_t count = 0;

    for (int fd = 0; fd < 200; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* A process that has been taken over may send more descriptors than anybody will close. */
static void test_a_second_descriptor_is_not_taken(void **state)
{
    struct fixture f = open_pair();
    const struct message m = {.type = MSG_SIBLING, .request = 1};
    uint8_t bytes[MESSAGE_BYTES_MAX];
    struct iovec iov = {bytes, message_encode(&m, bytes)};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    size_t before;

    (void)state;
    reopen_near(&f);
    control.header = (struct cmsghdr){CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), (int[]){0, 1}, 2 * sizeof(int));
    before = open_descriptors();
    assert_int_equal(sendmsg(f.far_fd, &msg, 0), (ssize_t)iov.iov_len);
    settle(&f);
    assert_int_equal(f.near_seen.count, 1);
    assert_true(f.near_seen.fd >= 0);
    assert_int_equal(open_descriptors(), before + 1);
    close(f.near_seen.fd);
    close_pair(&f);
}

/* The other process may have been taken over: what it sends is refused, the channel goes on, its descriptors
 * are closed. */
static void test_malformed_messages_are_refused(void **state)
{
    struct fixture f = open_pair();
    uint8_t bytes[MESSAGE_BYTES_MAX];
    const struct message good = {.type = MSG_HEARTBEAT, .request = 1};
    size_t len = message_encode(&good, bytes);

    (void)state;
    reopen_near(&f);
    assert_int_equal(send(f.far_fd, "x", 1, 0), 1);
    assert_int_equal(send(f.far_fd, bytes, len - 1, 0), (ssize_t)len - 1);
    bytes[len] = 0;
    assert_int_equal(send(f.far_fd, bytes, len + 1, 0), (ssize_t)len + 1);
    assert_int_equal(send(f.far_fd, bytes, len, 0), (ssize_t)len);
    settle(&f);
    assert_int_equal(ipc_dropped(f.near), 3);
    assert_int_equal(f.near_seen.count, 1);
    assert_int_equal(f.near_seen.lost, 0);
    close_pair(&f);
}

static void test_the_end_is_told_once(void **state)
{
    struct fixture f = open_pair();

    (void)state;
    reopen_near(&f);
    open_far(&f);
    ipc_send(f.far, &(struct message){.type = MSG_READY, .request = 1}, -1);
    ipc_destroy(f.far);
    f.far = NULL;
    f.far_fd = -1;
    ipc_send(f.near, &(struct message){.type = MSG_STOP, .request = 1}, -1); /* into the void */
    settle(&f);
    assert_int_equal(f.near_seen.count, 1);
    assert_int_equal(f.near_seen.lost, 1);
    assert_false(f.near_seen.overrun);
    close_pair(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_arrive_in_order),
        cmocka_unit_test(test_a_full_queue_drops_datagrams_and_nothing_else),
        cmocka_unit_test(test_a_side_that_never_reads_loses_the_channel),
        cmocka_unit_test(test_descriptors_travel),
        cmocka_unit_test(test_a_queued_descriptor_outlives_the_senders),
        cmocka_unit_test(test_a_second_descriptor_is_not_taken),
        cmocka_unit_test(test_malformed_messages_are_refused),
        cmocka_unit_test(test_the_end_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
