/*
 * Memory functions, a bounded reader and a bounded writer, and the 48-bit record sequence number.
 *
 * Freestanding: the compiler for MSP430 ships neither string.h nor assert.h, so `common` and the node's core
 * take their memory functions and SSM_ASSERT from here. Multi-byte integers on the wire are big-endian
 * (network order).
 */
#ifndef SSM_BYTES_H
#define SSM_BYTES_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A broken invariant is a bug of ours, never a property of the input: stop at once. */
#define SSM_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())

/* For small functions with several callers: inlining them is what makes a node's firmware outgrow its flash.
 */
#define SSM_NOINLINE __attribute__((noinline))

void bytes_copy(void *to, const void *from, size_t len);
void bytes_move(void *to, const void *from, size_t len); /* the areas may overlap */
void bytes_fill(void *to, uint8_t value, size_t len);
void bytes_xor(void *to, const void *from, size_t len);
/* Overwrites key material; the compiler may not remove it. */
void bytes_wipe(void *secret, size_t len);
/* Compares in time that depends on `len` alone. */
bool bytes_equal(const void *a, const void *b, size_t len);

/* Integers on the wire, for who knows already that the bytes are there. */
static inline uint16_t bytes_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t bytes_u32(const uint8_t *p)
{
    return (uint32_t)bytes_u16(p) << 16 | bytes_u16(p + 2);
}

static inline void bytes_put_u16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void bytes_put_u32(uint8_t *p, uint32_t value)
{
    bytes_put_u16(p, (uint16_t)(value >> 16));
    bytes_put_u16(p + 2, (uint16_t)value);
}

/* Reads a buffer front to back. The first error sticks, and from then on every read gives zero or NULL. */
struct reader {
    const uint8_t *at;
    size_t left;
    enum status status;
};

struct reader reader_over(const void *buf, size_t len);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
/* Steps over `len` bytes and returns where they start, or NULL. */
const uint8_t *reader_take(struct reader *r, size_t len);
void reader_copy(struct reader *r, void *to, size_t len);

/* Writes a buffer front to back. The first error sticks, and from then on nothing is written. */
struct writer {
    uint8_t *start;
    size_t len; /* bytes written */
    size_t cap;
    enum status status;
};

struct writer writer_over(void *buf, size_t cap);
void writer_u8(struct writer *w, uint8_t value);
void writer_u16(struct writer *w, uint16_t value);
void writer_u32(struct writer *w, uint32_t value);
void writer_bytes(struct writer *w, const void *from, size_t len);

/*
 * A 48-bit record sequence number (RFC 6347 4.1), as on the wire: a 16-bit node cannot afford wide
 * arithmetic, and copies it into headers, nonces and associated data.
 */
enum { SEQ48_LEN = 6 };

struct seq48 {
    uint8_t bytes[SEQ48_LEN]; /* big-endian */
};

static inline struct seq48 seq48_make(uint16_t hi, uint32_t lo)
{
    struct seq48 s;

    bytes_put_u16(s.bytes, hi);
    bytes_put_u32(s.bytes + 2, lo);
    return s;
}
bool seq48_is_after(const struct seq48 *a, const struct seq48 *b);
void seq48_increment(struct seq48 *s);

#endif
