#include "workers.h"

#include "bytes.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NICE = 10, STACK_BYTES = 256 * 1024 };

/* A ring; its owner's lock guards it. */
struct job_queue {
    void *jobs[WORKERS_LANE_JOBS];
    unsigned first;
    unsigned count;
};

struct lane {
    struct workers *workers;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job_queue waiting;
    struct job_queue done; /* until the loop takes them */
    bool is_ready;         /* it has made all the calls that the filter would not allow it */
    bool is_ending;
};

struct workers {
    void (*run)(void *job);
    void (*done)(void *ctx, void *job);
    void *ctx;
    int wake_fd; /* an eventfd: some lane has jobs that are done */
    struct loop_watch *watch;
    uint8_t count;
    struct lane lanes[WORKERS_MAX];
};

static void queue_put(struct job_queue *q, void *job)
{
    SSM_ASSERT(q->count < WORKERS_LANE_JOBS);
    q->jobs[(q->first + q->count++) % WORKERS_LANE_JOBS] = job;
}

static void *queue_take(struct job_queue *q)
{
    void *job = q->jobs[q->first];

    if (q->count == 0)
        return NULL;
    q->first = (q->first + 1) % WORKERS_LANE_JOBS;
    q->count--;
    return job;
}

/* ---- on a worker ---- */

static void lane_begin(struct lane *lane)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* on Linux, of this thread alone */
    pthread_mutex_lock(&lane->lock);
    lane->is_ready = true;
    pthread_cond_signal(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
}

/* NULL: the lane ends. */
static void *lane_wait(struct lane *lane)
{
    void *job = NULL;

    pthread_mutex_lock(&lane->lock);
    while (!lane->is_ending && (job = queue_take(&lane->waiting)) == NULL)
        pthread_cond_wait(&lane->changed, &lane->lock);
    pthread_mutex_unlock(&lane->lock);
    return job;
}

static void lane_finish(struct lane *lane, void *job)
{
    const uint64_t one = 1;

    pthread_mutex_lock(&lane->lock);
    queue_put(&lane->done, job);
    pthread_mutex_unlock(&lane->lock);
    /* Fails only when the counter is at its end, and then the loop is awake anyhow. */
    (void)!write(lane->workers->wake_fd, &one, sizeof one);
}

static void *lane_main(void *arg)
{
    struct lane *lane = arg;
    void *job;

    lane_begin(lane);
    while ((job = lane_wait(lane)) != NULL) {
        lane->workers->run(job);
        lane_finish(lane, job);
    }
    return NULL;
}

/* ---- on the loop ---- */

static void *lane_take_done(struct lane *lane)
{
    void *job;

    pthread_mutex_lock(&lane->lock);
    job = queue_take(&lane->done);
    pthread_mutex_unlock(&lane->lock);
    return job;
}

static void on_wake(void *ctx)
{
    struct workers *w = ctx;
    uint64_t count;
    void *job;

    (void)!read(w->wake_fd, &count, sizeof count);
    for (uint8_t i = 0; i < w->count; i++)
        while ((job = lane_take_done(&w->lanes[i])) != NULL)
            w->done(w->ctx, job);
}

void workers_submit(struct workers *workers, uint8_t lane_number, void *job)
{
    struct lane *lane = &workers->lanes[lane_number];

    SSM_ASSERT(lane_number < workers->count);
    pthread_mutex_lock(&lane->lock);
    queue_put(&lane->waiting, job);
    pthread_cond_signal(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
}

/* ---- life ---- */

/* Signals are the loop's. */
static int lane_start(struct workers *w, struct lane *lane)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    int error;

    lane->workers = w;
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->changed, NULL);
    error = pthread_attr_init(&attributes);
    if (error != 0)
        return error;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (error == 0)
        error = pthread_create(&lane->thread, &attributes, lane_main, lane);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

static void lane_await(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    while (!lane->is_ready)
        pthread_cond_wait(&lane->changed, &lane->lock);
    pthread_mutex_unlock(&lane->lock);
}

static void lane_end(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->is_ending = true;
    pthread_cond_signal(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
    pthread_join(lane->thread, NULL);
    pthread_cond_destroy(&lane->changed);
    pthread_mutex_destroy(&lane->lock);
}

struct workers *workers_create(struct loop *loop, uint8_t count, void (*run)(void *job),
                               void (*done)(void *ctx, void *job), void *ctx)
{
    struct workers *w = calloc(1, sizeof *w);
    int error = 0;

    SSM_ASSERT(count > 0 && count <= WORKERS_MAX);
    if (w == NULL)
        return NULL;
    w->run = run;
    w->done = done;
    w->ctx = ctx;
    w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    w->watch = w->wake_fd >= 0 ? loop_watch_readable(loop, w->wake_fd, on_wake, w) : NULL;
    while (w->watch != NULL && w->count < count && error == 0) {
        error = lane_start(w, &w->lanes[w->count]);
        w->count = (uint8_t)(w->count + (error == 0));
    }
    for (uint8_t i = 0; i < w->count; i++)
        lane_await(&w->lanes[i]);
    if (w->count == count)
        return w;
    workers_destroy(w);
    errno = error;
    return NULL;
}

void workers_destroy(struct workers *workers)
{
    if (workers == NULL)
        return;
    for (uint8_t i = 0; i < workers->count; i++)
        lane_end(&workers->lanes[i]);
    loop_watch_remove(workers->watch);
    if (workers->wake_fd >= 0)
        close(workers->wake_fd);
    free(workers);
}

uint8_t workers_processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

    return (uint8_t)(count > WORKERS_MAX ? WORKERS_MAX : count);
}
