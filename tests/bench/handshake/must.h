/* A bench that cannot go on says why and ends, from whatever thread. */
#ifndef SSM_BENCH_MUST_H
#define SSM_BENCH_MUST_H

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static inline void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "FAILED: %s\n", what);
    _exit(1); /* other threads may be anywhere */
}

#endif
