#include "ipc.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BATCH = 64 }; /* messages per turn, so that one channel cannot starve the loop */

/* A message that waits for room in the socket. */
struct queued {
    struct queued *next;
    int fd;
    size_t len;
    uint8_t bytes[];
};

struct ipc {
    int fd;
    struct ipc_handler handler;
    struct loop_watch *readable;
    struct loop_watch *writable;
    struct queued *head;
    struct queued **tail;
    size_t waiting;
    uint64_t dropped;
    bool overrun;
};

enum status ipc_pair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0 ? SSM_OK : SSM_IO;
}

/* ---- sending ---- */

/* SSM_NO_ROOM: not now. A channel whose other side is gone swallows: reading tells so. */
static enum status send_now(int socket_fd, const uint8_t *bytes, size_t len, int fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fd >= 0) {
        msg.msg_control = control.room;
        msg.msg_controllen = sizeof control.room;
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    }
    while (sendmsg(socket_fd, &msg, MSG_NOSIGNAL) < 0) {
        if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS)
            return SSM_NO_ROOM;
        if (errno != EINTR)
            return SSM_OK;
    }
    return SSM_OK;
}

/* Can a stranger cause it at will, and does it come again? */
static bool is_droppable(uint8_t type)
{
    return type == MSG_DGRAM_IN || type == MSG_DGRAM_OUT || type == MSG_NODE_CTRL_IN ||
           type == MSG_NODE_HEARD || type == MSG_NODE_QUIET;
}

static void free_queued(struct queued *q)
{
    if (q->fd >= 0)
        close(q->fd);
    bytes_wipe(q->bytes, q->len);
    free(q);
}

/* Ends the channel from this side; reading then finds its end and reports the loss from the loop. */
static void overrun(struct ipc *ipc)
{
    ipc->overrun = true;
    shutdown(ipc->fd, SHUT_RDWR);
}

static void enqueue(struct ipc *ipc, const uint8_t *bytes, size_t len, int fd)
{
    struct queued *q = ipc->waiting < IPC_QUEUE_MAX ? malloc(sizeof *q + len) : NULL;

    if (q == NULL) {
        overrun(ipc);
        return;
    }
    *q = (struct queued){.fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1, .len = len};
    memcpy(q->bytes, bytes, len);
    *ipc->tail = q;
    ipc->tail = &q->next;
    ipc->waiting++;
    loop_watch_arm(ipc->writable);
}

/* Sends what waits, in order, as far as there is room. */
static void on_writable(void *ctx)
{
    struct ipc *ipc = ctx;

    while (ipc->head != NULL) {
        struct queued *q = ipc->head;

        if (send_now(ipc->fd, q->bytes, q->len, q->fd) == SSM_NO_ROOM) {
            loop_watch_arm(ipc->writable);
            return;
        }
        ipc->head = q->next;
        ipc->waiting--;
        free_queued(q);
    }
    ipc->tail = &ipc->head;
}

void ipc_send(struct ipc *ipc, const struct message *m, int fd)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t len = message_encode(m, bytes);

    if (ipc->overrun)
        return;
    if (ipc->head == NULL && send_now(ipc->fd, bytes, len, fd) == SSM_OK)
        return;
    if (!is_droppable(m->type) || ipc->waiting < IPC_QUEUE_DATAGRAMS) {
        enqueue(ipc, bytes, len, fd);
        return;
    }
    ipc->dropped++;
    log_event(LOG_WARNING, loop_now_ms(), "another process is too busy", ": dropped a datagram for it, %s",
              message_name(m->type));
}

/* ---- receiving ---- */

/* Reads one message; returns its length, 0 at the end of the channel, -1 if there is none now. */
static ssize_t receive_one(int socket_fd, uint8_t bytes[MESSAGE_BYTES_MAX], int *fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = bytes, .iov_len = MESSAGE_BYTES_MAX};
    /* CMSG_LEN, not CMSG_SPACE: the padding has room for a second descriptor, which nobody would close. */
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.room,
                         .msg_controllen = CMSG_LEN(sizeof(int))};
    ssize_t len = recvmsg(socket_fd, &msg, MSG_CMSG_CLOEXEC);

    *fd = -1;
    if (len < 0)
        return errno == EAGAIN || errno == EINTR ? -1 : 0;
    if (CMSG_FIRSTHDR(&msg) != NULL && control.header.cmsg_level == SOL_SOCKET &&
        control.header.cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(&control.header), sizeof *fd);
    return len;
}

/* A message that breaks the table is refused, because its sender may have been taken over. */
static void deliver(struct ipc *ipc, const uint8_t *bytes, size_t len, int fd)
{
    struct message m;

    if (message_decode(bytes, len, &m) == SSM_OK) {
        ipc->handler.on_message(ipc->handler.ctx, &m, fd);
        return;
    }
    ipc->dropped++;
    log_event(LOG_ERR, loop_now_ms(), "refused a malformed message of another process", " (%zu bytes)", len);
    if (fd >= 0)
        close(fd);
}

static void on_readable(void *ctx)
{
    struct ipc *ipc = ctx;
    uint8_t bytes[MESSAGE_BYTES_MAX];
    int fd;

    for (int i = 0; i < READ_BATCH; i++) {
        ssize_t len = receive_one(ipc->fd, bytes, &fd);

        if (len < 0)
            return;
        if (len == 0) {
            loop_watch_remove(ipc->readable); /* the end stays readable */
            ipc->readable = NULL;
            ipc->handler.on_lost(ipc->handler.ctx, ipc->overrun);
            return;
        }
        deliver(ipc, bytes, (size_t)len, fd);
    }
}

struct ipc *ipc_create(struct loop *loop, int fd, const struct ipc_handler *handler)
{
    struct ipc *ipc = calloc(1, sizeof *ipc);

    if (ipc == NULL) {
        close(fd);
        return NULL;
    }
    ipc->fd = fd;
    ipc->handler = *handler;
    ipc->tail = &ipc->head;
    ipc->readable = loop_watch_readable(loop, fd, on_readable, ipc);
    ipc->writable = loop_watch_writable(loop, fd, on_writable, ipc);
    if (ipc->readable == NULL || ipc->writable == NULL) {
        ipc_destroy(ipc);
        return NULL;
    }
    return ipc;
}

void ipc_destroy(struct ipc *ipc)
{
    if (ipc == NULL)
        return;
    loop_watch_remove(ipc->readable);
    loop_watch_remove(ipc->writable);
    while (ipc->head != NULL) {
        struct queued *q = ipc->head;

        ipc->head = q->next;
        free_queued(q);
    }
    close(ipc->fd);
    free(ipc);
}

uint64_t ipc_dropped(const struct ipc *ipc)
{
    return ipc->dropped;
}
