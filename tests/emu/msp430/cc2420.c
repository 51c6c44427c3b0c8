#include "cc2420.h"

#include "aes.h"

#include <string.h>

enum strobe { SNOP = 0x00, SXOSCON = 0x01, SXOSCOFF = 0x07, SAES = 0x0E, FIRST_REGISTER = 0x10 };
enum { SECCTRL0 = 0x19, SECCTRL1 = 0x1A, SECCTRL0_RESET = 0x03C4, SAKEYSEL = 0x80 };
enum { KEY0 = 0x100, SABUF = 0x120, KEY1 = 0x130 };
enum { STATUS_OSCILLATOR = 0x40, STATUS_BUSY = 0x10 };
enum { HEADER_RAM = 0x80, HEADER_READ = 0x40, HEADER_ADDRESS = 0x3F, RAM_READ = 0x20, MISO_IDLE = 0xFF };

#define REGULATOR_TIME (600 * CLOCK_US)
#define OSCILLATOR_TIME CLOCK_MS
#define BLOCK_TIME (14 * CLOCK_US)

static void reset(struct cc2420 *chip)
{
    chip->oscillator_ps = CLOCK_NEVER;
    chip->block_done_ps = CLOCK_NEVER;
    chip->phase = CC2420_HEADER;
    chip->secctrl[0] = SECCTRL0_RESET;
    chip->secctrl[1] = 0;
}

void cc2420_init(struct cc2420 *chip, struct stop *stop)
{
    memset(chip, 0, sizeof *chip);
    chip->stop = stop;
    reset(chip);
}

void cc2420_drive(struct cc2420 *chip, bool regulator, bool reset_n, bool cs_n, uint64_t now)
{
    if (regulator && !chip->has_power)
        chip->powered_ps = now;
    if (!regulator || !reset_n)
        reset(chip);
    if (!regulator)
        memset(chip->ram, 0, sizeof chip->ram);
    chip->has_power = regulator;
    chip->is_out_of_reset = reset_n;
    if (cs_n)
        chip->phase = CC2420_HEADER;
    chip->is_selected = !cs_n;
}

static bool is_stable(const struct cc2420 *chip, uint64_t now)
{
    return chip->oscillator_ps <= now;
}

/* The key stands in RAM with its last byte first, the block in order. */
static void finish_block(struct cc2420 *chip, uint64_t now)
{
    uint8_t key[AES_KEY_LEN];
    const uint8_t *from = chip->ram + (chip->secctrl[0] & SAKEYSEL ? KEY1 : KEY0);

    if (chip->block_done_ps > now)
        return;
    chip->block_done_ps = CLOCK_NEVER;
    for (unsigned i = 0; i < AES_KEY_LEN; i++)
        key[i] = from[AES_KEY_LEN - 1 - i];
    aes128_encrypt(key, chip->ram + SABUF);
    chip->blocks++;
}

static uint8_t status(const struct cc2420 *chip, uint64_t now)
{
    return (uint8_t)((is_stable(chip, now) ? STATUS_OSCILLATOR : 0) |
                     (chip->block_done_ps != CLOCK_NEVER ? STATUS_BUSY : 0));
}

/* A strobe of the security module is ignored while it is busy (SWRS041 21). */
static void run_strobe(struct cc2420 *chip, uint8_t strobe, uint64_t now)
{
    switch (strobe) {
    case SNOP:
        break;
    case SXOSCON:
        if (chip->oscillator_ps == CLOCK_NEVER)
            chip->oscillator_ps = now + OSCILLATOR_TIME;
        break;
    case SXOSCOFF:
        chip->oscillator_ps = CLOCK_NEVER;
        chip->block_done_ps = CLOCK_NEVER;
        break;
    case SAES:
        if (!is_stable(chip, now))
            stop_ask(chip->stop, STOP_FAULT, "CC2420: SAES without a stable oscillator");
        else if (chip->block_done_ps == CLOCK_NEVER)
            chip->block_done_ps = now + BLOCK_TIME;
        break;
    default:
        stop_ask(chip->stop, STOP_FAULT, "CC2420: strobe 0x%02x is not modelled", strobe);
    }
}

static void take_header(struct cc2420 *chip, uint8_t byte, uint64_t now)
{
    uint8_t address = byte & HEADER_ADDRESS;

    if (byte & HEADER_RAM) {
        chip->address = byte & 0x7F;
        chip->phase = CC2420_RAM_HEADER;
        return;
    }
    if (address < FIRST_REGISTER) {
        run_strobe(chip, address, now);
        return;
    }
    if (address != SECCTRL0 && address != SECCTRL1)
        stop_ask(chip->stop, STOP_FAULT, "CC2420: register 0x%02x is not modelled", address);
    chip->address = address == SECCTRL1;
    chip->is_read = (byte & HEADER_READ) != 0;
    chip->phase = CC2420_REGISTER_HIGH;
}

static void take_ram_header(struct cc2420 *chip, uint8_t byte, uint64_t now)
{
    chip->address |= (uint16_t)((byte & 0xC0) << 1);
    chip->is_read = (byte & RAM_READ) != 0;
    chip->phase = CC2420_RAM;
    if (!is_stable(chip, now))
        stop_ask(chip->stop, STOP_FAULT, "CC2420: RAM is used without a stable oscillator");
}

/* A write gives back what stood there before (SWRS041 13.5). */
static uint8_t use_ram(struct cc2420 *chip, uint8_t byte)
{
    uint8_t before;

    if (chip->address >= CC2420_RAM_LEN) {
        stop_ask(chip->stop, STOP_FAULT, "CC2420: no RAM at 0x%03x", chip->address);
        return MISO_IDLE;
    }
    before = chip->ram[chip->address];
    if (!chip->is_read)
        chip->ram[chip->address] = byte;
    chip->address++;
    return before;
}

static uint8_t use_register(struct cc2420 *chip, uint8_t byte)
{
    uint16_t *value = &chip->secctrl[chip->address];
    unsigned shift = chip->phase == CC2420_REGISTER_HIGH ? 8 : 0;
    uint8_t before = (uint8_t)(*value >> shift);

    if (!chip->is_read)
        *value = (uint16_t)((*value & ~(0xFF << shift)) | byte << shift);
    chip->phase = chip->phase == CC2420_REGISTER_HIGH ? CC2420_REGISTER_LOW : CC2420_HEADER;
    return before;
}

uint8_t cc2420_exchange(struct cc2420 *chip, uint8_t byte, uint64_t now)
{
    uint8_t answer;

    if (!chip->is_selected || !chip->has_power || now - chip->powered_ps < REGULATOR_TIME ||
        !chip->is_out_of_reset)
        return MISO_IDLE;
    finish_block(chip, now);
    answer = status(chip, now);
    switch (chip->phase) {
    case CC2420_HEADER:
        take_header(chip, byte, now);
        return answer;
    case CC2420_RAM_HEADER:
        take_ram_header(chip, byte, now);
        return answer;
    case CC2420_RAM:
        return use_ram(chip, byte);
    default:
        return use_register(chip, byte);
    }
}
