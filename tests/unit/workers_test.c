/* Threads that run jobs for a loop. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "workers.h"

enum { LANES = 3, JOBS = 300 };

struct job {
    uint8_t lane;
    unsigned number;
    unsigned runs;
    pthread_t thread;
    int nice;
    bool is_sigterm_blocked;
};

struct world {
    struct loop *loop;
    struct workers *workers;
    struct job jobs[JOBS];
    unsigned begun;
    unsigned done;
    unsigned last_done[LANES]; /* number of the job that each lane has done last */
};

static void run(void *arg)
{
    struct job *job = arg;
    sigset_t blocked;

    job->runs++;
    job->thread = pthread_self();
    job->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    job->is_sigterm_blocked = sigismember(&blocked, SIGTERM) == 1;
}

static void submit_next(struct world *w, uint8_t lane)
{
    struct job *job = &w->jobs[w->begun];

    *job = (struct job){.lane = lane, .number = ++w->begun};
    workers_submit(w->workers, lane, job);
}

static void on_done(void *ctx, void *arg)
{
    struct world *w = ctx;
    const struct job *job = arg;

    assert_true(job->number > w->last_done[job->lane]); /* in order, within a lane */
    w->last_done[job->lane] = job->number;
    w->done++;
    if (w->begun < JOBS)
        submit_next(w, job->lane);
}

static uint64_t turn(void *ctx, uint64_t now_ms)
{
    struct world *w = ctx;

    (void)now_ms;
    if (w->done == JOBS)
        loop_stop(w->loop);
    return LOOP_NEVER;
}

static int setup(void **state)
{
    static struct world w;

    memset(&w, 0, sizeof w);
    w.loop = loop_create();
    assert_non_null(w.loop);
    w.workers = workers_create(w.loop, LANES, run, on_done, &w);
    assert_non_null(w.workers);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    workers_destroy(w->workers);
    loop_destroy(w->loop);
    return 0;
}

static void each_job_runs_once_on_the_thread_of_its_lane(void **state)
{
    struct world *w = *state;
    pthread_t threads[LANES];
    unsigned of_lane[LANES] = {0};

    for (unsigned i = 0; i < LANES * WORKERS_LANE_JOBS; i++)
        submit_next(w, (uint8_t)(i % LANES));
    assert_int_equal(loop_run(w->loop, turn, w), SSM_OK);
    for (unsigned i = 0; i < JOBS; i++) {
        const struct job *job = &w->jobs[i];
        assert_int_equal(job->runs, 1);
        if (of_lane[job->lane]++ == 0)
            threads[job->lane] = job->thread;
        assert_true(pthread_equal(job->thread, threads[job->lane]));
        assert_false(pthread_equal(job->thread, pthread_self()));
        assert_true(job->is_sigterm_blocked);
        assert_true(job->nice > getpriority(PRIO_PROCESS, 0));
    }
    for (unsigned i = 0; i < LANES; i++)
        assert_true(of_lane[i] > 0);
}

static void jobs_that_have_not_begun_are_given_up(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < WORKERS_LANE_JOBS; i++)
        submit_next(w, 0);
    workers_destroy(w->workers);
    assert_int_equal(w->done, 0);
    w->workers = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_job_runs_once_on_the_thread_of_its_lane, setup, teardown),
        cmocka_unit_test_setup_teardown(jobs_that_have_not_begun_are_given_up, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
