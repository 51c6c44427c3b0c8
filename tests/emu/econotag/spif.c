#include "spif.h"

#include "fault.h"

enum { CYCLES_PER_BIT = 2 };

void spif_reset(struct spif *s)
{
    *s = (struct spif){.flash = s->flash};
    flash_reset(s->flash);
}

uint32_t spif_read(const struct spif *s, uint32_t offset)
{
    switch (offset) {
    case SPIF_TX_DATA:
        return s->tx;
    case SPIF_RX_DATA:
        return s->rx;
    case SPIF_CLK_CTRL:
        return s->clk_ctrl;
    case SPIF_SETUP:
        return s->setup;
    case SPIF_STATUS:
        return s->is_done ? SPIF_INT : 0;
    default:
        emu_fault("read of SPIF register 0x%02x", (unsigned)offset);
    }
}

static uint8_t exchange(struct spif *s, uint64_t now, uint8_t out)
{
    return s->has_power ? flash_exchange(s->flash, now, out) : 0xFF;
}

/* Moves CLK_CTRL's number of bits: the first of them from TX_DATA, the last 32 into RX_DATA. */
static void transfer(struct spif *s, uint64_t now)
{
    unsigned clocks = (s->clk_ctrl >> SPIF_SCK_SHIFT & 0xFF) + 1;
    unsigned length = s->clk_ctrl & SPIF_LENGTH_MASK;
    uint32_t tx = s->tx;

    if (clocks % 8 != 0 || length % 8 != 0 || length > 32 || length > clocks)
        emu_fault("an SPI transfer of %u bits in %u clocks", length, clocks);
    if (s->setup == SPIF_SS_AUTO)
        flash_select(s->flash);
    for (unsigned bit = 0; bit < clocks; bit += 8) {
        s->rx = s->rx << 8 | exchange(s, now, bit < length ? (uint8_t)(tx >> 24) : 0);
        tx <<= 8;
    }
    if (s->setup == SPIF_SS_AUTO)
        flash_deselect(s->flash, now);
    s->is_busy = true;
    s->is_done = false;
    s->done_at = now + clocks * CYCLES_PER_BIT;
}

static void setup_write(struct spif *s, uint64_t now, uint32_t value)
{
    if (value < SPIF_SS_AUTO || value > SPIF_SS_HIGH)
        emu_fault("SPI mode 0x%x", (unsigned)value);
    if (value == SPIF_SS_LOW && s->setup != SPIF_SS_LOW)
        flash_select(s->flash);
    if (value != SPIF_SS_LOW && s->setup == SPIF_SS_LOW)
        flash_deselect(s->flash, now);
    s->setup = value;
}

void spif_write(struct spif *s, uint64_t now, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case SPIF_TX_DATA:
        s->tx = value;
        break;
    case SPIF_CLK_CTRL:
        s->clk_ctrl = value;
        if ((value & SPIF_START) != 0 && !s->is_busy)
            transfer(s, now);
        break;
    case SPIF_SETUP:
        setup_write(s, now, value);
        break;
    case SPIF_STATUS:
        if ((value & SPIF_INT) != 0)
            s->is_done = false;
        break;
    default:
        emu_fault("write of SPIF register 0x%02x", (unsigned)offset);
    }
}

uint64_t spif_next_event(const struct spif *s)
{
    return s->is_busy ? s->done_at : UINT64_MAX;
}

void spif_advance(struct spif *s, uint64_t now)
{
    if (s->is_busy && s->done_at <= now) {
        s->is_busy = false;
        s->is_done = true;
    }
}
