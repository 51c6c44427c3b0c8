/*
 * What the children do the same way: the step from the forked parent to a process of little privilege,
 * the channels to parent and sibling, the heartbeat.
 *
 * Used by each of them, and by the supervisor for what happens right after the fork. Knows nothing of
 * sessions.
 */
#ifndef SSM_CHILD_H
#define SSM_CHILD_H

#include "config.h"
#include "ipc.h"
#include "loop.h"
#include "sandbox.h"

/* What a child is given. All pointers are the parent's memory of before the fork. */
struct child_start {
    const struct config *config;
    const struct sandbox_account *account;
    int parent_fd; /* channel to the parent */
    int admin_fd;  /* listening admin socket; -1 in `relay` */
    bool is_quiet; /* says nothing before it is ready: an earlier try has said why it could not start */
};

struct child;

struct child_events {
    void *ctx;
    /* A message of the parent; `fd` (or -1) is the handler's. */
    void (*on_parent)(void *ctx, const struct message *m, int fd);
    void (*on_sibling)(void *ctx, const struct message *m);
    /* There is a new channel to the sibling: whatever was in flight on the old one is lost. */
    void (*on_sibling_started)(void *ctx);
};

/* To be called in main() before the environment is used: remembers where ps reads the command line from. */
void child_save_arguments(int argc, char **argv);
/* Right after the fork: drops what is the parent's (signal handlers, all descriptors but those of `start`)
 * and shows as "ssmd: NAME" in ps. SSM_IO: something of the parent's could not be closed. */
SSM_MUST_CHECK enum status child_detach(const char *name, const struct child_start *start);

struct child {
    struct loop *loop;
    struct ipc *parent;
    struct ipc *sibling;   /* NULL: the other process is away */
    uint64_t heartbeat_ms; /* when the next one is due */
    uint64_t dropped;      /* of the sibling channel's drops, those in the log */
    uint32_t log_level;    /* from READY on */
    struct child_events events;
};

/* Gives up account and privileges, makes the loop and the channel to the parent. SSM_IO: the log says why. */
SSM_MUST_CHECK enum status child_open(struct child *c, const struct child_start *start,
                                      const struct child_events *events);
void child_close(struct child *c);
/* Everything is open: loads the system call filter and tells the parent, also how many sessions there are to
 * be relayed. */
SSM_MUST_CHECK enum status child_ready(struct child *c, enum sandbox_process process, uint64_t sessions);
/* Sends the heartbeat when it is due, and logs what the channel to the sibling had to drop; returns when the
 * next one is. Once a turn. */
uint64_t child_turn(struct child *c, uint64_t now_ms);
void child_to_parent(struct child *c, const struct message *m);
/* Drops the message while there is no sibling: a new one starts from a fresh state. */
void child_to_sibling(struct child *c, const struct message *m);

#endif
