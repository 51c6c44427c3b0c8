/*
 * The flash controller (SLAU049 5): keys, LOCK, BUSY, segment erase (512 bytes of main flash, 128 bytes of
 * information flash), writes that only clear bits, and the time of the timing generator.
 *
 * Information flash may be kept in a file, which is written with every operation, so that killing the
 * emulator is a cut of power between two operations. A cut in the middle of one can be asked for. Mass erase
 * and block writes are not modelled, and a timing generator outside 257 to 476 kHz is a fault.
 */
#ifndef EMU_FLASH_H
#define EMU_FLASH_H

#include "clock.h"
#include "memory.h"
#include "sfr.h"

enum flash_address { FLASH_CTL1 = 0x128, FLASH_CTL2 = 0x12A, FLASH_CTL3 = 0x12C };

enum { FLASH_MAIN_SEGMENT = 512, FLASH_INFO_SEGMENT = 128 };

struct flash {
    uint8_t ctl1, ctl2, ctl3;
    uint64_t done_ps; /* CLOCK_NEVER unless busy */
    uint64_t writes, erases;
    uint64_t refused; /* writes while locked, or in no mode */
    uint64_t cut_at;  /* the operation that loses power half way; 0: none */
    uint64_t random;  /* which half */
    int fd;           /* of the file that keeps information flash, or -1 */
    struct memory *memory;
    const struct clock *clock;
    struct sfr *sfr;
    struct stop *stop;
};

void flash_init(struct flash *flash, struct memory *memory, const struct clock *clock, struct sfr *sfr,
                struct stop *stop);
/* Takes information flash from the file at `path`, or makes it. False: errno says why, or EINVAL for its
 * length. */
bool flash_open(struct flash *flash, const char *path);
/* The `number`-th operation from now on loses power; `seed` says which half of it is done. */
void flash_set_cut(struct flash *flash, uint64_t number, uint64_t seed);
void flash_reset(struct flash *flash);
uint16_t flash_read(const struct flash *flash, uint16_t address);
/* A wrong key asks for a reset. */
void flash_write_ctl(struct flash *flash, uint16_t address, uint16_t value);
/*
 * A write into flash memory. Returns when it is done: `now` if nothing was started. A program that runs in
 * flash itself stands still until then.
 */
uint64_t flash_write(struct flash *flash, uint16_t address, uint16_t value, bool is_byte, bool runs_in_flash,
                     uint64_t now);
/* What a read of busy flash gives: JMP $. */
uint16_t flash_read_busy(struct flash *flash);
uint64_t flash_due(const struct flash *flash);
/* The operation is done. */
void flash_run(struct flash *flash);

#endif
