/* A bench that cannot go on says why and ends. */
#ifndef SSM_BENCH_RELAY_MUST_H
#define SSM_BENCH_RELAY_MUST_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "relay_bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

#endif
