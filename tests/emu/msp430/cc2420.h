/*
 * The CC2420 as far as a program needs it for AES (data sheet SWRS041, 13, 21): regulator, reset, crystal
 * oscillator, status byte, the security registers, RAM, and stand-alone encryption (SAES). The radio is not
 * modelled: asking for it is a fault.
 *
 * Times are the data sheet's: regulator 0.6 ms, oscillator 1 ms, one block 14 us.
 */
#ifndef EMU_CC2420_H
#define EMU_CC2420_H

#include "clock.h"

enum { CC2420_RAM_LEN = 0x170 };

/* What the next byte on the SPI bus is. */
enum cc2420_phase { CC2420_HEADER, CC2420_RAM_HEADER, CC2420_RAM, CC2420_REGISTER_HIGH, CC2420_REGISTER_LOW };

struct cc2420 {
    bool has_power, is_out_of_reset, is_selected;
    uint64_t powered_ps;
    uint64_t oscillator_ps; /* when the oscillator is stable, CLOCK_NEVER while it is off */
    uint64_t block_done_ps; /* when the block in SABUF is encrypted, CLOCK_NEVER if none is */
    enum cc2420_phase phase;
    bool is_read;
    uint16_t address;
    uint16_t secctrl[2];
    uint8_t ram[CC2420_RAM_LEN];
    uint64_t blocks; /* encrypted */
    struct stop *stop;
};

void cc2420_init(struct cc2420 *chip, struct stop *stop);
/* The levels on the chip's control pins. */
void cc2420_drive(struct cc2420 *chip, bool regulator, bool reset_n, bool cs_n, uint64_t now);
/* One byte in each direction over SPI. */
uint8_t cc2420_exchange(struct cc2420 *chip, uint8_t byte, uint64_t now);

#endif
