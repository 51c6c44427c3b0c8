#include "keys_resolver.h"

#include <unistd.h>

static void on_message(void *ctx, const struct message *m, int fd)
{
    const struct keys_resolver *r = ctx;

    if (fd >= 0)
        close(fd); /* it sends none */
    if (m->type == MSG_RESOLVED)
        r->on_answer(r->ctx, m);
}

/* The parent gives a new channel when it has started the process again. */
static void on_lost(void *ctx, bool overrun)
{
    struct keys_resolver *r = ctx;

    ipc_destroy(r->channel);
    r->channel = NULL;
    if (overrun)
        keys_resolver_want(r);
}

void keys_resolver_want(const struct keys_resolver *r)
{
    if (r->channel == NULL)
        child_to_parent(r->child, &(struct message){.type = MSG_SIBLING, .kind = CHANNEL_RESOLVER});
}

void keys_resolver_connect(struct keys_resolver *r, int fd)
{
    const struct ipc_handler handler = {r, on_message, on_lost};

    ipc_destroy(r->channel);
    r->channel = ipc_create(r->child->loop, fd, &handler);
}

void keys_resolver_ask(const struct keys_resolver *r, const struct message *m)
{
    if (r->channel != NULL)
        ipc_send(r->channel, m, -1);
}

static enum status on_destination(void *arg, const struct destination_row *row)
{
    (void)row;
    *(bool *)arg = true;
    return SSM_OK;
}

void keys_resolver_open(struct keys_resolver *r, struct child *child, const struct keys_store *store,
                        void (*on_answer)(void *ctx, const struct message *m), void *ctx)
{
    bool is_wanted = false;

    *r = (struct keys_resolver){.child = child, .ctx = ctx, .on_answer = on_answer};
    if (store->each_destination(store->ctx, 0, on_destination, &is_wanted) != SSM_OK || is_wanted)
        keys_resolver_want(r);
}

void keys_resolver_close(struct keys_resolver *r)
{
    ipc_destroy(r->channel);
}
