#include "flash.h"

#include "power.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ERASED = 0xFF, MAKER_SST = 0xBF, DEVICE_1_MBIT = 0x02, ADDRESS_BYTES = 3 };

void flash_init(struct flash *f, uint64_t seed)
{
    *f = (struct flash){.fd = -1, .seed = seed, .status = FLASH_PROTECTED};
    memset(f->bytes, ERASED, sizeof f->bytes);
}

bool flash_open(struct flash *f, const char *path)
{
    f->fd = power_open_flash(path, f->bytes, sizeof f->bytes);
    return f->fd >= 0;
}

void flash_reset(struct flash *f)
{
    f->status = FLASH_PROTECTED;
    f->may_write_status = false;
    f->ready_at = 0;
    f->is_selected = false;
}

/* Changes the array and the file. */
static void store(struct flash *f, uint32_t address, const uint8_t *bytes, uint32_t len)
{
    memcpy(f->bytes + address, bytes, len);
    if (f->fd >= 0 && pwrite(f->fd, bytes, len, (off_t)address) != (ssize_t)len)
        perror("emu-econotag: flash file");
}

/* Begins an operation: it is the one in which the power fails, or is carried out. */
static bool is_cut_now(struct flash *f)
{
    f->is_cut = f->programs + f->erases == f->cut_at; /* and then it is the last one */
    return f->is_cut;
}

static void program(struct flash *f, uint64_t now, uint32_t address, uint8_t value)
{
    uint8_t result = f->bytes[address] & value;

    f->programs++;
    if (is_cut_now(f)) /* each bit by itself has been cleared or not */
        result = (uint8_t)(result | (f->bytes[address] & power_random(&f->seed)));
    store(f, address, &result, 1);
    f->ready_at = now + FLASH_PROGRAM_TIME;
}

static void erase(struct flash *f, uint64_t now, uint32_t address)
{
    uint8_t sector[FLASH_SECTOR];

    address &= ~(uint32_t)(FLASH_SECTOR - 1);
    memset(sector, ERASED, sizeof sector);
    f->erases++;
    if (is_cut_now(f))
        for (uint32_t i = 0; i < FLASH_SECTOR; i++)
            sector[i] = (uint8_t)(f->bytes[address + i] | power_random(&f->seed));
    store(f, address, sector, sizeof sector);
    f->ready_at = now + FLASH_ERASE_TIME;
}

static uint32_t address_of(const struct flash *f)
{
    return ((uint32_t)f->command[1] << 16 | (uint32_t)f->command[2] << 8 | f->command[3]) % FLASH_SIZE;
}

static bool is_busy(const struct flash *f, uint64_t now)
{
    return now < f->ready_at;
}

static void write_status(struct flash *f)
{
    if (f->may_write_status)
        f->status = (uint8_t)((f->status & ~FLASH_PROTECTED) | (f->command[1] & FLASH_PROTECTED));
}

static void carry_out(struct flash *f, uint64_t now)
{
    bool may_change = (f->status & FLASH_WEL) != 0 && (f->status & FLASH_PROTECTED) == 0;

    switch (f->command[0]) {
    case FLASH_WRITE_ENABLE:
        f->status |= FLASH_WEL;
        return;
    case FLASH_ENABLE_WRITE_STATUS:
        f->may_write_status = true;
        return;
    case FLASH_WRITE_STATUS:
        if (f->received >= 2)
            write_status(f);
        break;
    case FLASH_PROGRAM:
        if (may_change && f->received > 1 + ADDRESS_BYTES)
            program(f, now, address_of(f), f->command[1 + ADDRESS_BYTES]);
        break;
    case FLASH_ERASE_SECTOR:
        if (may_change && f->received >= 1 + ADDRESS_BYTES)
            erase(f, now, address_of(f));
        break;
    case FLASH_WRITE_DISABLE:
        break;
    default:
        return;
    }
    f->status &= (uint8_t)~FLASH_WEL;
    f->may_write_status = false;
}

void flash_select(struct flash *f)
{
    f->is_selected = true;
    f->received = 0;
}

static uint8_t answer(const struct flash *f, uint64_t now)
{
    uint32_t behind = f->received - (1 + ADDRESS_BYTES); /* bytes behind the address */

    if (f->received >= 1 && f->command[0] == FLASH_READ_STATUS)
        return (uint8_t)(f->status | (is_busy(f, now) ? FLASH_BUSY : 0));
    if (f->received < 1 + ADDRESS_BYTES || is_busy(f, now))
        return ERASED;
    if (f->command[0] == FLASH_READ)
        return f->bytes[(address_of(f) + behind) % FLASH_SIZE];
    if (f->command[0] == FLASH_READ_ID)
        return behind % 2 == 0 ? MAKER_SST : DEVICE_1_MBIT;
    return ERASED;
}

uint8_t flash_exchange(struct flash *f, uint64_t now, uint8_t in)
{
    uint8_t out;

    if (!f->is_selected)
        return ERASED;
    out = answer(f, now);
    if (f->received < sizeof f->command)
        f->command[f->received] = in;
    f->received++;
    return out;
}

void flash_deselect(struct flash *f, uint64_t now)
{
    if (f->is_selected && f->received > 0 && !is_busy(f, now) && !f->is_cut)
        carry_out(f, now);
    f->is_selected = false;
}
