/*
 * The serial flash inside the MC13224V's package: 128 KB, with the commands of SST's 25 series.
 *
 * Owns the array and its file. An operation is the programming of one byte or the erasing of one sector of 4
 * KB; programming only clears bits. After power-on all is protected until the status register is written.
 * Times are typical ones of that series: 50 us and 62 ms.
 */
#ifndef EMU_FLASH_H
#define EMU_FLASH_H

#include <stdbool.h>
#include <stdint.h>

enum { FLASH_SIZE = 0x20000, FLASH_SECTOR = 0x1000, FLASH_PROGRAM_TIME = 1200, FLASH_ERASE_TIME = 1488000 };

enum flash_command {
    FLASH_WRITE_STATUS = 0x01,
    FLASH_PROGRAM = 0x02,
    FLASH_READ = 0x03,
    FLASH_WRITE_DISABLE = 0x04,
    FLASH_READ_STATUS = 0x05,
    FLASH_WRITE_ENABLE = 0x06,
    FLASH_ERASE_SECTOR = 0x20,
    FLASH_ENABLE_WRITE_STATUS = 0x50,
    FLASH_READ_ID = 0x90,
};

enum flash_status_bit { FLASH_BUSY = 1 << 0, FLASH_WEL = 1 << 1, FLASH_PROTECTED = 3 << 2 };

struct flash {
    uint8_t bytes[FLASH_SIZE];
    int fd; /* -1: no file */
    uint8_t status;
    bool may_write_status;
    uint64_t ready_at;
    bool is_selected;
    uint8_t command[5]; /* of the present selection: command, address, a byte of data */
    unsigned received;
    uint64_t programs, erases;
    uint64_t cut_at; /* the power fails half-way in this operation; 0: never */
    bool is_cut;
    uint64_t seed; /* what a cut leaves half done */
};

/* All erased, in no file. */
void flash_init(struct flash *f, uint64_t seed);
/* Loads `path`, or makes it; from then on it follows each operation. False: errno says why. */
bool flash_open(struct flash *f, const char *path);
/* Power has come back: the array alone has kept its state. */
void flash_reset(struct flash *f);

void flash_select(struct flash *f);
/* Takes eight bits from the bus and gives eight. */
uint8_t flash_exchange(struct flash *f, uint64_t now, uint8_t in);
/* The end of a command: now it is carried out. */
void flash_deselect(struct flash *f, uint64_t now);

#endif
