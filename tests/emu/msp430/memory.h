/*
 * The address space of the MSP430F1611: 10 KB of RAM, whose first 2 KB appear at 0x0200 as well, main and
 * information flash, peripherals below 0x0200. The rest is unmapped: touching it is a fault, as is a word at
 * an odd address.
 *
 * Peripherals and writes to flash go to whom the machine names; memory knows neither.
 */
#ifndef EMU_MEMORY_H
#define EMU_MEMORY_H

#include "stop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MEMORY_LEN = 0x10000,
    MEMORY_PAGE_LEN = 0x100,
    MEMORY_IO_END = 0x0200,
    MEMORY_MIRROR = 0x0200, /* of the first 2 KB of RAM */
    MEMORY_MIRROR_END = 0x0A00,
    MEMORY_INFO = 0x1000,
    MEMORY_INFO_LEN = 0x100,
    MEMORY_RAM = 0x1100,
    MEMORY_RAM_END = 0x3900,
    MEMORY_MAIN = 0x4000,
    MEMORY_RESET_VECTOR = 0xFFFE,
};

/* What a page of the address space is; from MEMORY_FLASH_PAGE on it reads as plain bytes. */
enum memory_page {
    MEMORY_NO_PAGE,
    MEMORY_IO_PAGE,
    MEMORY_MIRROR_PAGE,
    MEMORY_BUSY_PAGE, /* flash while it is written from a program in RAM */
    MEMORY_FLASH_PAGE,
    MEMORY_RAM_PAGE,
};

/* Who answers for what is not plain memory. */
struct memory_io {
    void *owner;
    uint16_t (*read)(void *owner, uint16_t address, bool is_byte);
    void (*write)(void *owner, uint16_t address, uint16_t value, bool is_byte);
    void (*write_flash)(void *owner, uint16_t address, uint16_t value, bool is_byte);
    uint16_t (*read_busy)(void *owner);
};

struct memory {
    uint8_t bytes[MEMORY_LEN];
    uint8_t pages[MEMORY_LEN / MEMORY_PAGE_LEN]; /* enum memory_page */
    struct stop *stop;
    struct memory_io io;
};

/* Erased flash and zeroed RAM. */
void memory_init(struct memory *memory, struct stop *stop, const struct memory_io *io);
/* The image_place_function: images go to flash and RAM. */
uint8_t *memory_place(void *memory, uint32_t address, size_t len);
/* Makes flash answer as busy, or as memory again. */
void memory_set_flash_busy(struct memory *memory, bool is_busy);

/* The accesses that are not plain; for the functions below alone. */
uint16_t memory_read_other(struct memory *memory, uint16_t address, bool is_byte);
void memory_write_other(struct memory *memory, uint16_t address, uint16_t value, bool is_byte);
uint16_t memory_fetch_other(struct memory *memory, uint16_t address);

static inline uint16_t memory_plain_word(const struct memory *memory, uint16_t address)
{
    return (uint16_t)(memory->bytes[address] | memory->bytes[address + 1] << 8);
}

static inline uint16_t memory_read_word(struct memory *memory, uint16_t address)
{
    if (memory->pages[address >> 8] >= MEMORY_FLASH_PAGE && (address & 1) == 0)
        return memory_plain_word(memory, address);
    return memory_read_other(memory, address, false);
}

static inline uint8_t memory_read_byte(struct memory *memory, uint16_t address)
{
    if (memory->pages[address >> 8] >= MEMORY_FLASH_PAGE)
        return memory->bytes[address];
    return (uint8_t)memory_read_other(memory, address, true);
}

/* An instruction's word; `address` is even. */
static inline uint16_t memory_fetch_word(struct memory *memory, uint16_t address)
{
    if (memory->pages[address >> 8] >= MEMORY_FLASH_PAGE)
        return memory_plain_word(memory, address);
    return memory_fetch_other(memory, address);
}

static inline void memory_write_word(struct memory *memory, uint16_t address, uint16_t value)
{
    if (memory->pages[address >> 8] == MEMORY_RAM_PAGE && (address & 1) == 0) {
        memory->bytes[address] = (uint8_t)value;
        memory->bytes[address + 1] = (uint8_t)(value >> 8);
    } else {
        memory_write_other(memory, address, value, false);
    }
}

static inline void memory_write_byte(struct memory *memory, uint16_t address, uint8_t value)
{
    if (memory->pages[address >> 8] == MEMORY_RAM_PAGE)
        memory->bytes[address] = value;
    else
        memory_write_other(memory, address, value, true);
}

#endif
