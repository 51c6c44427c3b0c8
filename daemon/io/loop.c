#include "loop.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct loop {
    struct event_base *base;
    struct event *wake;
    bool stopped;
};

struct loop_watch {
    struct event *event;
    loop_function *fn;
    void *ctx;
};

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    (void)ctx; /* the turn that follows does the work */
}

struct loop *loop_create(void)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL)
        return NULL;
    loop->base = event_base_new();
    if (loop->base != NULL)
        loop->wake = evtimer_new(loop->base, on_wake, NULL);
    if (loop->wake == NULL) {
        loop_destroy(loop);
        return NULL;
    }
    return loop;
}

void loop_destroy(struct loop *loop)
{
    if (loop == NULL)
        return;
    if (loop->wake != NULL)
        event_free(loop->wake);
    if (loop->base != NULL)
        event_base_free(loop->base);
    free(loop);
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

uint64_t loop_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One batch of events, or the wake-up time, whatever is first. */
static enum status wait_until(struct loop *loop, uint64_t wake_ms)
{
    enum { LONGEST_WAIT_MS = 3600000 };
    uint64_t now_ms = loop_now_ms();
    uint64_t wait_ms = wake_ms > now_ms ? wake_ms - now_ms : 0;
    struct timeval wait;

    if (wait_ms > LONGEST_WAIT_MS)
        wait_ms = LONGEST_WAIT_MS;
    wait.tv_sec = (time_t)(wait_ms / 1000);
    wait.tv_usec = (suseconds_t)(wait_ms % 1000 * 1000);
    if (evtimer_add(loop->wake, &wait) != 0)
        return SSM_IO;
    return event_base_loop(loop->base, EVLOOP_ONCE) < 0 ? SSM_IO : SSM_OK;
}

enum status loop_run(struct loop *loop, uint64_t (*turn)(void *ctx, uint64_t now_ms), void *ctx)
{
    enum status status = SSM_OK;
    uint64_t wake_ms;

    loop->stopped = false;
    wake_ms = turn(ctx, loop_now_ms());
    while (status == SSM_OK && !loop->stopped) {
        status = wait_until(loop, wake_ms);
        wake_ms = turn(ctx, loop_now_ms());
    }
    return status;
}

static void on_event(evutil_socket_t fd, short what, void *ctx)
{
    const struct loop_watch *watch = ctx;

    (void)fd;
    (void)what;
    watch->fn(watch->ctx);
}

static struct loop_watch *watch_create(struct loop *loop, int fd, short what, loop_function *fn, void *ctx)
{
    struct loop_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        return NULL;
    watch->fn = fn;
    watch->ctx = ctx;
    watch->event = event_new(loop->base, fd, what, on_event, watch);
    /* One that does not persist waits to be armed. */
    if (watch->event == NULL || ((what & EV_PERSIST) != 0 && event_add(watch->event, NULL) != 0)) {
        loop_watch_remove(watch);
        return NULL;
    }
    return watch;
}

struct loop_watch *loop_watch_readable(struct loop *loop, int fd, loop_function *fn, void *ctx)
{
    return watch_create(loop, fd, EV_READ | EV_PERSIST, fn, ctx);
}

struct loop_watch *loop_watch_writable(struct loop *loop, int fd, loop_function *fn, void *ctx)
{
    return watch_create(loop, fd, EV_WRITE, fn, ctx);
}

void loop_watch_arm(struct loop_watch *watch)
{
    event_add(watch->event, NULL);
}

struct loop_watch *loop_watch_signal(struct loop *loop, int signal_number, loop_function *fn, void *ctx)
{
    return watch_create(loop, signal_number, EV_SIGNAL | EV_PERSIST, fn, ctx);
}

void loop_watch_remove(struct loop_watch *watch)
{
    if (watch == NULL)
        return;
    if (watch->event != NULL)
        event_free(watch->event);
    free(watch);
}
