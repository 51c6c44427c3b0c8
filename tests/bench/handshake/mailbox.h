/*
 * Messages for one thread from any others, encoded as between the processes of ssmd: takes the place of a
 * channel, and is cheaper. Whoever puts a batch wakes the reader once, as happens to a gateway that is busy.
 */
#ifndef SSM_BENCH_MAILBOX_H
#define SSM_BENCH_MAILBOX_H

#include "message.h"

struct mailbox;

struct mailbox *mailbox_create(void);
/* What has not been taken is forgotten. */
void mailbox_destroy(struct mailbox *box);
/* Readable once mailbox_wake was called. */
int mailbox_descriptor(const struct mailbox *box);
void mailbox_put(struct mailbox *box, const struct message *m);
void mailbox_wake(struct mailbox *box);
/* The same if there is something to take and its thread may be asleep. */
void mailbox_flush(struct mailbox *box);
/* In place of watching the descriptor: returns when there is something to take, at mailbox_wake or after the
 * time. Until the next call nobody pays for waking this thread. */
void mailbox_wait(struct mailbox *box, int timeout_ms);
/* Calls back for every message that is there. */
void mailbox_take(struct mailbox *box, void (*take)(void *ctx, const struct message *m), void *ctx);

#endif
