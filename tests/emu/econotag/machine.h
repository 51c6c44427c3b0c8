/*
 * The MC13224V around its core: the devices at their addresses, and the clock that they share.
 *
 * Knows nothing of the core but whether its clock stands; runs nothing by itself. `now` counts the 24 MHz
 * clock since power-on and is moved by machine_advance alone.
 */
#ifndef EMU_MACHINE_H
#define EMU_MACHINE_H

#include "adc.h"
#include "asm_unit.h"
#include "crm.h"
#include "gpio.h"
#include "itc.h"
#include "spif.h"
#include "tmr.h"
#include "uart.h"

enum { MACHINE_CLOCK_HZ = 24000000 };
#define MACHINE_DEVICES_BASE 0x80000000u
#define MACHINE_DEVICES_SIZE 0x10000u
#define MACHINE_ITC_BASE 0x80020000u
#define MACHINE_ITC_SIZE 0x1000u

struct machine {
    uint64_t now;
    struct uart uart;
    struct asm_unit asm_unit;
    struct itc itc;
    struct timers timers;
    struct crm crm;
    struct gpio gpio;
    struct adc adc;
    struct flash flash;
    struct spif spif;
    uint64_t resets[CRM_RESET_SOFTWARE + 1]; /* by enum crm_reset */
};

/* Power-on. `send` gets what UART1 sends. */
void machine_init(struct machine *m, uint64_t seed, void (*send)(void *context, uint8_t byte), void *context);
/* The reset that crm.wanted asks for; the core starts anew. */
void machine_reset(struct machine *m);

/* `size`: 2 or 4 bytes; a device takes the one that its registers have. */
uint32_t machine_read(struct machine *m, uint32_t address, unsigned size);
void machine_write(struct machine *m, uint32_t address, unsigned size, uint32_t value);

/* When something happens by itself next. */
uint64_t machine_next_event(const struct machine *m);
/* Lets time pass, and everything that falls into it happen in order. */
void machine_advance(struct machine *m, uint64_t now);

#endif
