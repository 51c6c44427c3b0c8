/*
 * The way from `keys` to `resolve`, the process that resolves names: there is one from the first destination
 * on.
 *
 * Owned by keys.c. Promises no answer: `resolve` may end, and a question that was put to it then is lost.
 */
#ifndef SSM_KEYS_RESOLVER_H
#define SSM_KEYS_RESOLVER_H

#include "child.h"
#include "store.h"

struct keys_resolver {
    struct child *child;
    struct ipc *channel; /* NULL: there is none now */
    void *ctx;
    void (*on_answer)(void *ctx, const struct message *m);
};

/* Asks for the process if some node has a destination, or if that cannot be read. `child` has to outlive it.
 */
void keys_resolver_open(struct keys_resolver *r, struct child *child, const struct keys_store *store,
                        void (*on_answer)(void *ctx, const struct message *m), void *ctx);
void keys_resolver_close(struct keys_resolver *r);
/* There is a destination now. */
void keys_resolver_want(const struct keys_resolver *r);
/* A channel of the parent's. */
void keys_resolver_connect(struct keys_resolver *r, int fd);
/* A MSG_RESOLVE. */
void keys_resolver_ask(const struct keys_resolver *r, const struct message *m);

#endif
