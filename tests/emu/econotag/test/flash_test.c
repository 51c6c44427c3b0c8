#include "machine_world.h"

#include "unit/temporary.h"

enum { ADDRESS = 0x1C010 };

static uint32_t transfer(struct world *w, uint32_t data, unsigned out, unsigned in)
{
    wr(w, SPIF_BASE, SPIF_TX_DATA, data);
    wr(w, SPIF_BASE, SPIF_CLK_CTRL, (out + in - 1) << SPIF_SCK_SHIFT | SPIF_START | out);
    assert_int_equal(rd(w, SPIF_BASE, SPIF_STATUS) & SPIF_INT, 0);
    pass(w, 2 * (out + in));
    assert_int_equal(rd(w, SPIF_BASE, SPIF_STATUS) & SPIF_INT, SPIF_INT);
    return rd(w, SPIF_BASE, SPIF_RX_DATA);
}

/* One transfer, selected by itself. */
static uint32_t command(struct world *w, uint32_t code, unsigned out, unsigned in)
{
    wr(w, SPIF_BASE, SPIF_SETUP, SPIF_SS_AUTO);
    return transfer(w, code, out, in);
}

static void power_on(struct world *w)
{
    wr(w, CRM_BASE, CRM_VREG_CNTL, 0xFF8);
    pass(w, CRM_VREG_START_TIME);
}

static void unprotect(struct world *w)
{
    command(w, 0x50000000, 8, 0);
    command(w, 0x01000000, 16, 0);
}

static uint8_t status(struct world *w)
{
    return (uint8_t)command(w, 0x05000000, 8, 8);
}

static void program(struct world *w, uint32_t address, uint8_t value)
{
    command(w, 0x06000000, 8, 0);
    wr(w, SPIF_BASE, SPIF_SETUP, SPIF_SS_LOW);
    transfer(w, 0x02000000 | address, 32, 0);
    transfer(w, (uint32_t)value << 24, 8, 0);
    wr(w, SPIF_BASE, SPIF_SETUP, SPIF_SS_HIGH);
}

static void erase(struct world *w, uint32_t address)
{
    command(w, 0x06000000, 8, 0);
    command(w, 0x20000000 | address, 32, 0);
}

static uint32_t word(struct world *w, uint32_t address)
{
    uint32_t value;

    wr(w, SPIF_BASE, SPIF_SETUP, SPIF_SS_LOW);
    transfer(w, 0x03000000 | address, 32, 0);
    value = transfer(w, 0, 0, 32);
    wr(w, SPIF_BASE, SPIF_SETUP, SPIF_SS_HIGH);
    return value;
}

static void no_answer_without_power(void **state)
{
    struct world *w = *state;

    assert_int_equal(command(w, 0x90000000, 32, 8) & 0xFF, 0xFF);
    power_on(w);
    assert_int_equal(command(w, 0x90000000, 32, 8) & 0xFF, 0xBF); /* SST */
}

static void programming_clears_bits_and_erasing_sets_a_sector(void **state)
{
    struct world *w = *state;

    power_on(w);
    unprotect(w);
    assert_int_equal(word(w, ADDRESS), 0xFFFFFFFF);
    program(w, ADDRESS + 1, 0x5A);
    pass(w, FLASH_PROGRAM_TIME);
    assert_int_equal(word(w, ADDRESS), 0xFF5AFFFF);
    program(w, ADDRESS + 1, 0xF0);
    pass(w, FLASH_PROGRAM_TIME);
    assert_int_equal(word(w, ADDRESS), 0xFF50FFFF);
    program(w, ADDRESS + FLASH_SECTOR, 0);
    pass(w, FLASH_PROGRAM_TIME);
    erase(w, ADDRESS);
    pass(w, FLASH_ERASE_TIME);
    assert_int_equal(word(w, ADDRESS), 0xFFFFFFFF);
    assert_int_equal(word(w, ADDRESS + FLASH_SECTOR), 0x00FFFFFF);
    assert_int_equal(w->m.flash.programs, 3);
    assert_int_equal(w->m.flash.erases, 1);
}

static void all_is_protected_after_power_on(void **state)
{
    struct world *w = *state;

    power_on(w);
    assert_int_equal(status(w) & FLASH_PROTECTED, FLASH_PROTECTED);
    program(w, ADDRESS, 0);
    assert_int_equal(word(w, ADDRESS), 0xFFFFFFFF);
    command(w, 0x01000000, 16, 0); /* without leave */
    assert_int_equal(status(w) & FLASH_PROTECTED, FLASH_PROTECTED);
    unprotect(w);
    assert_int_equal(status(w) & FLASH_PROTECTED, 0);
}

static void each_operation_wants_leave(void **state)
{
    struct world *w = *state;

    power_on(w);
    unprotect(w);
    command(w, 0x20000000 | ADDRESS, 32, 0);
    assert_int_equal(w->m.flash.erases, 0);
    command(w, 0x06000000, 8, 0);
    assert_int_equal(status(w) & FLASH_WEL, FLASH_WEL);
    command(w, 0x04000000, 8, 0);
    assert_int_equal(status(w) & FLASH_WEL, 0);
}

static void busy_until_it_is_done(void **state)
{
    struct world *w = *state;

    power_on(w);
    unprotect(w);
    program(w, ADDRESS, 0x12);
    assert_int_equal(status(w) & FLASH_BUSY, FLASH_BUSY);
    assert_int_equal(word(w, ADDRESS), 0xFFFFFFFF); /* does not listen */
    program(w, ADDRESS, 0);
    pass(w, FLASH_PROGRAM_TIME);
    assert_int_equal(status(w) & FLASH_BUSY, 0);
    assert_int_equal(word(w, ADDRESS), 0x12FFFFFF);
}

static void a_power_cut_leaves_something_between(void **state)
{
    struct world *w = *state;
    unsigned whole = 0, none = 0, part = 0;

    power_on(w);
    unprotect(w);
    for (uint32_t i = 0; i < 200; i++) {
        w->m.flash.cut_at = i + 1;
        program(w, ADDRESS + i, 0);
        assert_true(w->m.flash.is_cut);
        pass(w, FLASH_PROGRAM_TIME);
        w->m.flash.is_cut = false;
        uint8_t is = w->m.flash.bytes[ADDRESS + i];
        whole += is == 0;
        none += is == 0xFF;
        part += is != 0 && is != 0xFF;
    }
    assert_true(part > 100 && whole < 50 && none < 50);
}

static void nothing_happens_after_a_power_cut(void **state)
{
    struct world *w = *state;

    power_on(w);
    unprotect(w);
    w->m.flash.cut_at = 1;
    program(w, ADDRESS, 0);
    pass(w, FLASH_PROGRAM_TIME);
    program(w, ADDRESS + 1, 0);
    assert_int_equal(w->m.flash.bytes[ADDRESS + 1], 0xFF);
    assert_true(w->m.flash.is_cut);
}

static void a_file_follows_each_operation(void **state)
{
    struct world *w = *state;
    static struct flash other;
    struct temporary t;
    const char *path;

    temporary_open(&t);
    path = temporary_file(&t, "flash");
    assert_true(flash_open(&w->m.flash, path));
    power_on(w);
    unprotect(w);
    program(w, ADDRESS, 0x77);
    flash_init(&other, 1);
    assert_true(flash_open(&other, path));
    assert_int_equal(other.bytes[ADDRESS], 0x77);
    assert_int_equal(other.bytes[ADDRESS + 1], 0xFF);
    close(other.fd);
    close(w->m.flash.fd);
    temporary_close(&t);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup(no_answer_without_power, world_start),
        cmocka_unit_test_setup(programming_clears_bits_and_erasing_sets_a_sector, world_start),
        cmocka_unit_test_setup(all_is_protected_after_power_on, world_start),
        cmocka_unit_test_setup(each_operation_wants_leave, world_start),
        cmocka_unit_test_setup(busy_until_it_is_done, world_start),
        cmocka_unit_test_setup(a_power_cut_leaves_something_between, world_start),
        cmocka_unit_test_setup(nothing_happens_after_a_power_cut, world_start),
        cmocka_unit_test_setup(a_file_follows_each_operation, world_start),
    };

    return cmocka_run_group_tests_name("flash", TESTS, NULL, NULL);
}
