/*
 * The special function registers (SLAU049 2.2.4): interrupt enables and flags of the modules that have none
 * of their own, and the line on which a module asks for a reset. Plain data; the modules set and clear their
 * bits.
 */
#ifndef EMU_SFR_H
#define EMU_SFR_H

#include <stdint.h>

/* The registers stand at the addresses 0 to 5, in this order; 1 belongs to USART0, 2 to USART1. */
enum sfr_register { SFR_IE1, SFR_IE2, SFR_IFG1, SFR_IFG2, SFR_ME1, SFR_ME2, SFR_REGISTERS };

enum sfr_bit { SFR_WDT = 0x01, SFR_OF = 0x02, SFR_NMI = 0x10, SFR_ACCV = 0x20 };

enum reset_cause {
    RESET_NONE,
    RESET_POWER_ON,
    RESET_WATCHDOG,
    RESET_WATCHDOG_KEY,
    RESET_FLASH_KEY,
    RESET_CAUSES,
};

struct sfr {
    uint8_t r[SFR_REGISTERS];
    enum reset_cause reset; /* asked for by a module, served by the machine */
};

#endif
