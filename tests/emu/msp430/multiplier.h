/*
 * The hardware multiplier (SLAU049 7): 16 x 16 bits, unsigned and signed, with and without accumulation.
 * Writing the second operand multiplies; the result is there at once.
 */
#ifndef EMU_MULTIPLIER_H
#define EMU_MULTIPLIER_H

#include <stdint.h>

enum multiplier_address {
    MULTIPLIER_MPY = 0x130,
    MULTIPLIER_MPYS = 0x132,
    MULTIPLIER_MAC = 0x134,
    MULTIPLIER_MACS = 0x136,
    MULTIPLIER_OP2 = 0x138,
    MULTIPLIER_RESLO = 0x13A,
    MULTIPLIER_RESHI = 0x13C,
    MULTIPLIER_SUMEXT = 0x13E,
};

struct multiplier {
    uint16_t mode; /* the address that the first operand was written to */
    uint16_t first, second, sum_extension;
    uint32_t result;
};

uint16_t multiplier_read(const struct multiplier *m, uint16_t address);
void multiplier_write(struct multiplier *m, uint16_t address, uint16_t value);

#endif
