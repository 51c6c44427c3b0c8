/*
 * One end of a channel between two processes of ssmd: whole messages over SOCK_SEQPACKET, with a bounded
 * queue behind a full socket.
 *
 * Owns its descriptor. When the queue is full, what carries a datagram of strangers is dropped and counted:
 * its sender repeats it. Nothing else is ever dropped: if even that does not fit, the other side has stopped
 * reading and the channel is lost.
 */
#ifndef SSM_IPC_H
#define SSM_IPC_H

#include "loop.h"
#include "message.h"

struct ipc;

enum {
    IPC_QUEUE_DATAGRAMS = 256, /* messages waiting beyond which datagrams are dropped */
    IPC_QUEUE_MAX = 4096,      /* messages waiting beyond which the channel is lost */
};

struct ipc_handler {
    void *ctx;
    /* `fd` came with the message and is the handler's; -1: none. */
    void (*on_message)(void *ctx, const struct message *m, int fd);
    /* The other side is gone, or the queue ran over (`overrun`). Called once, from the loop; here alone may
     * the channel be destroyed by its handler. */
    void (*on_lost)(void *ctx, bool overrun);
};

/* A pair of connected descriptors, closed on exec. */
SSM_MUST_CHECK enum status ipc_pair(int fds[2]);
/* Takes `fd` over, on failure too (NULL). `handler` is copied. */
struct ipc *ipc_create(struct loop *loop, int fd, const struct ipc_handler *handler);
/* NULL is fine. What is still queued is dropped. */
void ipc_destroy(struct ipc *ipc);
/* Sends or queues a message; `fd` (or -1) goes with it and stays the caller's. */
void ipc_send(struct ipc *ipc, const struct message *m, int fd);
/* Datagrams dropped because the queue was full, and messages refused because they broke the format. */
uint64_t ipc_dropped(const struct ipc *ipc);

#endif
