/*
 * The four timers of the MC13224V.
 *
 * Owns the registers at 0x80007000, 0x20 bytes a timer. Modelled: counting the divided 24 MHz clock upwards,
 * compare 1 with reload and preload, once or for ever, and the compare interrupt.
 */
#ifndef EMU_TMR_H
#define EMU_TMR_H

#include <stdbool.h>
#include <stdint.h>

enum { TMR_COUNT = 4, TMR_STRIDE = 0x20 };

enum tmr_register {
    TMR_COMP1 = 0x00,
    TMR_COMP2 = 0x02,
    TMR_CAPT = 0x04,
    TMR_LOAD = 0x06,
    TMR_HOLD = 0x08,
    TMR_CNTR = 0x0A,
    TMR_CTRL = 0x0C,
    TMR_SCTRL = 0x0E,
    TMR_CMPLD1 = 0x10,
    TMR_CMPLD2 = 0x12,
    TMR_CSCTRL = 0x14,
    TMR_ENBL = 0x1E, /* of the first timer alone: a bit a timer */
};

enum tmr_ctrl {
    TMR_LENGTH = 1 << 5, /* 1: from the compare value back to LOAD */
    TMR_ONCE = 1 << 6,
    TMR_SOURCE_SHIFT = 9, /* 8 + n: the clock divided by 2^n */
    TMR_MODE_SHIFT = 13,  /* 0: stopped, 1: counts rising edges */
};

enum tmr_sctrl { TMR_TOF = 1 << 13, TMR_TCFIE = 1 << 14, TMR_TCF = 1 << 15 };
enum tmr_csctrl { TMR_CL1_MASK = 3, TMR_CL1_ON_COMP1 = 1, TMR_TCF1 = 1 << 4, TMR_TCF1EN = 1 << 6 };

struct tmr {
    uint16_t comp1, comp2, load, hold, ctrl, sctrl, cmpld1, cmpld2, csctrl;
    uint16_t count;            /* at `since` */
    uint64_t since;            /* may lie ahead by one count: then the count stands until then */
    bool is_enabled, is_spent; /* spent: counted once */
};

struct timers {
    struct tmr timer[TMR_COUNT];
};

void tmr_reset(struct timers *t);
uint16_t tmr_read(const struct timers *t, uint64_t now, uint32_t offset);
void tmr_write(struct timers *t, uint64_t now, uint32_t offset, uint16_t value);
uint64_t tmr_next_event(const struct timers *t);
void tmr_advance(struct timers *t, uint64_t now);
bool tmr_interrupts(const struct timers *t);

#endif
