#include "memory.h"

#include <string.h>

enum { MIRROR_DISTANCE = MEMORY_RAM - MEMORY_MIRROR };

static void set_pages(struct memory *memory, int from, int end, enum memory_page page)
{
    memset(memory->pages + from / MEMORY_PAGE_LEN, (int)page, (size_t)(end - from) / MEMORY_PAGE_LEN);
}

void memory_init(struct memory *memory, struct stop *stop, const struct memory_io *io)
{
    memset(memory, 0, sizeof *memory);
    memory->stop = stop;
    memory->io = *io;
    set_pages(memory, 0, MEMORY_IO_END, MEMORY_IO_PAGE);
    set_pages(memory, MEMORY_MIRROR, MEMORY_MIRROR_END, MEMORY_MIRROR_PAGE);
    set_pages(memory, MEMORY_RAM, MEMORY_RAM_END, MEMORY_RAM_PAGE);
    memory_set_flash_busy(memory, false);
    memset(memory->bytes + MEMORY_INFO, 0xFF, MEMORY_INFO_LEN);
    memset(memory->bytes + MEMORY_MAIN, 0xFF, MEMORY_LEN - MEMORY_MAIN);
}

uint8_t *memory_place(void *memory, uint32_t address, size_t len)
{
    struct memory *m = memory;

    if (address >= MEMORY_LEN || len > MEMORY_LEN - address)
        return NULL;
    for (size_t at = address; at < address + len; at++)
        if (m->pages[at / MEMORY_PAGE_LEN] < MEMORY_FLASH_PAGE)
            return NULL;
    return m->bytes + address;
}

void memory_set_flash_busy(struct memory *memory, bool is_busy)
{
    enum memory_page page = is_busy ? MEMORY_BUSY_PAGE : MEMORY_FLASH_PAGE;

    set_pages(memory, MEMORY_INFO, MEMORY_INFO + MEMORY_INFO_LEN, page);
    set_pages(memory, MEMORY_MAIN, MEMORY_LEN, page);
}

static bool is_allowed(struct memory *memory, uint16_t address, bool is_byte, const char *what)
{
    if (!is_byte && (address & 1) != 0)
        stop_ask(memory->stop, STOP_FAULT, "%s of a word at the odd address 0x%04x", what, address);
    else if (memory->pages[address >> 8] == MEMORY_NO_PAGE)
        stop_ask(memory->stop, STOP_FAULT, "%s at the unmapped address 0x%04x", what, address);
    else
        return true;
    return false;
}

uint16_t memory_read_other(struct memory *memory, uint16_t address, bool is_byte)
{
    if (!is_allowed(memory, address, is_byte, "read"))
        return 0;
    switch (memory->pages[address >> 8]) {
    case MEMORY_IO_PAGE:
        return memory->io.read(memory->io.owner, address, is_byte);
    case MEMORY_BUSY_PAGE:
        return memory->io.read_busy(memory->io.owner);
    default:
        address = (uint16_t)(address + MIRROR_DISTANCE);
        return is_byte ? memory->bytes[address] : memory_plain_word(memory, address);
    }
}

void memory_write_other(struct memory *memory, uint16_t address, uint16_t value, bool is_byte)
{
    if (!is_allowed(memory, address, is_byte, "write"))
        return;
    switch (memory->pages[address >> 8]) {
    case MEMORY_IO_PAGE:
        memory->io.write(memory->io.owner, address, value, is_byte);
        break;
    case MEMORY_BUSY_PAGE:
    case MEMORY_FLASH_PAGE:
        memory->io.write_flash(memory->io.owner, address, value, is_byte);
        break;
    default:
        memory->bytes[address + MIRROR_DISTANCE] = (uint8_t)value;
        if (!is_byte)
            memory->bytes[address + MIRROR_DISTANCE + 1] = (uint8_t)(value >> 8);
    }
}

uint16_t memory_fetch_other(struct memory *memory, uint16_t address)
{
    switch (memory->pages[address >> 8]) {
    case MEMORY_BUSY_PAGE:
    case MEMORY_MIRROR_PAGE:
        return memory_read_other(memory, address, false);
    default:
        stop_ask(memory->stop, STOP_FAULT, "no program at 0x%04x", address);
        return 0;
    }
}
