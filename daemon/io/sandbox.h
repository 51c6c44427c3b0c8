/*
 * What a process gives up before it reads its first byte from outside: its account, new privileges, swap and
 * core dumps of its memory, and all system calls but those that it needs.
 *
 * Called once by each child. The filter is an allowlist per process and holds for all of its threads, which
 * start before it; anything else kills relay and keys, so that a call that is missing from the list is found
 * by the tests and an attack ends in the log, and is refused to resolve. Programs built with a sanitizer,
 * whose run-time makes calls of its own, have no filter.
 */
#ifndef SSM_SANDBOX_H
#define SSM_SANDBOX_H

#include "status.h"

#include <stdbool.h>
#include <sys/types.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_HAS_FILTER 0
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANDBOX_HAS_FILTER 0
#endif
#ifndef SANDBOX_HAS_FILTER
#define SANDBOX_HAS_FILTER 1
#endif

/* Who the children run as. */
struct sandbox_account {
    bool change; /* false: nothing to give up, ssmd was not started by root or is to stay root */
    uid_t uid;
    gid_t gid;
};

enum sandbox_process {
    SANDBOX_RELAY, /* datagrams, files, channels; opens no socket */
    SANDBOX_KEYS,  /* files, channels, connections of a listening socket that it was given; opens no socket */
    SANDBOX_RESOLVE, /* channels, sockets; reads files and writes none */
};

/* Looks the account up. SSM_NOT_FOUND: there is none of that name. "" and a caller other than root change
 * nothing. */
SSM_MUST_CHECK enum status sandbox_find_account(const char *user, struct sandbox_account *out);
/* For a process with keys, before sandbox_become: all of its memory, that of later allocations too, is never
 * swapped out and in no core dump. Locks nothing where the limit of locked memory is finite and cannot be
 * raised, for allocations would fail at it. What cannot be had is logged. */
void sandbox_guard_memory(const struct sandbox_account *account);
/* Becomes the account for good, with no supplementary group. SSM_IO: the log says why. */
SSM_MUST_CHECK enum status sandbox_become(const struct sandbox_account *account);
/* No core dumps, no attaching debugger but root's, no new privileges, and an end together with the parent. */
SSM_MUST_CHECK enum status sandbox_harden(void);
/* From here on only the system calls of that process work, in all of its threads; none can be started any
 * more. SSM_IO: the log says why. */
SSM_MUST_CHECK enum status sandbox_filter(enum sandbox_process process);

#endif
