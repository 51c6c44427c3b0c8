/*
 * Names of hosts to addresses, by whatever the system resolves names with (getaddrinfo(3), nsswitch.conf(5)),
 * and the address of ours from which the kernel sends to each.
 *
 * Owned by the `resolve` process: asking waits, so each name is asked for on a thread of its own. Keeps no
 * answer.
 */
#ifndef SSM_RESOLVER_H
#define SSM_RESOLVER_H

#include "loop.h"
#include "message.h"

enum {
    RESOLVER_THREADS = 8,
    RESOLVER_LOOKUPS_MAX = 64, /* under way and waiting for a thread */
    RESOLVER_TIMEOUT_MS = 10000,
};

struct resolver;

/*
 * `from` is the address that sessions are had from; of any other family or none (any address), the kernel
 * chooses. `answer` is called from the loop with a MSG_RESOLVED for each question. Made before the system
 * call filter. NULL: no memory or no thread.
 */
struct resolver *resolver_create(struct loop *loop, const struct endpoint *from,
                                 void (*answer)(void *ctx, const struct message *m), void *ctx);
/* Waits for what is under way: seconds. NULL is fine. */
void resolver_destroy(struct resolver *r);
/*
 * Takes a MSG_RESOLVE. It is answered RESOLVE_FAILED at once while another one of that node is under way or
 * RESOLVER_LOOKUPS_MAX are, and after RESOLVER_TIMEOUT_MS.
 */
void resolver_ask(struct resolver *r, const struct message *m, uint64_t now_ms);
/* Answers none of the questions so far: who has asked is gone. */
void resolver_forget(struct resolver *r);
/* Once a turn; returns when it wants to be called again. */
uint64_t resolver_tick(struct resolver *r, uint64_t now_ms);

#endif
