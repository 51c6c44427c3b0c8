/*
 * The program's allocator, which fails when it is told to, and counts what it has given out.
 *
 * Only what is allocated between fail_enter() and fail_leave() is counted and may fail: the gateway's part,
 * not the client's and the test's.
 */
#ifndef CAMPAIGN_FAIL_H
#define CAMPAIGN_FAIL_H

#include <stdbool.h>

/* From here on the `number`-th allocation fails (0: none), or that one and all after it. */
void fail_at(unsigned long number, bool and_all_after);
/* Allocations since then; one that failed counts. */
unsigned long fail_allocations(void);
bool fail_has_happened(void);

void fail_enter(void);
void fail_leave(void);

#endif
