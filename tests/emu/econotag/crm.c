#include "crm.h"

#include "fault.h"

enum { COP_FIELD_MASK = 0x7F, COP_COUNT_SHIFT = 16, COP_WRITABLE = 0x7F07 };

void crm_reset(struct crm *c)
{
    *c = (struct crm){.vreg_cntl = 0x0F20};
}

bool crm_flash_has_power(const struct crm *c, uint64_t now)
{
    return (c->vreg_cntl & CRM_VREG_1P8V_EN) != 0 && now >= c->vreg_since + CRM_VREG_START_TIME;
}

static uint32_t status_at(const struct crm *c, uint64_t now)
{
    uint32_t status = 0;

    if (crm_flash_has_power(c, now))
        status |= CRM_VREG_1P8V_RDY;
    if ((c->vreg_cntl & CRM_VREG_1P5V_EN) != 0 && now >= c->vreg_since + CRM_VREG_START_TIME)
        status |= CRM_VREG_1P5V_RDY;
    return status;
}

static uint64_t cop_timeout(const struct crm *c)
{
    return ((c->cop_cntl >> CRM_COP_TIMEOUT_SHIFT & COP_FIELD_MASK) + 1) * (uint64_t)CRM_COP_STEP;
}

static uint32_t cop_read(const struct crm *c, uint64_t now)
{
    uint64_t steps = (c->cop_cntl & CRM_COP_EN) != 0 ? (now - c->cop_since) / CRM_COP_STEP : 0;

    return c->cop_cntl | (uint32_t)(steps & COP_FIELD_MASK) << COP_COUNT_SHIFT;
}

uint32_t crm_read(const struct crm *c, uint64_t now, uint32_t offset)
{
    switch (offset) {
    case CRM_SYS_CNTL:
        return c->sys_cntl;
    case CRM_WU_CNTL:
    case CRM_SLEEP_CNTL:
        return 0;
    case CRM_BS_CNTL:
        return c->bs_cntl;
    case CRM_COP_CNTL:
        return cop_read(c, now);
    case CRM_STATUS:
        return status_at(c, now);
    case CRM_XTAL_CNTL:
        return c->xtal_cntl;
    case CRM_VREG_CNTL:
        return c->vreg_cntl;
    default:
        emu_fault("read of CRM register 0x%02x", (unsigned)offset);
    }
}

static void bs_write(struct crm *c, uint32_t value)
{
    if ((value & ~(uint32_t)(CRM_BS_EN | CRM_WAIT4IRQ)) != 0)
        emu_fault("bus stealing 0x%x", (unsigned)value);
    c->bs_cntl = value;
    if ((value & CRM_BS_EN) != 0 && (value & CRM_WAIT4IRQ) != 0)
        c->is_waiting = true;
}

static void cop_write(struct crm *c, uint64_t now, uint32_t value)
{
    if ((c->cop_cntl & CRM_COP_WP) != 0)
        return;
    if ((value & CRM_COP_EN) != 0 && (value & CRM_COP_OUT) != 0)
        emu_fault("the watchdog's interrupt");
    if ((c->cop_cntl & CRM_COP_EN) == 0)
        c->cop_since = now;
    c->cop_cntl = value & COP_WRITABLE;
}

static void vreg_write(struct crm *c, uint64_t now, uint32_t value)
{
    if (((value & ~c->vreg_cntl) & (CRM_VREG_1P8V_EN | CRM_VREG_1P5V_EN)) != 0)
        c->vreg_since = now;
    c->vreg_cntl = value;
}

void crm_write(struct crm *c, uint64_t now, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case CRM_SYS_CNTL:
        c->sys_cntl = value;
        break;
    case CRM_BS_CNTL:
        bs_write(c, value);
        break;
    case CRM_COP_CNTL:
        cop_write(c, now, value);
        break;
    case CRM_COP_SERVICE:
        if (value == CRM_COP_SERVICE_KEY)
            c->cop_since = now;
        break;
    case CRM_STATUS: /* clears events, of which none is modelled */
        break;
    case CRM_XTAL_CNTL:
        c->xtal_cntl = value;
        break;
    case CRM_VREG_CNTL:
        vreg_write(c, now, value);
        break;
    case CRM_SW_RST:
        if (value == CRM_SW_RST_KEY)
            c->wanted = CRM_RESET_SOFTWARE;
        break;
    default:
        emu_fault("write of CRM register 0x%02x", (unsigned)offset);
    }
}

void crm_wake(struct crm *c)
{
    c->is_waiting = false;
    c->bs_cntl &= ~(uint32_t)CRM_WAIT4IRQ;
}

uint64_t crm_next_event(const struct crm *c)
{
    return (c->cop_cntl & CRM_COP_EN) != 0 ? c->cop_since + cop_timeout(c) : UINT64_MAX;
}

void crm_advance(struct crm *c, uint64_t now)
{
    if (crm_next_event(c) <= now)
        c->wanted = CRM_RESET_COP;
}
