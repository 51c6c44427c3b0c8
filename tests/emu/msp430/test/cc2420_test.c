#include "cc2420.h"

#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum {
    SNOP = 0x00,
    SXOSCON = 0x01,
    SRXON = 0x03,
    SAES = 0x0E,
    SECCTRL0 = 0x19,
    READ = 0x40,
    BUSY = 0x10,
    STABLE = 0x40
};
enum { KEY0 = 0x100, SABUF = 0x120, KEY1 = 0x130 };

/* FIPS 197, appendix B. */
static const uint8_t KEY[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                                0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
static const uint8_t PLAIN[16] = {0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d,
                                  0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07, 0x34};
static const uint8_t CIPHER[16] = {0x39, 0x25, 0x84, 0x1d, 0x02, 0xdc, 0x09, 0xfb,
                                   0xdc, 0x11, 0x85, 0x97, 0x19, 0x6a, 0x0b, 0x32};

static struct stop stop;
static struct cc2420 chip;
static uint64_t now;

static void select_chip(bool is_selected)
{
    cc2420_drive(&chip, true, true, !is_selected, now);
}

static uint8_t strobe(uint8_t command)
{
    uint8_t status;

    select_chip(true);
    status = cc2420_exchange(&chip, command, now);
    select_chip(false);
    return status;
}

static uint16_t use_register(uint8_t header, uint16_t value)
{
    uint16_t before;

    select_chip(true);
    cc2420_exchange(&chip, header, now);
    before = (uint16_t)(cc2420_exchange(&chip, (uint8_t)(value >> 8), now) << 8);
    before |= cc2420_exchange(&chip, (uint8_t)value, now);
    select_chip(false);
    return before;
}

static void use_ram(uint16_t address, bool is_read, const uint8_t *in, uint8_t *out, bool is_reversed)
{
    select_chip(true);
    cc2420_exchange(&chip, (uint8_t)(0x80 | (address & 0x7F)), now);
    cc2420_exchange(&chip, (uint8_t)((address >> 1 & 0xC0) | (is_read ? 0x20 : 0)), now);
    for (unsigned i = 0; i < 16; i++) {
        uint8_t byte = cc2420_exchange(&chip, in ? in[is_reversed ? 15 - i : i] : 0, now);

        if (out)
            out[i] = byte;
    }
    select_chip(false);
}

/* Power, and its oscillator stable. */
static int setup(void **state)
{
    (void)state;
    stop = (struct stop){0};
    now = CLOCK_SECOND;
    cc2420_init(&chip, &stop);
    select_chip(false);
    now += CLOCK_MS;
    strobe(SXOSCON);
    now += CLOCK_MS;
    return 0;
}

static void encrypt(uint16_t key_at, uint8_t out[16])
{
    use_ram(key_at, false, KEY, NULL, true);
    use_ram(SABUF, false, PLAIN, NULL, false);
    strobe(SAES);
    now += 14 * CLOCK_US;
    use_ram(SABUF, true, NULL, out, false);
}

static void encrypts_with_either_key(void **state)
{
    uint8_t out[16];

    (void)state;
    assert_int_equal(use_register(SECCTRL0 | READ, 0), 0x03C4); /* key 1 is chosen after a reset */
    encrypt(KEY1, out);
    assert_memory_equal(out, CIPHER, 16);
    setup(state);
    use_register(SECCTRL0, 0);
    assert_int_equal(use_register(SECCTRL0 | READ, 0), 0);
    encrypt(KEY0, out);
    assert_memory_equal(out, CIPHER, 16);
    assert_int_equal(chip.blocks, 1);
}

static void status_tells_oscillator_and_busy(void **state)
{
    (void)state;
    assert_int_equal(strobe(SNOP), STABLE);
    strobe(SAES);
    assert_int_equal(strobe(SNOP), STABLE | BUSY);
    now += 13 * CLOCK_US;
    assert_int_equal(strobe(SNOP), STABLE | BUSY);
    now += CLOCK_US;
    assert_int_equal(strobe(SNOP), STABLE);
}

static void ram_write_gives_what_was_there(void **state)
{
    uint8_t out[16];

    (void)state;
    use_ram(SABUF, false, PLAIN, NULL, false);
    use_ram(SABUF, false, KEY, out, false);
    assert_memory_equal(out, PLAIN, 16);
}

static void does_nothing_before_it_is_on(void **state)
{
    (void)state;
    cc2420_drive(&chip, false, true, true, now);
    select_chip(true);
    now += CLOCK_MS / 2;
    assert_int_equal(strobe(SXOSCON), 0xFF);
    now += CLOCK_MS;
    assert_int_equal(strobe(SXOSCON), 0);
    now += CLOCK_MS / 2;
    assert_int_equal(strobe(SNOP), 0);
    now += CLOCK_MS / 2;
    assert_int_equal(strobe(SNOP), STABLE);
    cc2420_drive(&chip, true, false, true, now); /* RESETn */
    assert_int_equal(strobe(SNOP), 0);
}

static void ram_without_oscillator_and_radio_are_faults(void **state)
{
    (void)state;
    strobe(0x07); /* SXOSCOFF */
    use_ram(SABUF, true, NULL, NULL, false);
    assert_int_equal(stop.kind, STOP_FAULT);
    setup(state);
    strobe(SRXON);
    assert_int_equal(stop.kind, STOP_FAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(encrypts_with_either_key, setup),
        cmocka_unit_test_setup(status_tells_oscillator_and_busy, setup),
        cmocka_unit_test_setup(ram_write_gives_what_was_there, setup),
        cmocka_unit_test_setup(does_nothing_before_it_is_on, setup),
        cmocka_unit_test_setup(ram_without_oscillator_and_radio_are_faults, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
