/*
 * The pages of bare.h: two sectors of the serial flash inside the chip, between the image's and those that
 * the maker has filled.
 *
 * Through the registers of its SPI alone; the mask ROM has functions for it, but they want 1.7 KB of RAM.
 */
#include "bare.h"
#include "mc13224v.h"

enum { FIRST_SECTOR = 28, SECTOR_SHIFT = 12 };

/* SST's 25 series. */
enum command {
    WRITE_STATUS = 0x01,
    PROGRAM_BYTE = 0x02,
    READ = 0x03,
    READ_STATUS = 0x05,
    WRITE_ENABLE = 0x06,
    ERASE_SECTOR = 0x20,
    ENABLE_WRITE_STATUS = 0x50,
};

enum { STATUS_BUSY = 1 << 0, STATUS_ALL_PROTECTED = 3 << 2 };

/* Sends the `out` upper bits of `data` while `out + in` are clocked; what came last is returned. */
static uint32_t transfer(uint32_t data, uint32_t out, uint32_t in)
{
    MC_SPIF->tx_data = data;
    MC_SPIF->clk_ctrl = (out + in - 1) << MC_SPIF_SCK_SHIFT | MC_SPIF_START | out;
    while ((MC_SPIF->status & MC_SPIF_INT) == 0)
        ;
    return MC_SPIF->rx_data;
}

/* A command that is all in one transfer. */
static uint32_t command(uint32_t data, uint32_t out, uint32_t in)
{
    MC_SPIF->setup = MC_SPIF_SELECT;
    uint32_t result = transfer(data, out, in);
    MC_SPIF->setup = MC_SPIF_DESELECT;
    return result;
}

static uint32_t page_address(uint8_t page)
{
    return (uint32_t)(FIRST_SECTOR + page) << SECTOR_SHIFT;
}

static void protect(uint8_t status)
{
    command((uint32_t)ENABLE_WRITE_STATUS << 24, 8, 0);
    command((uint32_t)WRITE_STATUS << 24 | (uint32_t)status << 16, 16, 0);
}

static void operation_begin(void)
{
    protect(0);
    command((uint32_t)WRITE_ENABLE << 24, 8, 0);
}

static void operation_end(void)
{
    while ((command((uint32_t)READ_STATUS << 24, 8, 8) & STATUS_BUSY) != 0)
        ;
    protect(STATUS_ALL_PROTECTED);
}

static void byte_program(uint32_t address, uint8_t value)
{
    operation_begin();
    MC_SPIF->setup = MC_SPIF_SELECT;
    transfer((uint32_t)PROGRAM_BYTE << 24 | address, 32, 0);
    transfer((uint32_t)value << 24, 8, 0);
    MC_SPIF->setup = MC_SPIF_DESELECT;
    operation_end();
}

uint32_t bare_page_word(uint8_t page, uint8_t word)
{
    MC_SPIF->setup = MC_SPIF_SELECT;
    transfer((uint32_t)READ << 24 | (page_address(page) + 4u * word), 32, 0);
    uint32_t value = transfer(0, 0, 32);
    MC_SPIF->setup = MC_SPIF_DESELECT;
    return value;
}

void bare_page_write(uint8_t page, uint8_t word, uint32_t value)
{
    uint32_t address = page_address(page) + 4u * word;

    for (uint32_t left = value, i = 0; i < 4; i++, left <<= 8)
        byte_program(address + i, (uint8_t)(left >> 24));
}

void bare_page_erase(uint8_t page)
{
    operation_begin();
    command((uint32_t)ERASE_SECTOR << 24 | page_address(page), 32, 0);
    operation_end();
}
