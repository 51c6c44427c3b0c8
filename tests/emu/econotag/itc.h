/*
 * The interrupt controller of the MC13224V: which of the devices' lines reach the core, and as what.
 *
 * Owns the registers at 0x80020000. NIMASK is kept and masks nothing.
 */
#ifndef EMU_ITC_H
#define EMU_ITC_H

#include <stdbool.h>
#include <stdint.h>

enum itc_source {
    ITC_ASM = 0,
    ITC_UART1 = 1,
    ITC_CRM = 3,
    ITC_TMR = 5,
    ITC_SPIF = 6,
    ITC_ADC = 9,
    ITC_SOURCES = 11
};

enum itc_register {
    ITC_INTCNTL = 0x00,
    ITC_NIMASK = 0x04,
    ITC_INTENNUM = 0x08,
    ITC_INTDISNUM = 0x0C,
    ITC_INTENABLE = 0x10,
    ITC_INTTYPE = 0x14, /* a bit a source: 0 normal (IRQ), 1 fast (FIQ) */
    ITC_NIVECTOR = 0x28,
    ITC_FIVECTOR = 0x2C,
    ITC_INTSRC = 0x30,
    ITC_INTFRC = 0x34,
    ITC_NIPEND = 0x38,
    ITC_FIPEND = 0x3C,
};

enum itc_intcntl_bit { ITC_FIAD = 1 << 19, ITC_NIAD = 1 << 20 }; /* 1: no fast, no normal interrupt */

struct itc {
    uint32_t lines; /* a bit a source, as the devices hold them */
    uint32_t control, mask, enable, type, force;
};

void itc_reset(struct itc *i);
void itc_set_line(struct itc *i, enum itc_source source, bool active);
uint32_t itc_read(const struct itc *i, uint32_t offset);
void itc_write(struct itc *i, uint32_t offset, uint32_t value);
bool itc_irq(const struct itc *i);
bool itc_fiq(const struct itc *i);

#endif
