/* Processes of other programs: started, watched, ended with the bench. */
#ifndef SSM_BENCH_PROCESS_H
#define SSM_BENCH_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Forks; the child ends with its parent and runs on processor 0, where every system under test does. True in
 * the child. */
bool process_fork(pid_t *pid);
/* The load's processor: the last. */
void process_take_other_processor(void);
/* A process without children that runs the program; its output goes to `log`. */
pid_t process_start(const char *const argv[], const char *log);
/* The child of `parent` with that name (comm); 0: none yet. */
pid_t process_child(pid_t parent, const char *name);
/* Ends it (SIGTERM) and waits for it. */
void process_end(pid_t pid);
/* Has it ended by itself? */
bool process_is_over(pid_t pid);
/* Processor time, user and system, that it has taken, in seconds. */
double process_cpu_s(pid_t pid);
double process_now_s(void);
void process_sleep_ms(long ms);

#endif
