#include "supervisor.h"

#include "endpoint_text.h"
#include "ipc.h"
#include "lines.h"
#include "log.h"
#include "loop.h"
#include "processes.h"
#include "udp.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum {
    STOP_MS = 5000,             /* a child that has not ended by then is killed */
    RESTART_S = 1,              /* before the restart of a child that has died soon */
    RESTART_AT_ONCE_MS = 5000,  /* one that lived so long is restarted at once */
    RESTART_MAX_S = 30,         /* one that cannot even start is tried again after 1 s, doubling up to this */
    QUIET_TRIES = 60,           /* a child that cannot start says why once, and again after so many tries */
    HEARTBEAT_FRESH_MS = 10000, /* systemd's watchdog is fed while no child's is older */
    HEARTBEAT_LOST_MS = 20000,  /* a child whose loop has not turned for that long is killed */
    WATCHDOG_RETRY_MS = 1000,
};

enum child_index { RELAY, KEYS, RESOLVE /* from the first destination on */, CHILDREN };

static const struct {
    const char *name;
    int (*run)(const struct child_start *start);
    bool has_admin;
} programs[CHILDREN] = {
    [RELAY] = {"relay", relay_process_run, false},
    [KEYS] = {"keys", keys_process_run, true},
    [RESOLVE] = {"resolve", resolve_process_run, false},
};

struct supervisor;

/* One child. `pid` 0: it is not running. */
struct ward {
    struct supervisor *supervisor;
    enum child_index index;
    pid_t pid;
    struct ipc *channel;
    bool ready;
    uint32_t failed_starts; /* in a row: it ended before it was ready */
    uint64_t started_ms;
    uint64_t heartbeat_ms;
    uint64_t restart_ms;
};

/* A socket that `relay` works on; kept for the next relay. */
struct bound {
    enum message_socket kind;
    uint32_t node;
    uint16_t port;
    int fd;
};

struct supervisor {
    const struct config *config;
    const struct sandbox_account *account;
    int admin_fd;
    struct loop *loop;
    struct loop_watch *signals[4];
    struct ward wards[CHILDREN];
    struct bound *sockets;
    size_t socket_count;
    struct lines lines;
    bool started;      /* both have been ready once, or relay has sessions to go on with */
    uint64_t sessions; /* that relay has read back at its start */
    bool stopping;
    uint64_t kill_ms;
    uint64_t watchdog_ms; /* interval; 0: systemd does not ask */
    uint64_t feed_ms;     /* when the watchdog is fed next */
    int exit_status;
};

static void send_to(struct ward *w, const struct message *m, int fd)
{
    if (w->channel != NULL)
        ipc_send(w->channel, m, fd);
}

/* ---- sockets ---- */

static void give_socket(struct supervisor *s, const struct bound *b)
{
    const struct message m = {
        .type = MSG_SOCKET, .kind = (uint8_t)b->kind, .node = b->node, .local.port = b->port};

    send_to(&s->wards[RELAY], &m, b->fd);
}

/* Opens a socket and keeps it. SSM_NO_ROOM: more than there can be nodes; SSM_IO: errno says why. */
static enum status open_socket(struct supervisor *s, enum message_socket kind, uint32_t node,
                               const struct endpoint *at)
{
    struct bound *b = &s->sockets[s->socket_count];

    if (s->socket_count == s->config->max_nodes + 2) {
        errno = EMFILE;
        return SSM_NO_ROOM;
    }
    if (udp_open(at, kind == SOCKET_NODE_LINK ? UDP_LINK : UDP_PEERS, &b->fd) != SSM_OK)
        return SSM_IO;
    b->kind = kind;
    b->node = node;
    b->port = at->port;
    s->socket_count++;
    give_socket(s, b);
    return SSM_OK;
}

static void line_to_relay(void *ctx, const struct message *m, int fd)
{
    struct supervisor *s = ctx;

    send_to(&s->wards[RELAY], m, fd);
}

static struct bound *find_port(struct supervisor *s, enum message_socket kind, uint16_t port)
{
    for (size_t i = 0; i < s->socket_count; i++) {
        if (s->sockets[i].kind == kind && s->sockets[i].port == port)
            return &s->sockets[i];
    }
    return NULL;
}

static void drop_port(struct supervisor *s, uint16_t port)
{
    const struct message m = {.type = MSG_PORT_DROPPED, .local.port = port};
    struct bound *b = find_port(s, SOCKET_NODE_PORT, port);

    if (b == NULL)
        return;
    close(b->fd);
    *b = s->sockets[--s->socket_count];
    send_to(&s->wards[RELAY], &m, -1);
}

static enum status open_node_port(struct supervisor *s, uint32_t node, uint16_t port)
{
    struct endpoint at = s->config->peer_address;

    at.port = port;
    return open_socket(s, SOCKET_NODE_PORT, node, &at);
}

/* A new `keys` asks for ports that are open already. */
static void need_port(struct supervisor *s, uint32_t node, uint16_t port)
{
    const struct bound *b = find_port(s, SOCKET_NODE_PORT, port);
    struct message failed = {.type = MSG_PORT_FAILED, .node = node, .local.port = port};

    if (b != NULL && b->node == node)
        return;
    drop_port(s, port);
    if (open_node_port(s, node, port) == SSM_OK)
        return;
    failed.value = (uint64_t)errno;
    send_to(&s->wards[KEYS], &failed, -1);
}

/* What `keys` says of a port counts; `relay`, which strangers talk to, gets none but those of nodes. */
static void need_port_again(struct supervisor *s, uint32_t node, uint16_t port)
{
    if (port < s->config->node_port_first || port > s->config->node_port_last ||
        find_port(s, SOCKET_NODE_PORT, port) != NULL || find_port(s, SOCKET_SHARED_PORT, port) != NULL)
        return;
    if (open_node_port(s, node, port) != SSM_OK)
        log_line(LOG_ERR, "the port of node %u, %u, cannot be opened: %s", (unsigned)node, (unsigned)port,
                 strerror(errno));
}

static enum status open_fixed(struct supervisor *s, enum message_socket kind, const char *option,
                              const struct endpoint *at)
{
    char text[ENDPOINT_TEXT_MAX];

    if (open_socket(s, kind, 0, at) == SSM_OK)
        return SSM_OK;
    log_line(LOG_ERR, "%s: cannot open %s: %s", option, endpoint_text(at, text), strerror(errno));
    return SSM_IO;
}

static enum status open_fixed_sockets(struct supervisor *s)
{
    const struct config *c = s->config;
    enum status status = open_fixed(s, SOCKET_NODE_LINK, "link_port", &c->link_address);

    if (status == SSM_OK && c->peer_address.port != 0)
        status = open_fixed(s, SOCKET_SHARED_PORT, "shared_port", &c->peer_address);
    return status;
}

/* ---- messages of the children ---- */

/* A fresh channel between `keys` and another, when both run. */
static void connect_keys(struct supervisor *s, enum child_index other)
{
    const struct message to_other = {.type = MSG_SIBLING};
    const struct message to_keys = {.type = MSG_SIBLING,
                                    .kind = other == RESOLVE ? CHANNEL_RESOLVER : CHANNEL_SIBLING};
    int fds[2];

    if (s->wards[other].pid == 0 || s->wards[KEYS].pid == 0)
        return;
    if (ipc_pair(fds) != SSM_OK) {
        log_line(LOG_ERR, "cannot make a channel between the processes: %s", strerror(errno));
        return;
    }
    send_to(&s->wards[other], &to_other, fds[0]);
    send_to(&s->wards[KEYS], &to_keys, fds[1]);
    close(fds[0]);
    close(fds[1]);
}

static void connect_again(struct ward *w, const struct message *m)
{
    struct supervisor *s = w->supervisor;
    struct ward *resolve = &s->wards[RESOLVE];

    if (w->index == RELAY || (w->index == KEYS && m->kind == CHANNEL_SIBLING))
        connect_keys(s, RELAY);
    else if (w->index == KEYS && resolve->restart_ms == LOOP_NEVER)
        resolve->restart_ms = 0; /* it is wanted now */
    else
        connect_keys(s, RESOLVE);
}

static void stop(struct supervisor *s, int exit_status)
{
    if (s->stopping)
        return;
    s->stopping = true;
    s->exit_status = exit_status;
    s->kill_ms = loop_now_ms() + STOP_MS;
    sd_notify(0, "STOPPING=1");
    for (size_t i = 0; i < CHILDREN; i++)
        send_to(&s->wards[i], &(struct message){.type = MSG_STOP}, -1);
}

static void on_both_ready(struct supervisor *s)
{
    log_line(LOG_NOTICE, s->started ? "relay and keys are running again" : "ready");
    s->started = true;
    sd_notify(0, "READY=1\nSTATUS=relay and keys are running");
}

/* The first start, and `keys` has failed at it: sessions go on without it; with none there is nothing to do.
 */
static void go_on_without_keys(struct supervisor *s)
{
    if (s->sessions == 0) {
        stop(s, 1);
        return;
    }
    log_line(LOG_ERR, "keys cannot start: %llu sessions go on without it, but nobody can connect anew",
             (unsigned long long)s->sessions);
    s->started = true;
    sd_notify(0, "READY=1\nSTATUS=keys cannot start: sessions go on, but nobody can connect anew");
}

static void on_ready(struct ward *w, uint64_t sessions)
{
    struct supervisor *s = w->supervisor;

    w->ready = true;
    w->failed_starts = 0;
    if (w->index == RESOLVE)
        return;
    if (w->index == RELAY)
        s->sessions = sessions;
    if (s->wards[RELAY].ready && s->wards[KEYS].ready)
        on_both_ready(s);
    else if (!s->started && s->wards[RELAY].ready && s->wards[KEYS].failed_starts > 0)
        go_on_without_keys(s);
}

static void on_relay_message(struct supervisor *s, const struct message *m)
{
    if (m->type == MSG_LINE_LOST)
        lines_lost(&s->lines, m->slot, loop_now_ms());
    else if (m->type == MSG_PORT_NEEDED)
        need_port_again(s, m->node, m->local.port);
}

static void on_keys_message(struct supervisor *s, const struct message *m)
{
    if (m->type == MSG_PORT_NEEDED)
        need_port(s, m->node, m->local.port);
    else if (m->type == MSG_PORT_DROPPED)
        drop_port(s, m->local.port);
}

static void on_message(void *ctx, const struct message *m, int fd)
{
    struct ward *w = ctx;

    if (fd >= 0)
        close(fd); /* children send none */
    if (m->type == MSG_READY)
        on_ready(w, m->value);
    else if (m->type == MSG_HEARTBEAT)
        w->heartbeat_ms = loop_now_ms();
    else if (m->type == MSG_SIBLING)
        connect_again(w, m);
    else if (w->index == KEYS)
        on_keys_message(w->supervisor, m);
    else if (w->index == RELAY)
        on_relay_message(w->supervisor, m);
}

/* It has ended, as SIGCHLD will say; or it has stopped reading, and then it has to. */
static void on_lost(void *ctx, bool overrun)
{
    struct ward *w = ctx;

    ipc_destroy(w->channel);
    w->channel = NULL;
    if (overrun && w->pid > 0)
        kill(w->pid, SIGKILL);
}

/* ---- starting and ending children ---- */

/* Another try of what has just failed. */
static bool is_quiet(const struct ward *w)
{
    return w->failed_starts % QUIET_TRIES != 0;
}

/* Never returns. The parent's memory is left as it is: it holds nothing secret and ends with the process. */
static void become_child(struct supervisor *s, enum child_index index, int parent_fd)
{
    const struct child_start start = {
        .config = s->config,
        .account = s->account,
        .parent_fd = parent_fd,
        .admin_fd = programs[index].has_admin ? s->admin_fd : -1,
        .is_quiet = is_quiet(&s->wards[index]),
    };

    if (child_detach(programs[index].name, &start) != SSM_OK)
        exit(1);
    exit(programs[index].run(&start));
}

/* Signals are held back until the child has dropped the parent's handlers, which would write into the
 * parent's pipe. */
static pid_t fork_child(struct supervisor *s, enum child_index index, int parent_fd)
{
    sigset_t all;
    sigset_t before;
    pid_t pid;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        become_child(s, index, parent_fd);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

static uint64_t restart_delay_s(const struct ward *w, uint64_t now_ms)
{
    uint64_t delay_s = RESTART_S;

    if (w->failed_starts == 0 && now_ms - w->started_ms >= RESTART_AT_ONCE_MS)
        return 0;
    for (uint32_t i = 1; i < w->failed_starts && delay_s < RESTART_MAX_S; i++)
        delay_s *= 2;
    return delay_s < RESTART_MAX_S ? delay_s : RESTART_MAX_S;
}

static void schedule_restart(struct ward *w, uint64_t now_ms)
{
    w->restart_ms = now_ms + restart_delay_s(w, now_ms) * 1000;
}

static void start_child(struct ward *w, uint64_t now_ms)
{
    const struct ipc_handler handler = {w, on_message, on_lost};
    struct supervisor *s = w->supervisor;
    int fds[2] = {-1, -1};
    pid_t pid = -1;

    ipc_destroy(w->channel);
    w->channel = NULL;
    w->started_ms = now_ms;
    w->heartbeat_ms = now_ms;
    w->ready = false;
    if (ipc_pair(fds) == SSM_OK) {
        pid = fork_child(s, w->index, fds[1]);
        close(fds[1]);
        w->channel = ipc_create(s->loop, fds[0], &handler);
    }
    if (pid < 0) {
        log_line(LOG_ERR, "cannot start %s: %s", programs[w->index].name, strerror(errno));
        w->failed_starts++;
        schedule_restart(w, now_ms);
        return;
    }
    w->pid = pid;
    for (size_t i = 0; i < s->socket_count && w->index == RELAY; i++)
        give_socket(s, &s->sockets[i]);
    if (w->index == RELAY)
        lines_give(&s->lines);
    if (w->index != RESOLVE)
        connect_keys(s, RELAY);
    if (w->index != RELAY)
        connect_keys(s, RESOLVE);
}

static void log_end(const struct ward *w, int status)
{
    const char *name = programs[w->index].name;

    if (WIFSIGNALED(status))
        log_line(LOG_ERR, "%s was ended by signal %d (%s)", name, WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else if (!is_quiet(w) && (!w->supervisor->stopping || WEXITSTATUS(status) != 0))
        log_line(LOG_ERR, "%s ended with status %d", name, WEXITSTATUS(status));
}

static void on_child_ended(struct ward *w, int status)
{
    struct supervisor *s = w->supervisor;

    log_end(w, status);
    w->pid = 0;
    if (s->stopping)
        return;
    if (!w->ready)
        w->failed_starts++;
    w->ready = false;
    schedule_restart(w, loop_now_ms());
    if (w->index == RESOLVE)
        return;
    if (s->started)
        sd_notifyf(0, "STATUS=%s is being restarted", programs[w->index].name);
    else if (w->index == RELAY)
        stop(s, 1);
    else if (s->wards[RELAY].ready)
        go_on_without_keys(s);
}

static void on_sigchld(void *ctx)
{
    struct supervisor *s = ctx;
    int status;

    for (size_t i = 0; i < CHILDREN; i++) {
        struct ward *w = &s->wards[i];

        if (w->pid > 0 && waitpid(w->pid, &status, WNOHANG) == w->pid)
            on_child_ended(w, status);
    }
}

static void on_stop_signal(void *ctx)
{
    stop(ctx, 0);
}

/* ---- the turn ---- */

static void kill_child(struct ward *w)
{
    if (w->pid > 0)
        kill(w->pid, SIGKILL);
}

/* Returns when it has to look at the child again. */
static uint64_t watch_child(struct ward *w, uint64_t now_ms)
{
    if (w->pid == 0 && now_ms >= w->restart_ms)
        start_child(w, now_ms);
    if (w->pid == 0)
        return w->restart_ms;
    if (now_ms - w->heartbeat_ms >= HEARTBEAT_LOST_MS) {
        log_line(LOG_ERR, "%s has not answered for %d s: killing it", programs[w->index].name,
                 HEARTBEAT_LOST_MS / 1000);
        kill_child(w);
        w->heartbeat_ms = now_ms;
    }
    return w->heartbeat_ms + HEARTBEAT_LOST_MS;
}

/* A child that waits for its restart is in our hands and does not count: `relay` goes on while `keys` is
 * away. */
static bool is_healthy(const struct ward *w, uint64_t now_ms)
{
    return w->pid == 0 || now_ms - w->heartbeat_ms < HEARTBEAT_FRESH_MS;
}

static uint64_t feed_watchdog(struct supervisor *s, uint64_t now_ms)
{
    if (s->watchdog_ms == 0)
        return LOOP_NEVER;
    if (now_ms < s->feed_ms)
        return s->feed_ms;
    if (is_healthy(&s->wards[RELAY], now_ms) && is_healthy(&s->wards[KEYS], now_ms)) {
        sd_notify(0, "WATCHDOG=1");
        s->feed_ms = now_ms + s->watchdog_ms;
    } else {
        s->feed_ms = now_ms + WATCHDOG_RETRY_MS;
    }
    return s->feed_ms;
}

static bool have_all_ended(const struct supervisor *s)
{
    for (size_t i = 0; i < CHILDREN; i++) {
        if (s->wards[i].pid != 0)
            return false;
    }
    return true;
}

static uint64_t wait_for_end(struct supervisor *s, uint64_t now_ms)
{
    if (have_all_ended(s)) {
        loop_stop(s->loop);
        return now_ms;
    }
    if (now_ms < s->kill_ms)
        return s->kill_ms;
    for (size_t i = 0; i < CHILDREN; i++)
        kill_child(&s->wards[i]);
    return LOOP_NEVER; /* SIGCHLD comes */
}

static uint64_t turn(void *ctx, uint64_t now_ms)
{
    struct supervisor *s = ctx;
    uint64_t lines_ms;
    uint64_t next_ms;

    if (s->stopping)
        return wait_for_end(s, now_ms);
    next_ms = feed_watchdog(s, now_ms);
    lines_ms = lines_tick(&s->lines, now_ms);
    next_ms = lines_ms < next_ms ? lines_ms : next_ms;
    for (size_t i = 0; i < CHILDREN; i++) {
        uint64_t child_ms = watch_child(&s->wards[i], now_ms);

        next_ms = child_ms < next_ms ? child_ms : next_ms;
    }
    return next_ms;
}

/* ---- life ---- */

static enum status watch_signals(struct supervisor *s)
{
    s->signals[0] = loop_watch_signal(s->loop, SIGCHLD, on_sigchld, s);
    s->signals[1] = loop_watch_signal(s->loop, SIGTERM, on_stop_signal, s);
    s->signals[2] = loop_watch_signal(s->loop, SIGINT, on_stop_signal, s);
    s->signals[3] = loop_watch_signal(s->loop, SIGHUP, on_stop_signal, s);
    for (size_t i = 0; i < 4; i++) {
        if (s->signals[i] == NULL)
            return SSM_IO;
    }
    signal(SIGPIPE, SIG_IGN);
    return SSM_OK;
}

static enum status start_up(struct supervisor *s)
{
    uint64_t watchdog_us = 0;

    lines_init(&s->lines, &s->config->serial_links, line_to_relay, s);
    s->sockets = calloc(s->config->max_nodes + 2, sizeof *s->sockets);
    s->loop = loop_create();
    if (s->sockets == NULL || s->loop == NULL || watch_signals(s) != SSM_OK) {
        log_line(LOG_ERR, "cannot start: out of memory or descriptors");
        return SSM_IO;
    }
    if (sd_watchdog_enabled(0, &watchdog_us) > 0)
        s->watchdog_ms = watchdog_us / 2000;
    for (size_t i = 0; i < CHILDREN; i++) {
        s->wards[i].supervisor = s;
        s->wards[i].index = (enum child_index)i;
    }
    s->wards[RESOLVE].restart_ms = LOOP_NEVER;
    return open_fixed_sockets(s);
}

static void close_all(struct supervisor *s)
{
    for (size_t i = 0; i < CHILDREN; i++)
        ipc_destroy(s->wards[i].channel);
    for (size_t i = 0; i < s->socket_count; i++)
        close(s->sockets[i].fd);
    lines_close(&s->lines);
    for (size_t i = 0; i < 4; i++)
        loop_watch_remove(s->signals[i]);
    loop_destroy(s->loop);
    free(s->sockets);
}

int supervisor_run(const struct config *config, const struct sandbox_account *account, int admin_fd)
{
    struct supervisor s = {.config = config, .account = account, .admin_fd = admin_fd};
    enum status status = start_up(&s);

    if (status == SSM_OK)
        status = loop_run(s.loop, turn, &s);
    close_all(&s);
    return status == SSM_OK ? s.exit_status : 1;
}
