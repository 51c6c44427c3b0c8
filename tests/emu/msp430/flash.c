#include "flash.h"

#include "power.h"

#include <unistd.h>

enum { KEY = 0xA5, KEY_READ = 0x96, BUSY_WORD = 0x3FFF };
enum { BLKWRT = 0x80, WRT = 0x40, MERAS = 0x04, ERASE = 0x02 };
enum { EMEX = 0x20, LOCK = 0x10, WAIT = 0x08, ACCVIFG = 0x04, KEYV = 0x02, BUSY = 0x01 };
enum { CTL2_RESET = 0x42, CTL3_RESET = LOCK | WAIT };
/* Clocks of the timing generator (SLAU049 5.3). */
enum { WRITE_CLOCKS = 35, ERASE_CLOCKS = 4819, GENERATOR_HZ_MIN = 257000, GENERATOR_HZ_MAX = 476000 };

void flash_init(struct flash *flash, struct memory *memory, const struct clock *clock, struct sfr *sfr,
                struct stop *stop)
{
    *flash = (struct flash){
        .done_ps = CLOCK_NEVER, .fd = -1, .memory = memory, .clock = clock, .sfr = sfr, .stop = stop};
    flash_reset(flash);
}

static void save(const struct flash *flash, uint16_t address, size_t len)
{
    if (flash->fd < 0 || address < MEMORY_INFO || address >= MEMORY_INFO + MEMORY_INFO_LEN)
        return;
    if (pwrite(flash->fd, flash->memory->bytes + address, len, address - MEMORY_INFO) != (ssize_t)len)
        stop_ask(flash->stop, STOP_FAULT, "the file of information flash cannot be written");
}

bool flash_open(struct flash *flash, const char *path)
{
    flash->fd = power_open_flash(path, flash->memory->bytes + MEMORY_INFO, MEMORY_INFO_LEN);
    return flash->fd >= 0;
}

void flash_set_cut(struct flash *flash, uint64_t number, uint64_t seed)
{
    flash->cut_at = flash->writes + flash->erases + number;
    flash->random = seed;
}

void flash_reset(struct flash *flash)
{
    flash->ctl1 = 0;
    flash->ctl2 = CTL2_RESET;
    flash->ctl3 = (uint8_t)(CTL3_RESET | (flash->ctl3 & KEYV));
    flash->done_ps = CLOCK_NEVER;
    memory_set_flash_busy(flash->memory, false);
}

static bool is_busy(const struct flash *flash)
{
    return flash->done_ps != CLOCK_NEVER;
}

uint16_t flash_read(const struct flash *flash, uint16_t address)
{
    uint8_t value = flash->ctl3;

    if (address == FLASH_CTL1)
        value = flash->ctl1;
    else if (address == FLASH_CTL2)
        value = flash->ctl2;
    else if (is_busy(flash))
        value |= BUSY;
    return (uint16_t)(KEY_READ << 8 | value);
}

void flash_write_ctl(struct flash *flash, uint16_t address, uint16_t value)
{
    if (value >> 8 != KEY) {
        flash->ctl3 |= KEYV;
        flash->sfr->reset = RESET_FLASH_KEY;
        return;
    }
    if (address == FLASH_CTL3) {
        flash->ctl3 = (uint8_t)(WAIT | (value & (LOCK | ACCVIFG | KEYV)));
        if (value & EMEX)
            stop_ask(flash->stop, STOP_FAULT, "FCTL3 0x%04x: emergency exit is not modelled", value);
    } else if (is_busy(flash)) {
        flash->ctl3 |= ACCVIFG;
    } else if (address == FLASH_CTL2) {
        flash->ctl2 = (uint8_t)value;
    } else {
        flash->ctl1 = (uint8_t)(value & (WRT | ERASE));
        if (value & (BLKWRT | MERAS))
            stop_ask(flash->stop, STOP_FAULT, "FCTL1 0x%04x: mass erase and block writes are not modelled",
                     value);
    }
}

static double generator_hz(const struct flash *flash)
{
    static const enum clock_source SOURCES[4] = {CLOCK_ACLK, CLOCK_MCLK, CLOCK_SMCLK, CLOCK_SMCLK};

    return clock_hz(flash->clock, SOURCES[flash->ctl2 >> 6]) / ((flash->ctl2 & 0x3F) + 1);
}

static bool is_cut(struct flash *flash)
{
    return flash->cut_at != 0 && flash->writes + flash->erases == flash->cut_at;
}

static void stop_for_cut(struct flash *flash, const char *operation, uint16_t address)
{
    stop_ask(flash->stop, STOP_POWER_CUT, "power cut in flash operation %llu, %s at 0x%04x",
             (unsigned long long)flash->cut_at, operation, address);
}

static void program(struct flash *flash, uint16_t address, uint16_t value, bool is_byte)
{
    uint8_t *bytes = flash->memory->bytes + address;
    uint16_t kept = 0;

    flash->writes++;
    if (is_cut(flash)) {
        kept = (uint16_t)power_random(&flash->random);
        stop_for_cut(flash, "write", address);
    }
    value |= kept;
    bytes[0] &= (uint8_t)value;
    if (!is_byte)
        bytes[1] &= (uint8_t)(value >> 8);
    save(flash, address, is_byte ? 1 : 2);
}

static void erase(struct flash *flash, uint16_t address)
{
    uint16_t len = address < MEMORY_MAIN ? FLASH_INFO_SEGMENT : FLASH_MAIN_SEGMENT;
    uint16_t first = (uint16_t)(address & ~(len - 1));
    bool half;

    flash->erases++;
    half = is_cut(flash);
    if (half)
        stop_for_cut(flash, "erase", first);
    for (unsigned i = 0; i < len; i += 2)
        if (!half || power_random(&flash->random) & 1)
            flash->memory->bytes[first + i] = flash->memory->bytes[first + i + 1] = 0xFF;
    save(flash, first, len);
}

uint64_t flash_write(struct flash *flash, uint16_t address, uint16_t value, bool is_byte, bool runs_in_flash,
                     uint64_t now)
{
    double hz = generator_hz(flash);
    unsigned clocks = flash->ctl1 & ERASE ? ERASE_CLOCKS : WRITE_CLOCKS;

    if (is_busy(flash)) {
        flash->ctl3 |= ACCVIFG;
        return now;
    }
    if ((flash->ctl3 & LOCK) != 0 || (flash->ctl1 & (ERASE | WRT)) == 0) {
        flash->refused++;
        return now;
    }
    if (hz < (double)GENERATOR_HZ_MIN || hz > (double)GENERATOR_HZ_MAX) {
        stop_ask(flash->stop, STOP_FAULT, "flash timing generator at %.0f Hz, allowed are %d to %d", hz,
                 GENERATOR_HZ_MIN, GENERATOR_HZ_MAX);
        return now;
    }
    if (flash->ctl1 & ERASE)
        erase(flash, address);
    else
        program(flash, address, value, is_byte);
    flash->done_ps = now + (uint64_t)(clocks / hz * (double)CLOCK_SECOND);
    if (!runs_in_flash)
        memory_set_flash_busy(flash->memory, true);
    return flash->done_ps;
}

uint16_t flash_read_busy(struct flash *flash)
{
    flash->ctl3 |= ACCVIFG;
    return BUSY_WORD;
}

uint64_t flash_due(const struct flash *flash)
{
    return flash->done_ps;
}

/* ERASE clears itself, WRT stays. */
void flash_run(struct flash *flash)
{
    flash->done_ps = CLOCK_NEVER;
    flash->ctl1 &= (uint8_t)~ERASE;
    memory_set_flash_busy(flash->memory, false);
}
