#include "fail.h"

#include <errno.h>
#include <stdlib.h>

void *__libc_malloc(size_t len);
void *__libc_calloc(size_t count, size_t len);
void *__libc_realloc(void *old, size_t len);

static struct {
    unsigned long number;
    unsigned long allocations;
    bool and_all_after;
    bool has_happened;
    bool is_inside;
} state;

void fail_at(unsigned long number, bool and_all_after)
{
    state.number = number;
    state.and_all_after = and_all_after;
    state.allocations = 0;
    state.has_happened = false;
}

unsigned long fail_allocations(void)
{
    return state.allocations;
}

bool fail_has_happened(void)
{
    return state.has_happened;
}

void fail_enter(void)
{
    state.is_inside = true;
}

void fail_leave(void)
{
    state.is_inside = false;
}

static bool fails(void)
{
    if (!state.is_inside)
        return false;
    state.allocations++;
    if (state.number == 0 || state.allocations < state.number ||
        (state.allocations > state.number && !state.and_all_after))
        return false;
    state.has_happened = true;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t len)
{
    return fails() ? NULL : __libc_malloc(len);
}

void *calloc(size_t count, size_t len)
{
    return fails() ? NULL : __libc_calloc(count, len);
}

void *realloc(void *old, size_t len)
{
    return fails() ? NULL : __libc_realloc(old, len);
}
