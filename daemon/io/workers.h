/*
 * Threads for work that would hold up a loop: public-key operations.
 *
 * Each worker has a lane of its own and runs the jobs of that lane one after the other, below the priority of
 * the loop's thread, so that relaying goes first. Knows nothing of what a job is. Made before the system call
 * filter, which allows no new thread.
 */
#ifndef SSM_WORKERS_H
#define SSM_WORKERS_H

#include "loop.h"

enum { WORKERS_MAX = 64, WORKERS_LANE_JOBS = 4 /* that a lane holds */ };

struct workers;

/* `run` is called on a worker, then `done` from the loop. NULL: no memory, thread or descriptor; errno. */
struct workers *workers_create(struct loop *loop, uint8_t count, void (*run)(void *job),
                               void (*done)(void *ctx, void *job), void *ctx);
/* Waits for the jobs that run; those that wait are not begun, and `done` is called for none. NULL is fine. */
void workers_destroy(struct workers *workers);
/* More than WORKERS_LANE_JOBS in a lane is a bug: asserts. */
void workers_submit(struct workers *workers, uint8_t lane, void *job);

/* How many processors this process may use; 1 to WORKERS_MAX. */
uint8_t workers_processors(void);

#endif
