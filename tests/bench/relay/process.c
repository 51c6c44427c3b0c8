#include "process.h"

#include "must.h"

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void run_on(size_t processor)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    (void)sched_setaffinity(0, sizeof set, &set); /* refused: the scheduler decides */
}

bool process_fork(pid_t *pid)
{
    pid_t parent = getpid();

    *pid = fork();
    must(*pid >= 0, "fork");
    if (*pid > 0)
        return false;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    run_on(0);
    return true;
}

void process_take_other_processor(void)
{
    run_on((size_t)sysconf(_SC_NPROCESSORS_ONLN) - 1);
}

pid_t process_start(const char *const argv[], const char *log)
{
    pid_t pid;
    int fd;

    if (!process_fork(&pid))
        return pid;
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0)
        execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static bool has_name(pid_t pid, const char *name)
{
    char path[64];
    char got[32] = "";
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    f = fopen(path, "r");
    if (f == NULL)
        return false;
    if (fgets(got, sizeof got, f) != NULL)
        got[strcspn(got, "\n")] = '\0';
    fclose(f);
    return strcmp(got, name) == 0;
}

pid_t process_child(pid_t parent, const char *name)
{
    char path[64];
    pid_t found = 0;
    int child;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    f = fopen(path, "r");
    if (f == NULL)
        return 0;
    while (found == 0 && fscanf(f, "%d", &child) == 1)
        if (has_name(child, name))
            found = child;
    fclose(f);
    return found;
}

void process_end(pid_t pid)
{
    int status;

    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
}

bool process_is_over(pid_t pid)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;

    must(clock_gettime(clock, &t) == 0, "the system under test has ended");
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double process_cpu_s(pid_t pid)
{
    clockid_t clock;

    must(clock_getcpuclockid(pid, &clock) == 0, "the system under test has ended");
    return seconds_of(clock);
}

double process_now_s(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

void process_sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}
