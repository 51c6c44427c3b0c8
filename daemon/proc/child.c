#include "child.h"

#include "log.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { HEARTBEAT_MS = 2000 };

/* ---- right after the fork ---- */

static struct {
    char *start;
    size_t len;
} arguments;

/* Arguments and environment lie side by side; ps shows the former and follows into the latter. */
void child_save_arguments(int argc, char **argv)
{
    char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;

    for (char **e = environ; *e != NULL && *e == end; e++)
        end = *e + strlen(*e) + 1;
    arguments.start = argv[0];
    arguments.len = (size_t)(end - argv[0]);
}

static void set_title(const char *name)
{
    char title[32];

    tzset();
    clearenv();
    memset(arguments.start, 0, arguments.len);
    snprintf(arguments.start, arguments.len, "ssmd: %s", name);
    snprintf(title, sizeof title, "ssmd-%s", name);
    prctl(PR_SET_NAME, title, 0, 0, 0);
}

/* The parent decides when its children end, also when a terminal sends SIGINT to all of them. */
static void reset_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    sigset_t none;

    signal(SIGCHLD, SIG_DFL);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Closes all descriptors above `after` and below `before`. */
static bool close_between(int after, int before)
{
    return after + 1 >= before || close_range((unsigned)after + 1, (unsigned)before - 1, 0) == 0;
}

/* The standard ones stay as well; one of the two may be -1. */
static bool close_all_but(int a, int b)
{
    int low = a < b ? a : b;
    int high = a < b ? b : a;

    if (low < STDERR_FILENO)
        low = STDERR_FILENO;
    return close_between(STDERR_FILENO, low) && close_between(low, high) && close_between(high, INT_MAX);
}

enum status child_detach(const char *name, const struct child_start *start)
{
    reset_signals();
    set_title(name);
    log_rename(name);
    if (start->is_quiet)
        log_set_level(LOG_CRIT);
    if (close_all_but(start->parent_fd, start->admin_fd))
        return SSM_OK;
    log_line(LOG_ERR, "cannot close the parent's descriptors: %s", strerror(errno));
    return SSM_IO;
}

/* ---- the channels ---- */

static void on_sibling_message(void *ctx, const struct message *m, int fd)
{
    struct child *c = ctx;

    if (fd >= 0)
        close(fd); /* siblings exchange none */
    c->events.on_sibling(c->events.ctx, m);
}

/* A sibling that died is the parent's business; one that stopped reading is known here alone. */
static void on_sibling_lost(void *ctx, bool overrun)
{
    struct child *c = ctx;

    ipc_destroy(c->sibling);
    c->sibling = NULL;
    if (overrun) {
        log_line(LOG_ERR, "the other process does not read its messages: asking for a new channel");
        child_to_parent(c, &(struct message){.type = MSG_SIBLING});
    }
}

static void take_sibling(struct child *c, int fd)
{
    const struct ipc_handler handler = {c, on_sibling_message, on_sibling_lost};

    if (fd < 0)
        return;
    ipc_destroy(c->sibling);
    c->sibling = ipc_create(c->loop, fd, &handler);
    if (c->sibling != NULL)
        c->events.on_sibling_started(c->events.ctx);
}

static void on_parent_message(void *ctx, const struct message *m, int fd)
{
    struct child *c = ctx;

    switch (m->type) {
    case MSG_STOP:
        loop_stop(c->loop);
        break;
    case MSG_SIBLING:
        if (m->kind == CHANNEL_SIBLING)
            take_sibling(c, fd);
        else
            c->events.on_parent(c->events.ctx, m, fd);
        return;
    default:
        c->events.on_parent(c->events.ctx, m, fd);
        return;
    }
    if (fd >= 0)
        close(fd);
}

static void on_parent_lost(void *ctx, bool overrun)
{
    struct child *c = ctx;

    (void)overrun;
    ipc_destroy(c->parent);
    c->parent = NULL;
    loop_stop(c->loop);
}

void child_to_parent(struct child *c, const struct message *m)
{
    if (c->parent != NULL)
        ipc_send(c->parent, m, -1);
}

void child_to_sibling(struct child *c, const struct message *m)
{
    if (c->sibling != NULL)
        ipc_send(c->sibling, m, -1);
}

/* ---- life ---- */

enum status child_open(struct child *c, const struct child_start *start, const struct child_events *events)
{
    const struct ipc_handler handler = {c, on_parent_message, on_parent_lost};

    *c = (struct child){.events = *events, .log_level = start->config->log_level};
    if (sandbox_become(start->account) != SSM_OK || sandbox_harden() != SSM_OK)
        return SSM_IO;
    c->loop = loop_create();
    if (c->loop != NULL)
        c->parent = ipc_create(c->loop, start->parent_fd, &handler);
    if (c->parent != NULL)
        return SSM_OK;
    log_line(LOG_ERR, "cannot start: out of memory or descriptors");
    return SSM_IO;
}

void child_close(struct child *c)
{
    ipc_destroy(c->sibling);
    ipc_destroy(c->parent);
    loop_destroy(c->loop);
}

enum status child_ready(struct child *c, enum sandbox_process process, uint64_t sessions)
{
    enum status status = sandbox_filter(process);

    log_set_level(c->log_level);
    if (status == SSM_OK)
        child_to_parent(c, &(struct message){.type = MSG_READY, .value = sessions});
    return status;
}

static void log_dropped(struct child *c, uint64_t now_ms)
{
    uint64_t dropped = c->sibling != NULL ? ipc_dropped(c->sibling) : 0;

    if (dropped > c->dropped)
        log_event(LOG_WARNING, now_ms, "the other process is too slow, or speaks wrongly",
                  ": %llu messages dropped on this channel", (unsigned long long)dropped);
    c->dropped = dropped;
}

uint64_t child_turn(struct child *c, uint64_t now_ms)
{
    if (now_ms >= c->heartbeat_ms) {
        log_dropped(c, now_ms);
        child_to_parent(c, &(struct message){.type = MSG_HEARTBEAT});
        c->heartbeat_ms = now_ms + HEARTBEAT_MS;
    }
    return c->heartbeat_ms;
}
