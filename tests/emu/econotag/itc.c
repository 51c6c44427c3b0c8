#include "itc.h"

#include "fault.h"

enum { SOURCES_MASK = (1 << ITC_SOURCES) - 1 };

void itc_reset(struct itc *i)
{
    *i = (struct itc){0};
}

void itc_set_line(struct itc *i, enum itc_source source, bool active)
{
    if (active)
        i->lines |= 1u << source;
    else
        i->lines &= ~(1u << source);
}

static uint32_t pending(const struct itc *i, bool fast)
{
    return (i->lines | i->force) & i->enable & (fast ? i->type : ~i->type);
}

/* The highest pending number; all ones if there is none. */
static uint32_t vector(uint32_t sources)
{
    return sources == 0 ? UINT32_MAX : 31 - (uint32_t)__builtin_clz(sources);
}

bool itc_irq(const struct itc *i)
{
    return pending(i, false) != 0 && (i->control & ITC_NIAD) == 0;
}

bool itc_fiq(const struct itc *i)
{
    return pending(i, true) != 0 && (i->control & ITC_FIAD) == 0;
}

uint32_t itc_read(const struct itc *i, uint32_t offset)
{
    switch (offset) {
    case ITC_INTCNTL:
        return i->control;
    case ITC_NIMASK:
        return i->mask;
    case ITC_INTENABLE:
        return i->enable;
    case ITC_INTTYPE:
        return i->type;
    case ITC_NIVECTOR:
        return vector(pending(i, false));
    case ITC_FIVECTOR:
        return vector(pending(i, true));
    case ITC_INTSRC:
        return i->lines | i->force;
    case ITC_INTFRC:
        return i->force;
    case ITC_NIPEND:
        return pending(i, false);
    case ITC_FIPEND:
        return pending(i, true);
    default:
        emu_fault("read of ITC register 0x%02x", (unsigned)offset);
    }
}

static uint32_t numbered(uint32_t number)
{
    return (1u << (number & 0xF)) & SOURCES_MASK;
}

void itc_write(struct itc *i, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case ITC_INTCNTL:
        i->control = value & (ITC_FIAD | ITC_NIAD);
        break;
    case ITC_NIMASK:
        i->mask = value & 0x1F;
        break;
    case ITC_INTENNUM:
        i->enable |= numbered(value);
        break;
    case ITC_INTDISNUM:
        i->enable &= ~numbered(value);
        break;
    case ITC_INTENABLE:
        i->enable = value & SOURCES_MASK;
        break;
    case ITC_INTTYPE:
        i->type = value & SOURCES_MASK;
        break;
    case ITC_INTFRC:
        i->force = value & SOURCES_MASK;
        break;
    default:
        emu_fault("write of ITC register 0x%02x", (unsigned)offset);
    }
}
