/*
 * What the compiler calls without being asked, in a program without C library.
 */
#include "bytes.h"

void *memcpy(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);

void *memcpy(void *to, const void *from, size_t len)
{
    bytes_copy(to, from, len);
    return to;
}

void *memset(void *to, int value, size_t len)
{
    bytes_fill(to, (uint8_t)value, len);
    return to;
}
