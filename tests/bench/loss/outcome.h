/*
 * What one run of a method came to. A client whose handshake failed starts again at once, as long as it
 * began less than PATIENCE_MS ago; the last try is followed to its end.
 */
#ifndef SSM_BENCH_OUTCOME_H
#define SSM_BENCH_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

enum { PATIENCE_MS = 60000 };

struct outcome {
    bool is_complete;
    unsigned tries;
    uint64_t ms; /* from the first datagram to the end, failed tries included */
};

#endif
