/*
 * Randomness that a failed test can repeat: prints its seed and takes it from SSM_TEST_SEED.
 */
#ifndef SSM_SEEDED_H
#define SSM_SEEDED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One in a program, whichever of its files draw from it. */
__attribute__((weak)) uint64_t seeded_state;

/* Call once, before the first number. */
static inline void seeded_start(void)
{
    const char *given = getenv("SSM_TEST_SEED");

    seeded_state = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u;
    printf("SSM_TEST_SEED=%llu\n", (unsigned long long)seeded_state);
}

/* splitmix64 */
static inline uint32_t seeded_u32(void)
{
    uint64_t z = seeded_state += 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)(z >> 32);
}

static inline void seeded_fill(uint8_t *out, size_t len)
{
    while (len-- > 0)
        *out++ = (uint8_t)seeded_u32();
}

#endif
