/*
 * The event loop of a process, over libevent: readable descriptors, writable ones once, signals, and one
 * wake-up time.
 *
 * Each process has one loop. After each batch of events the loop calls the process's turn function once,
 * which does what is due and says when it wants to be called again; there are no other timers.
 */
#ifndef SSM_LOOP_H
#define SSM_LOOP_H

#include "status.h"

#include <stdint.h>

struct event_base;
struct loop;
struct loop_watch;

#define LOOP_NEVER UINT64_MAX

typedef void loop_function(void *ctx);

/* NULL: no memory, or no descriptor left. */
struct loop *loop_create(void);
void loop_destroy(struct loop *loop);
/* Turns until loop_stop. `turn` returns the monotonic time (ms) at which it wants to be called at the latest.
 */
SSM_MUST_CHECK enum status loop_run(struct loop *loop, uint64_t (*turn)(void *ctx, uint64_t now_ms),
                                    void *ctx);
void loop_stop(struct loop *loop);
/* For what brings its own libevent events. */
struct event_base *loop_base(struct loop *loop);
/* Monotonic time in milliseconds. */
uint64_t loop_now_ms(void);

/* Calls `fn` whenever fd is readable. The descriptor stays the caller's. NULL: no memory. */
struct loop_watch *loop_watch_readable(struct loop *loop, int fd, loop_function *fn, void *ctx);
/* Calls `fn` once, after each loop_watch_arm, when fd is writable. */
struct loop_watch *loop_watch_writable(struct loop *loop, int fd, loop_function *fn, void *ctx);
void loop_watch_arm(struct loop_watch *watch);
struct loop_watch *loop_watch_signal(struct loop *loop, int signal_number, loop_function *fn, void *ctx);
/* NULL is fine. Safe inside the watch's own callback. */
void loop_watch_remove(struct loop_watch *watch);

#endif
