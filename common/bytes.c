#include "bytes.h"

void bytes_copy(void *to, const void *from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    while (len-- > 0)
        *t++ = *f++;
}

void bytes_move(void *to, const void *from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if ((uintptr_t)t <= (uintptr_t)f) {
        bytes_copy(to, from, len);
        return;
    }
    while (len-- > 0)
        t[len] = f[len];
}

void bytes_fill(void *to, uint8_t value, size_t len)
{
    uint8_t *t = to;

    while (len-- > 0)
        *t++ = value;
}

void bytes_xor(void *to, const void *from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    while (len-- > 0)
        *t++ ^= *f++;
}

void bytes_wipe(void *secret, size_t len)
{
    bytes_fill(secret, 0, len);
    /* Claims to read the memory, so the stores above are not dead. */
    __asm__ volatile("" : : "r"(secret) : "memory");
}

bool bytes_equal(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    uint8_t differ = 0;

    while (len-- > 0)
        differ |= (uint8_t)(*x++ ^ *y++);
    return differ == 0;
}

struct reader reader_over(const void *buf, size_t len)
{
    return (struct reader){.at = buf, .left = len, .status = SSM_OK};
}

SSM_NOINLINE const uint8_t *reader_take(struct reader *r, size_t len)
{
    const uint8_t *taken = r->at;

    if (r->left < len)
        r->status = SSM_TRUNCATED;
    if (r->status != SSM_OK)
        return NULL;
    r->at += len;
    r->left -= len;
    return taken;
}

uint8_t reader_u8(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);

    return p != NULL ? *p : 0;
}

uint16_t reader_u16(struct reader *r)
{
    const uint8_t *p = reader_take(r, 2);

    return p != NULL ? bytes_u16(p) : 0;
}

uint32_t reader_u32(struct reader *r)
{
    const uint8_t *p = reader_take(r, 4);

    return p != NULL ? bytes_u32(p) : 0;
}

void reader_copy(struct reader *r, void *to, size_t len)
{
    const uint8_t *p = reader_take(r, len);

    if (p != NULL)
        bytes_copy(to, p, len);
    else
        bytes_fill(to, 0, len);
}

struct writer writer_over(void *buf, size_t cap)
{
    return (struct writer){.start = buf, .len = 0, .cap = cap, .status = SSM_OK};
}

SSM_NOINLINE void writer_bytes(struct writer *w, const void *from, size_t len)
{
    if (w->cap - w->len < len)
        w->status = SSM_NO_ROOM;
    if (w->status != SSM_OK)
        return;
    bytes_copy(w->start + w->len, from, len);
    w->len += len;
}

void writer_u8(struct writer *w, uint8_t value)
{
    writer_bytes(w, &value, 1);
}

void writer_u16(struct writer *w, uint16_t value)
{
    uint8_t wire[2];

    bytes_put_u16(wire, value);
    writer_bytes(w, wire, sizeof wire);
}

void writer_u32(struct writer *w, uint32_t value)
{
    uint8_t wire[4];

    bytes_put_u32(wire, value);
    writer_bytes(w, wire, sizeof wire);
}

SSM_NOINLINE bool seq48_is_after(const struct seq48 *a, const struct seq48 *b)
{
    const uint8_t *x = a->bytes;
    const uint8_t *y = b->bytes;

    while (*x == *y) {
        if (++x == a->bytes + SEQ48_LEN)
            return false;
        y++;
    }
    return *x > *y;
}

void seq48_increment(struct seq48 *s)
{
    uint8_t *digit = s->bytes + SEQ48_LEN;

    do
        digit--;
    while (++*digit == 0 && digit != s->bytes);
}
