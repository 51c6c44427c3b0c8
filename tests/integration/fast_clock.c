/*
 * Preloaded into ssm-node by 82-outbound-comes-back.sh: its clock runs four times as fast, so that a node
 * gives up a silent server within half a minute.
 */
#undef _FORTIFY_SOURCE /* under which ppoll is defined in a header */
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>

enum { RATE = 4, NS_IN_S = 1000000000 };

static struct timespec scaled(const struct timespec *t, int64_t times, int64_t part)
{
    const int64_t ns = (t->tv_sec * NS_IN_S + t->tv_nsec) / part * times;

    return (struct timespec){.tv_sec = ns / NS_IN_S, .tv_nsec = ns % NS_IN_S};
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int rc = real(clock, now);
    if (rc == 0 && clock == CLOCK_MONOTONIC)
        *now = scaled(now, RATE, 1);
    return rc;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    static int (*real)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
    const struct timespec wait = scaled(timeout, 1, RATE);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "ppoll");
    return real(fds, count, &wait, mask);
}
