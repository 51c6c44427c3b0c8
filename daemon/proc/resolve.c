#include "log.h"
#include "processes.h"
#include "resolver.h"

#include <unistd.h>

struct resolve_process {
    struct child child;
    struct resolver *resolver;
};

static void on_parent(void *ctx, const struct message *m, int fd)
{
    (void)ctx;
    (void)m;
    if (fd >= 0)
        close(fd);
}

static void on_keys(void *ctx, const struct message *m)
{
    const struct resolve_process *p = ctx;

    if (m->type == MSG_RESOLVE)
        resolver_ask(p->resolver, m, loop_now_ms());
}

/* A new `keys` numbers its questions anew. */
static void on_keys_started(void *ctx)
{
    const struct resolve_process *p = ctx;

    resolver_forget(p->resolver);
}

static void on_answer(void *ctx, const struct message *m)
{
    struct resolve_process *p = ctx;

    child_to_sibling(&p->child, m);
}

static uint64_t turn(void *ctx, uint64_t now_ms)
{
    struct resolve_process *p = ctx;
    uint64_t next_ms = resolver_tick(p->resolver, now_ms);
    uint64_t heartbeat_ms = child_turn(&p->child, now_ms);

    return next_ms < heartbeat_ms ? next_ms : heartbeat_ms;
}

static enum status start_up(struct resolve_process *p, const struct child_start *start)
{
    const struct child_events events = {p, on_parent, on_keys, on_keys_started};
    enum status status = child_open(&p->child, start, &events);

    if (status != SSM_OK)
        return status;
    p->resolver = resolver_create(p->child.loop, &start->config->peer_address, on_answer, p);
    if (p->resolver != NULL)
        return child_ready(&p->child, SANDBOX_RESOLVE, 0);
    log_line(LOG_ERR, "not enough memory or threads to resolve names");
    return SSM_IO;
}

/* Nothing is freed: a thread may wait for a server for as long as the process would have to wait for it. */
int resolve_process_run(const struct child_start *start)
{
    static struct resolve_process p;
    enum status status = start_up(&p, start);

    if (status == SSM_OK)
        status = loop_run(p.child.loop, turn, &p);
    return status == SSM_OK ? 0 : 1;
}
