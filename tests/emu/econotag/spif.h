/*
 * The SPI controller of the MC13224V that the flash hangs on.
 *
 * Owns the registers at 0x8000C000. Moves whole bytes, most significant first; slow by nothing but two clock
 * cycles a bit, a model figure.
 */
#ifndef EMU_SPIF_H
#define EMU_SPIF_H

#include "flash.h"

enum spif_register {
    SPIF_TX_DATA = 0x00,
    SPIF_RX_DATA = 0x04,
    SPIF_CLK_CTRL = 0x08,
    SPIF_SETUP = 0x0C,
    SPIF_STATUS = 0x10
};

enum { SPIF_START = 1 << 7, SPIF_LENGTH_MASK = 0x7F, SPIF_SCK_SHIFT = 8, SPIF_INT = 1 << 0 };
/* How the flash is selected. */
enum spif_setup { SPIF_SS_AUTO = 1, SPIF_SS_LOW = 2, SPIF_SS_HIGH = 3 };

struct spif {
    struct flash *flash;
    bool has_power; /* of the flash */
    uint32_t tx, rx, clk_ctrl, setup;
    bool is_busy, is_done;
    uint64_t done_at;
};

void spif_reset(struct spif *s);
uint32_t spif_read(const struct spif *s, uint32_t offset);
void spif_write(struct spif *s, uint64_t now, uint32_t offset, uint32_t value);
uint64_t spif_next_event(const struct spif *s);
void spif_advance(struct spif *s, uint64_t now);

#endif
