#include "resolver.h"

#include "workers.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum state {
    FREE,
    WAITING, /* for a thread */
    RUNNING, /* on one, which alone uses `result` and what follows */
    LATE,    /* the same, but nobody waits for the answer any more */
};

struct lookup {
    enum state state;
    uint8_t lane; /* RUNNING and LATE */
    uint32_t node;
    uint32_t request;
    uint64_t deadline_ms;
    struct endpoint from;
    char host[RESOLVE_HOST_MAX + 1];
    enum resolve_result result;
    uint8_t count;
    struct resolved addresses[RESOLVED_MAX];
};

struct resolver {
    struct endpoint from;
    void (*answer)(void *ctx, const struct message *m);
    void *ctx;
    struct workers *workers;
    bool is_busy[RESOLVER_THREADS];
    struct lookup lookups[RESOLVER_LOOKUPS_MAX];
};

/* ---- on a thread ---- */

static struct endpoint from_sockaddr(const struct sockaddr *a)
{
    struct endpoint e = {.addr = {[10] = 0xFF, [11] = 0xFF}}; /* RFC 4291 2.5.5.2 */

    if (a->sa_family == AF_INET)
        memcpy(e.addr + 12, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
    else
        memcpy(e.addr, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, sizeof e.addr);
    return e;
}

static struct sockaddr_in6 to_sockaddr(const struct endpoint *e, uint16_t port)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    memcpy(&a.sin6_addr, e->addr, sizeof e->addr);
    return a;
}

/* A datagram socket that is connected sends nothing, but knows the way. */
static bool find_way(int fd, const struct endpoint *from, struct resolved *r)
{
    enum { PORT = 9 }; /* ways do not hang on it */
    const struct sockaddr_in6 ours = to_sockaddr(from, 0);
    const struct sockaddr_in6 theirs = to_sockaddr(&r->peer, PORT);
    struct sockaddr_in6 way;
    socklen_t len = sizeof way;
    int no = 0;

    if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) != 0 ||
        bind(fd, (const struct sockaddr *)&ours, sizeof ours) != 0 ||
        connect(fd, (const struct sockaddr *)&theirs, sizeof theirs) != 0 ||
        getsockname(fd, (struct sockaddr *)&way, &len) != 0)
        return false;
    r->local = from_sockaddr((const struct sockaddr *)&way);
    return endpoint_is_unicast(&r->local);
}

static bool can_be_reached(const struct endpoint *from, struct resolved *r)
{
    int fd = endpoint_is_unicast(&r->peer) ? socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    bool ok = fd >= 0 && find_way(fd, from, r);

    if (fd >= 0)
        close(fd);
    return ok;
}

static bool has_family_of(const struct lookup *l, const struct endpoint *e)
{
    for (uint8_t i = 0; i < l->count; i++) {
        if (endpoint_is_ipv4(&l->addresses[i].peer) == endpoint_is_ipv4(e))
            return true;
    }
    return false;
}

/* In the order of the C library (RFC 6724). The last place is for the other family, if there is one. */
static void take_address(struct lookup *l, const struct sockaddr *a)
{
    struct resolved r = {.peer = from_sockaddr(a)};
    bool is_other = l->count > 0 && !has_family_of(l, &r.peer);

    if ((l->count == RESOLVED_MAX && !is_other) || !can_be_reached(&l->from, &r))
        return;
    if (l->count == RESOLVED_MAX)
        l->count--;
    l->addresses[l->count++] = r;
}

static enum resolve_result result_of(int error)
{
    if (error == EAI_NONAME || error == EAI_NODATA || error == EAI_ADDRFAMILY)
        return RESOLVE_NOT_FOUND;
    return RESOLVE_FAILED;
}

static void look_up(void *job)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct lookup *l = job;
    struct addrinfo *found = NULL;
    int error = getaddrinfo(l->host, NULL, &hints, &found);

    l->count = 0;
    for (const struct addrinfo *i = found; error == 0 && i != NULL; i = i->ai_next) {
        if (i->ai_family == AF_INET || i->ai_family == AF_INET6)
            take_address(l, i->ai_addr);
    }
    l->result = l->count > 0 ? RESOLVE_FOUND : result_of(error);
    if (error == 0)
        freeaddrinfo(found);
}

/* ---- on the loop ---- */

static void answer_failed(const struct resolver *r, uint32_t node, uint32_t request)
{
    const struct message m = {.type = MSG_RESOLVED, .kind = RESOLVE_FAILED, .node = node, .request = request};

    r->answer(r->ctx, &m);
}

static void answer_with(const struct resolver *r, const struct lookup *l)
{
    uint8_t bytes[RESOLVED_MAX * RESOLVED_LEN];
    const struct message m = {.type = MSG_RESOLVED,
                              .kind = (uint8_t)l->result,
                              .node = l->node,
                              .request = l->request,
                              .data[0] = {.at = bytes, .len = l->count * (size_t)RESOLVED_LEN}};

    for (uint8_t i = 0; i < l->count; i++)
        resolved_encode(&l->addresses[i], bytes + i * (size_t)RESOLVED_LEN);
    r->answer(r->ctx, &m);
}

/* The one that has waited longest; NULL: none waits. */
static struct lookup *find_waiting(struct resolver *r)
{
    struct lookup *first = NULL;

    for (size_t i = 0; i < RESOLVER_LOOKUPS_MAX; i++) {
        struct lookup *l = &r->lookups[i];

        if (l->state == WAITING && (first == NULL || l->deadline_ms < first->deadline_ms))
            first = l;
    }
    return first;
}

static void start_waiting(struct resolver *r)
{
    for (uint8_t lane = 0; lane < RESOLVER_THREADS; lane++) {
        struct lookup *l = r->is_busy[lane] ? NULL : find_waiting(r);

        if (l == NULL)
            continue;
        l->state = RUNNING;
        l->lane = lane;
        r->is_busy[lane] = true;
        workers_submit(r->workers, lane, l);
    }
}

static void on_done(void *ctx, void *job)
{
    struct resolver *r = ctx;
    struct lookup *l = job;

    if (l->state == RUNNING)
        answer_with(r, l);
    r->is_busy[l->lane] = false;
    l->state = FREE;
    start_waiting(r);
}

/* NULL: there is none, or the node has one already, were it one that is late. */
static struct lookup *find_free(struct resolver *r, uint32_t node)
{
    struct lookup *found = NULL;

    for (size_t i = 0; i < RESOLVER_LOOKUPS_MAX; i++) {
        struct lookup *l = &r->lookups[i];

        if (l->state != FREE && l->node == node)
            return NULL;
        if (l->state == FREE && found == NULL)
            found = l;
    }
    return found;
}

void resolver_ask(struct resolver *r, const struct message *m, uint64_t now_ms)
{
    struct lookup *l = find_free(r, m->node);

    if (l == NULL) {
        answer_failed(r, m->node, m->request);
        return;
    }
    *l = (struct lookup){.state = WAITING,
                         .node = m->node,
                         .request = m->request,
                         .deadline_ms = now_ms + RESOLVER_TIMEOUT_MS,
                         .from = r->from};
    memcpy(l->host, m->data[0].at, m->data[0].len);
    start_waiting(r);
}

/* A thread cannot be called back from its question. */
static void drop(struct lookup *l)
{
    if (l->state != FREE)
        l->state = l->state == WAITING ? FREE : LATE;
}

void resolver_forget(struct resolver *r)
{
    for (size_t i = 0; i < RESOLVER_LOOKUPS_MAX; i++)
        drop(&r->lookups[i]);
}

uint64_t resolver_tick(struct resolver *r, uint64_t now_ms)
{
    uint64_t next_ms = LOOP_NEVER;

    for (size_t i = 0; i < RESOLVER_LOOKUPS_MAX; i++) {
        struct lookup *l = &r->lookups[i];

        if (l->state != WAITING && l->state != RUNNING)
            continue;
        if (now_ms >= l->deadline_ms) {
            answer_failed(r, l->node, l->request);
            drop(l);
        } else if (l->deadline_ms < next_ms) {
            next_ms = l->deadline_ms;
        }
    }
    return next_ms;
}

/* ---- life ---- */

struct resolver *resolver_create(struct loop *loop, const struct endpoint *from,
                                 void (*answer)(void *ctx, const struct message *m), void *ctx)
{
    struct resolver *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->from = *from;
    r->answer = answer;
    r->ctx = ctx;
    r->workers = workers_create(loop, RESOLVER_THREADS, look_up, on_done, r);
    if (r->workers != NULL)
        return r;
    free(r);
    return NULL;
}

void resolver_destroy(struct resolver *r)
{
    if (r == NULL)
        return;
    workers_destroy(r->workers);
    free(r);
}
