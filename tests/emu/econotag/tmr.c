#include "tmr.h"

#include "fault.h"

enum {
    TMR_SOURCE_CLOCK = 8,
    TMR_MODE_RISING = 1,
    CTRL_MODELLED = TMR_LENGTH | TMR_ONCE | 0xF << 9 | 7 << 13
};

void tmr_reset(struct timers *t)
{
    *t = (struct timers){0};
    for (unsigned i = 0; i < TMR_COUNT; i++)
        t->timer[i].is_enabled = true;
}

static bool is_counting(const struct tmr *t)
{
    return t->is_enabled && !t->is_spent && t->ctrl >> TMR_MODE_SHIFT == TMR_MODE_RISING;
}

/* Clock cycles in a count. */
static uint64_t period(const struct tmr *t)
{
    return 1ull << ((t->ctrl >> TMR_SOURCE_SHIFT & 0xF) - TMR_SOURCE_CLOCK);
}

static uint16_t count_at(const struct tmr *t, uint64_t now)
{
    if (!is_counting(t) || now <= t->since)
        return t->count;
    return (uint16_t)(t->count + (now - t->since) / period(t));
}

/* Makes the present count the one to count from. */
static void settle(struct tmr *t, uint64_t now)
{
    if (!is_counting(t) || now <= t->since)
        return;
    t->count = count_at(t, now);
    t->since = now - (now - t->since) % period(t);
}

/* When the counter comes to COMP1 next. */
static uint64_t match_at(const struct tmr *t)
{
    uint16_t left = (uint16_t)(t->comp1 - t->count);

    return t->since + (left == 0 ? 0x10000u : left) * period(t);
}

static void match(struct tmr *t)
{
    uint64_t at = match_at(t);

    t->count = t->comp1;
    t->since = at;
    t->sctrl |= TMR_TCF;
    t->csctrl |= TMR_TCF1;
    if ((t->csctrl & TMR_CL1_MASK) == TMR_CL1_ON_COMP1)
        t->comp1 = t->cmpld1;
    if ((t->ctrl & TMR_ONCE) != 0) {
        t->is_spent = true;
    } else if ((t->ctrl & TMR_LENGTH) != 0) {
        t->count = t->load;
        t->since = at + period(t);
    }
}

uint64_t tmr_next_event(const struct timers *t)
{
    uint64_t next = UINT64_MAX;

    for (unsigned i = 0; i < TMR_COUNT; i++)
        if (is_counting(&t->timer[i]) && match_at(&t->timer[i]) < next)
            next = match_at(&t->timer[i]);
    return next;
}

void tmr_advance(struct timers *t, uint64_t now)
{
    for (unsigned i = 0; i < TMR_COUNT; i++)
        while (is_counting(&t->timer[i]) && match_at(&t->timer[i]) <= now)
            match(&t->timer[i]);
}

bool tmr_interrupts(const struct timers *t)
{
    for (unsigned i = 0; i < TMR_COUNT; i++) {
        const struct tmr *m = &t->timer[i];
        if ((m->sctrl & TMR_TCF) != 0 && (m->sctrl & TMR_TCFIE) != 0)
            return true;
        if ((m->csctrl & TMR_TCF1) != 0 && (m->csctrl & TMR_TCF1EN) != 0)
            return true;
    }
    return false;
}

static uint16_t enabled_read(const struct timers *t)
{
    uint16_t value = 0;

    for (unsigned i = 0; i < TMR_COUNT; i++)
        if (t->timer[i].is_enabled)
            value |= (uint16_t)(1u << i);
    return value;
}

uint16_t tmr_read(const struct timers *t, uint64_t now, uint32_t offset)
{
    const struct tmr *m = &t->timer[offset / TMR_STRIDE % TMR_COUNT];

    if (offset == TMR_ENBL)
        return enabled_read(t);
    switch (offset % TMR_STRIDE) {
    case TMR_COMP1:
        return m->comp1;
    case TMR_COMP2:
        return m->comp2;
    case TMR_LOAD:
        return m->load;
    case TMR_HOLD:
        return m->hold;
    case TMR_CNTR:
        return count_at(m, now);
    case TMR_CTRL:
        return m->ctrl;
    case TMR_SCTRL:
        return m->sctrl;
    case TMR_CMPLD1:
        return m->cmpld1;
    case TMR_CMPLD2:
        return m->cmpld2;
    case TMR_CSCTRL:
        return m->csctrl;
    default:
        emu_fault("read of timer register 0x%02x", (unsigned)offset);
    }
}

static void ctrl_write(struct tmr *m, uint64_t now, uint16_t value)
{
    uint32_t mode = value >> TMR_MODE_SHIFT;

    if ((value & ~(uint32_t)CTRL_MODELLED) != 0 || mode > TMR_MODE_RISING ||
        (mode != 0 && (value >> TMR_SOURCE_SHIFT & 0xF) < TMR_SOURCE_CLOCK))
        emu_fault("timer mode 0x%04x", (unsigned)value);
    m->ctrl = value;
    m->since = now;
    m->is_spent = false;
}

/* Flags are cleared by writing 0 and not set by writing 1. */
static uint16_t flags_write(uint16_t present, uint16_t value, uint16_t flags)
{
    return (uint16_t)((value & ~flags) | (present & value & flags));
}

static void enabled_write(struct timers *t, uint64_t now, uint16_t value)
{
    for (unsigned i = 0; i < TMR_COUNT; i++) {
        t->timer[i].is_enabled = (value >> i & 1) != 0;
        t->timer[i].since = now;
    }
}

void tmr_write(struct timers *t, uint64_t now, uint32_t offset, uint16_t value)
{
    struct tmr *m = &t->timer[offset / TMR_STRIDE % TMR_COUNT];

    for (unsigned i = 0; i < TMR_COUNT; i++)
        settle(&t->timer[i], now);
    if (offset == TMR_ENBL) {
        enabled_write(t, now, value);
        return;
    }
    switch (offset % TMR_STRIDE) {
    case TMR_COMP1:
        m->comp1 = value;
        break;
    case TMR_COMP2:
        m->comp2 = value;
        break;
    case TMR_LOAD:
        m->load = value;
        break;
    case TMR_HOLD:
        m->hold = value;
        break;
    case TMR_CNTR:
        m->count = value;
        m->since = now;
        break;
    case TMR_CTRL:
        ctrl_write(m, now, value);
        break;
    case TMR_SCTRL:
        if ((value & ~(TMR_TCFIE | TMR_TCF | TMR_TOF)) != 0)
            emu_fault("timer status and control 0x%04x", (unsigned)value);
        m->sctrl = flags_write(m->sctrl, value, TMR_TCF);
        break;
    case TMR_CMPLD1:
        m->cmpld1 = value;
        break;
    case TMR_CMPLD2:
        m->cmpld2 = value;
        break;
    case TMR_CSCTRL:
        if ((value & ~(TMR_CL1_MASK | TMR_TCF1 | TMR_TCF1EN)) != 0)
            emu_fault("timer comparator control 0x%04x", (unsigned)value);
        m->csctrl = flags_write(m->csctrl, value, TMR_TCF1);
        break;
    default:
        emu_fault("write of timer register 0x%02x", (unsigned)offset);
    }
}
