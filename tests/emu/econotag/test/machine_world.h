/*
 * A machine without a core, for tests that write its registers as an image would.
 */
#ifndef EMU_MACHINE_WORLD_H
#define EMU_MACHINE_WORLD_H

#include "machine.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

enum { WORLD_SENT_MAX = 64, WORLD_BYTE_TIME = 2083 };
enum world_base {
    GPIO_BASE = 0x0000,
    CRM_BASE = 0x3000,
    UART1_BASE = 0x5000,
    TMR_BASE = 0x7000,
    ASM_BASE = 0x8000,
    SPIF_BASE = 0xC000,
    ADC_BASE = 0xD000,
    ITC_BASE = 0x20000,
};

struct world {
    struct machine m;
    uint8_t sent[WORLD_SENT_MAX];
    unsigned sent_count;
};

static inline void world_send(void *context, uint8_t byte)
{
    struct world *w = context;

    if (w->sent_count < WORLD_SENT_MAX)
        w->sent[w->sent_count++] = byte;
}

/* A cmocka setup function. */
static inline int world_start(void **state)
{
    static struct world w;

    memset(&w, 0, sizeof w);
    machine_init(&w.m, 1, world_send, &w);
    *state = &w;
    return 0;
}

static inline unsigned width_of(uint32_t base)
{
    return base == TMR_BASE || base == ADC_BASE ? 2 : 4;
}

static inline uint32_t rd(struct world *w, uint32_t base, uint32_t offset)
{
    return machine_read(&w->m, MACHINE_DEVICES_BASE + base + offset, width_of(base));
}

static inline void wr(struct world *w, uint32_t base, uint32_t offset, uint32_t value)
{
    machine_write(&w->m, MACHINE_DEVICES_BASE + base + offset, width_of(base), value);
}

static inline void pass(struct world *w, uint64_t cycles)
{
    machine_advance(&w->m, w->m.now + cycles);
}

#endif
