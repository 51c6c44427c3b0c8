#include "admin.h"
#include "admin_key.h"
#include "admin_nodes.h"
#include "admin_ops.h"
#include "admin_reply.h"
#include "log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 16,
    IDLE_MS = 30 * 1000,
    RELAY_WAIT_MS = 5 * 1000,
    SWEEP_MS = 500, /* how often deadlines are looked at, while there are connections */
};

struct connection {
    struct admin *admin;
    struct bufferevent *stream;
    uid_t uid;
    uint64_t deadline_ms;
    uint32_t request; /* id of the question to relay that it waits for; 0: none */
    bool closing;     /* ends when its output is written */
    size_t len;
    char input[ADMIN_LINE_MAX]; /* what has been read and not been answered yet */
};

struct admin {
    struct admin_context context;
    struct admin_ops ops;
    struct evconnlistener *listener;
    struct event *sweep;
    bool has_group;
    gid_t group;
    uint32_t next_request;
    size_t count;
    struct connection *connections[CONNECTIONS_MAX]; /* NULL: free */
};

static uint64_t now_ms(const struct admin *a)
{
    return a->context.now_ms(a->context.ctx);
}

/* ---- who calls ---- */

static bool has_supplementary_group(int fd, gid_t wanted)
{
    socklen_t len = 0;
    gid_t *groups;
    bool found = false;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE)
        return false; /* none, or the kernel cannot tell */
    groups = malloc(len);
    if (groups != NULL && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0)
        for (size_t i = 0; i < len / sizeof(*groups); i++)
            found |= groups[i] == wanted;
    free(groups);
    return found;
}

/* root, our own account, and members of admin_group. */
static bool caller_is_permitted(const struct admin *a, int fd, uid_t *uid)
{
    struct ucred caller;
    socklen_t len = sizeof(caller);

    *uid = (uid_t)-1;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &caller, &len) != 0)
        return false;
    *uid = caller.uid;
    if (caller.uid == 0 || caller.uid == geteuid())
        return true;
    return a->has_group && (caller.gid == a->group || has_supplementary_group(fd, a->group));
}

/* Looked up once: the processes that hear the network may not read the account database later. */
static void find_group(struct admin *a)
{
    const char *name = a->context.config->admin_group;
    const struct group *group = name[0] == '\0' ? NULL : getgrnam(name);

    a->has_group = group != NULL;
    if (group != NULL)
        a->group = group->gr_gid;
    else if (name[0] != '\0')
        log_line(LOG_WARNING, "admin: there is no group '%s'; only root and the own account may use ssmctl",
                 name);
}

/* ---- connections ---- */

static void connection_free(struct connection *c)
{
    struct admin *a = c->admin;

    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (a->connections[i] == c)
            a->connections[i] = NULL;
    if (--a->count == 0)
        event_del(a->sweep);
    bufferevent_free(c->stream);
    bytes_wipe(c, sizeof(*c));
    free(c);
}

static void free_reply(const void *data, size_t len, void *arg)
{
    (void)arg;
    bytes_wipe((void *)(uintptr_t)data, len);
    free((void *)(uintptr_t)data);
}

/* Takes the reply over. It may hold a key: the stream refers to its text instead of copying it, and wipes it.
 */
static void connection_reply(struct connection *c, json_t *reply)
{
    static const char no_memory[] = "{\"ok\":false,\"error\":\"out of memory\"}";
    struct evbuffer *output = bufferevent_get_output(c->stream);
    char *text = json_dumps(reply, JSON_COMPACT);

    json_decref(reply);
    if (text == NULL || evbuffer_add_reference(output, text, strlen(text), free_reply, NULL) != 0) {
        free(text);
        evbuffer_add(output, no_memory, sizeof(no_memory) - 1);
    }
    evbuffer_add(output, "\n", 1);
    c->deadline_ms = now_ms(c->admin) + IDLE_MS;
}

static void ask_relay(struct connection *c, struct message *question)
{
    struct admin *a = c->admin;

    c->request = a->next_request++;
    if (a->next_request < ADMIN_REQUEST_FIRST)
        a->next_request = ADMIN_REQUEST_FIRST;
    c->deadline_ms = now_ms(a) + RELAY_WAIT_MS;
    question->request = c->request;
    bufferevent_disable(c->stream, EV_READ); /* what arrives now waits in the kernel, not in memory of ours */
    a->context.to_relay(a->context.ctx, question);
}

static void connection_serve(struct connection *c, const char *line, size_t len)
{
    struct admin_request request;
    struct message question;
    char error[ADMIN_ERROR_MAX];

    if (admin_request_parse(line, len, &request, error) != SSM_OK)
        connection_reply(c, admin_refuse("%s", error));
    else if (admin_ops_ask_relay(&request, &question))
        ask_relay(c, &question);
    else
        connection_reply(c, admin_ops_run(&c->admin->ops, &request, c->uid));
    bytes_wipe(&request, sizeof(request));
}

/* Moves what has arrived into c->input and wipes it where libevent read it to. */
static void connection_drain(struct connection *c)
{
    struct evbuffer *arrived = bufferevent_get_input(c->stream);
    struct evbuffer_iovec part;
    size_t room;

    while ((room = sizeof(c->input) - c->len) > 0 && evbuffer_peek(arrived, -1, NULL, &part, 1) > 0) {
        size_t len = part.iov_len < room ? part.iov_len : room;

        memcpy(c->input + c->len, part.iov_base, len);
        bytes_wipe(part.iov_base, len);
        evbuffer_drain(arrived, len);
        c->len += len;
    }
}

static void connection_forget(struct connection *c, size_t len)
{
    c->len -= len;
    memmove(c->input, c->input + len, c->len);
    bytes_wipe(c->input + c->len, len);
}

static void connection_refuse_length(struct connection *c)
{
    connection_reply(c,
                     admin_refuse("a request may be %d bytes long, its line end included", ADMIN_LINE_MAX));
    connection_forget(c, c->len);
    bufferevent_disable(c->stream, EV_READ);
    c->closing = true;
}

static void relay_has_answered(struct connection *c, json_t *reply)
{
    c->request = 0;
    if (!c->closing)
        bufferevent_enable(c->stream, EV_READ);
    connection_reply(c, reply);
}

/* Serves whole lines, one at a time: while relay is being asked the next one waits. */
static void connection_work(struct connection *c)
{
    while (c->request == 0) {
        const char *end;
        size_t len;

        connection_drain(c);
        end = memchr(c->input, '\n', c->len);
        if (end == NULL) {
            if (c->len == sizeof(c->input))
                connection_refuse_length(c);
            break;
        }
        len = (size_t)(end - c->input);
        connection_serve(c, c->input, len);
        connection_forget(c, len + 1);
    }
}

/* To be called last in every callback: `c` may be gone afterwards. */
static void connection_settle(struct connection *c)
{
    if (c->closing && c->request == 0 && evbuffer_get_length(bufferevent_get_output(c->stream)) == 0)
        connection_free(c);
}

static void connection_on_read(struct bufferevent *stream, void *arg)
{
    struct connection *c = arg;

    (void)stream;
    c->deadline_ms = now_ms(c->admin) + IDLE_MS;
    connection_work(c);
    connection_settle(c);
}

static void connection_on_written(struct bufferevent *stream, void *arg)
{
    (void)stream;
    connection_settle(arg);
}

static void connection_on_event(struct bufferevent *stream, short what, void *arg)
{
    struct connection *c = arg;

    (void)stream;
    if ((what & BEV_EVENT_ERROR) != 0) {
        connection_free(c);
        return;
    }
    c->closing = true; /* the caller has said all; it still gets its replies */
    connection_settle(c);
}

static struct connection **free_place(struct admin *a)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (a->connections[i] == NULL)
            return &a->connections[i];
    return NULL;
}

/* Takes `fd` over. */
static void connection_open(struct admin *a, struct connection **place, int fd, uid_t uid)
{
    static const struct timeval interval = {.tv_usec = SWEEP_MS * 1000};
    struct connection *c = calloc(1, sizeof(*c));
    struct bufferevent *stream = bufferevent_socket_new(a->context.base, fd, BEV_OPT_CLOSE_ON_FREE);

    if (c == NULL || stream == NULL) {
        free(c);
        if (stream != NULL)
            bufferevent_free(stream);
        else
            close(fd);
        return;
    }
    c->admin = a;
    c->stream = stream;
    c->uid = uid;
    c->deadline_ms = now_ms(a) + IDLE_MS;
    *place = c;
    if (a->count++ == 0)
        event_add(a->sweep, &interval);
    bufferevent_setwatermark(stream, EV_READ, 0, ADMIN_LINE_MAX);
    bufferevent_setcb(stream, connection_on_read, connection_on_written, connection_on_event, c);
    bufferevent_enable(stream, EV_READ | EV_WRITE);
}

/* Takes `fd` over. A new socket's buffer has room for one sentence. */
static void turn_away(int fd, const char *sentence)
{
    if (send(fd, sentence, strlen(sentence), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_line(LOG_INFO, "admin: a caller left before it was refused");
    close(fd);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int len,
                      void *arg)
{
    struct admin *a = arg;
    struct connection **place = free_place(a);
    uid_t uid;

    (void)listener;
    (void)address;
    (void)len;
    if (!caller_is_permitted(a, fd, &uid)) {
        log_event(LOG_WARNING, now_ms(a), "admin: caller not permitted", ": uid %u", uid);
        turn_away(
            fd,
            "{\"ok\":false,\"error\":\"not permitted; only root and members of the group admin_group of the "
            "configuration may do this\"}\n");
    } else if (place == NULL) {
        turn_away(fd,
                  "{\"ok\":false,\"error\":\"too many connections at the admin socket; try again later\"}\n");
    } else {
        connection_open(a, place, fd, uid);
    }
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct admin *a = arg;
    uint64_t now = now_ms(a);

    (void)fd;
    (void)what;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *c = a->connections[i];

        if (c == NULL || now < c->deadline_ms)
            continue;
        if (c->request == 0) {
            connection_free(c);
            continue;
        }
        relay_has_answered(c,
                           admin_refuse("the relay process did not answer; the log says more (journalctl -u "
                                        "ssmd)"));
        connection_work(c);
        connection_settle(c);
    }
}

struct admin *admin_create(const struct admin_context *context, int fd)
{
    struct admin *a = calloc(1, sizeof(*a));

    if (a == NULL) {
        close(fd);
        return NULL;
    }
    admin_key_wipe_json();
    signal(SIGPIPE, SIG_IGN); /* libevent writes with writev; a caller that leaves must not end the process */
    a->context = *context;
    a->next_request = ADMIN_REQUEST_FIRST;
    a->ops =
        (struct admin_ops){.context = &a->context, .started_ms = now_ms(a), .port_faults = json_object()};
    a->sweep = event_new(context->base, -1, EV_PERSIST, on_sweep, a);
    evutil_make_socket_nonblocking(fd);
    a->listener =
        evconnlistener_new(context->base, on_accept, a, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (a->ops.port_faults == NULL || a->sweep == NULL || a->listener == NULL) {
        if (a->listener == NULL)
            close(fd);
        admin_destroy(a);
        return NULL;
    }
    find_group(a);
    return a;
}

void admin_on_message(struct admin *a, const struct message *m)
{
    if (m->type == MSG_PORT_FAILED) {
        admin_node_port_failed(&a->ops, m);
        return;
    }
    for (size_t i = 0; m->request >= ADMIN_REQUEST_FIRST && i < CONNECTIONS_MAX; i++) {
        struct connection *c = a->connections[i];

        if (c == NULL || c->request != m->request)
            continue;
        relay_has_answered(c, admin_ops_relay_answered(&a->ops, m));
        connection_work(c);
        connection_settle(c);
        return; /* `c` may already wait for another answer */
    }
}

void admin_destroy(struct admin *a)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (a->connections[i] != NULL)
            connection_free(a->connections[i]);
    if (a->listener != NULL)
        evconnlistener_free(a->listener);
    if (a->sweep != NULL)
        event_free(a->sweep);
    json_decref(a->ops.port_faults);
    free(a);
}
