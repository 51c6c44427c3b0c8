#include "flash.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum { KEY = 0xA500, READ_KEY = 0x9600, WRT = 0x40, ERASE = 0x02, LOCK = 0x10, WAIT = 0x08, BUSY = 0x01 };
enum { INFO_B = 0x1000, INFO_A = 0x1080, MAIN = 0x8000 };
/* The generator on MCLK by 2: 770 kHz / 2 = 385 kHz. */
enum { GENERATOR = 0x40 | 1 };

static struct stop stop;
static struct clock c;
static struct sfr sfr;
static struct memory memory;
static struct flash f;

static int setup(void **state)
{
    struct memory_io none = {0};

    (void)state;
    stop = (struct stop){0};
    sfr = (struct sfr){0};
    clock_init(&c, &stop);
    memory_init(&memory, &stop, &none);
    flash_init(&f, &memory, &c, &sfr, &stop);
    flash_write_ctl(&f, FLASH_CTL2, KEY | GENERATOR);
    return 0;
}

static void unlock(uint16_t mode)
{
    flash_write_ctl(&f, FLASH_CTL3, KEY);
    flash_write_ctl(&f, FLASH_CTL1, (uint16_t)(KEY | mode));
}

static uint64_t store(uint16_t address, uint16_t value)
{
    uint64_t done = flash_write(&f, address, value, false, true, 0);

    if (flash_due(&f) != CLOCK_NEVER)
        flash_run(&f);
    return done;
}

static void writes_clear_bits_alone(void **state)
{
    (void)state;
    unlock(WRT);
    store(INFO_A, 0xF0F0);
    assert_int_equal(memory_plain_word(&memory, INFO_A), 0xF0F0);
    store(INFO_A, 0xFF00);
    assert_int_equal(memory_plain_word(&memory, INFO_A), 0xF000);
    flash_write(&f, INFO_A + 3, 0x12, true, true, 0);
    assert_int_equal(memory_plain_word(&memory, INFO_A + 2), 0x12FF);
}

static void erasing_takes_one_segment(void **state)
{
    (void)state;
    memset(memory.bytes + INFO_B, 0, MEMORY_INFO_LEN);
    memset(memory.bytes + MAIN, 0, 2048);
    unlock(ERASE);
    store(INFO_A + 0x20, 0);
    assert_int_equal(memory.bytes[INFO_A - 1], 0);
    assert_int_equal(memory.bytes[INFO_A], 0xFF);
    assert_int_equal(memory.bytes[INFO_A + 0x7F], 0xFF);
    assert_int_equal(flash_read(&f, FLASH_CTL1), READ_KEY); /* ERASE is gone */
    unlock(ERASE);
    store(MAIN + 512 + 100, 0);
    assert_int_equal(memory.bytes[MAIN + 511], 0);
    assert_int_equal(memory.bytes[MAIN + 512], 0xFF);
    assert_int_equal(memory.bytes[MAIN + 1023], 0xFF);
    assert_int_equal(memory.bytes[MAIN + 1024], 0);
}

/* SLAU049 5.3: 35 clocks of the timing generator, and 4819. */
static void operations_take_their_time(void **state)
{
    uint64_t clock = 2 * (CLOCK_SECOND / 770000);

    (void)state;
    unlock(WRT);
    assert_in_range(store(INFO_A, 0), 35 * clock, 35 * clock + 35 * 4);
    unlock(ERASE);
    assert_in_range(store(INFO_A, 0), 4819 * clock, 4819 * clock + 4819 * 4);
}

static void locked_flash_stays(void **state)
{
    (void)state;
    store(INFO_A, 0);
    flash_write_ctl(&f, FLASH_CTL3, KEY | LOCK);
    flash_write_ctl(&f, FLASH_CTL1, KEY | WRT);
    store(INFO_A, 0);
    assert_int_equal(memory_plain_word(&memory, INFO_A), 0xFFFF);
    assert_int_equal(f.refused, 2);
}

static void wrong_key_resets(void **state)
{
    (void)state;
    flash_write_ctl(&f, FLASH_CTL1, READ_KEY | WRT);
    assert_int_equal(sfr.reset, RESET_FLASH_KEY);
    flash_reset(&f);
    assert_int_equal(flash_read(&f, FLASH_CTL3), READ_KEY | LOCK | WAIT | 0x02); /* KEYV tells afterwards */
}

static uint16_t read_busy(void *owner)
{
    return flash_read_busy(owner);
}

static void program_in_ram_sees_busy_flash(void **state)
{
    (void)state;
    memory.io.read_busy = read_busy;
    memory.io.owner = &f;
    unlock(WRT);
    flash_write(&f, INFO_A, 0x1234, false, false, 0);
    assert_true(flash_read(&f, FLASH_CTL3) & BUSY);
    assert_int_equal(memory_read_word(&memory, INFO_A), 0x3FFF);
    assert_true(flash_read(&f, FLASH_CTL3) & 0x04); /* ACCVIFG */
    flash_run(&f);
    assert_int_equal(memory_read_word(&memory, INFO_A), 0x1234);
    assert_false(flash_read(&f, FLASH_CTL3) & BUSY);
}

static void generator_out_of_range_is_a_fault(void **state)
{
    (void)state;
    flash_write_ctl(&f, FLASH_CTL2, KEY | 0x40);
    unlock(WRT);
    store(INFO_A, 0);
    assert_int_equal(stop.kind, STOP_FAULT);
    assert_int_equal(memory_plain_word(&memory, INFO_A), 0xFFFF);
}

static void file_keeps_information_flash(void **state)
{
    char path[] = "/tmp/emu-msp430-flash-XXXXXX";
    uint8_t kept[MEMORY_INFO_LEN];
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_true(flash_open(&f, path));
    unlock(WRT);
    store(INFO_B + 4, 0x1122);
    store(MAIN, 0);
    assert_int_equal(pread(fd, kept, sizeof kept, 0), sizeof kept);
    assert_memory_equal(kept, memory.bytes + MEMORY_INFO, sizeof kept);
    assert_int_equal(kept[4], 0x22);
    close(f.fd);
    setup(state);
    assert_true(flash_open(&f, path));
    assert_int_equal(memory_plain_word(&memory, INFO_B + 4), 0x1122);
    close(f.fd);
    assert_int_equal(ftruncate(fd, 100), 0);
    assert_false(flash_open(&f, path));
    close(f.fd);
    close(fd);
    unlink(path);
}

static void power_cut_leaves_some_bits(void **state)
{
    bool has_set = false, has_cleared = false;

    for (uint64_t seed = 1; seed <= 32; seed++) {
        setup(state);
        flash_set_cut(&f, 2, seed);
        unlock(WRT);
        store(INFO_A, 0xFFF0);
        assert_int_equal(stop.kind, STOP_NONE);
        store(INFO_A + 2, 0x0F0F);
        assert_int_equal(stop.kind, STOP_POWER_CUT);
        assert_int_equal(memory_plain_word(&memory, INFO_A), 0xFFF0);
        assert_int_equal(memory_plain_word(&memory, INFO_A + 2) & 0x0F0F,
                         0x0F0F); /* no bit that stays was cleared */
        has_set |= memory_plain_word(&memory, INFO_A + 2) != 0x0F0F;
        has_cleared |= memory_plain_word(&memory, INFO_A + 2) != 0xFFFF;
    }
    assert_true(has_set && has_cleared);
}

static void power_cut_leaves_some_words(void **state)
{
    unsigned erased = 0, kept = 0;

    setup(state);
    memset(memory.bytes + INFO_A, 0, FLASH_INFO_SEGMENT);
    flash_set_cut(&f, 1, 7);
    unlock(ERASE);
    store(INFO_A, 0);
    assert_int_equal(stop.kind, STOP_POWER_CUT);
    for (uint16_t at = INFO_A; at < INFO_A + FLASH_INFO_SEGMENT; at += 2) {
        erased += memory_plain_word(&memory, at) == 0xFFFF;
        kept += memory_plain_word(&memory, at) == 0;
    }
    assert_int_equal(erased + kept, FLASH_INFO_SEGMENT / 2);
    assert_in_range(erased, 16, 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(writes_clear_bits_alone, setup),
        cmocka_unit_test_setup(erasing_takes_one_segment, setup),
        cmocka_unit_test_setup(operations_take_their_time, setup),
        cmocka_unit_test_setup(locked_flash_stays, setup),
        cmocka_unit_test_setup(wrong_key_resets, setup),
        cmocka_unit_test_setup(program_in_ram_sees_busy_flash, setup),
        cmocka_unit_test_setup(generator_out_of_range_is_a_fault, setup),
        cmocka_unit_test_setup(file_keeps_information_flash, setup),
        cmocka_unit_test_setup(power_cut_leaves_some_bits, setup),
        cmocka_unit_test_setup(power_cut_leaves_some_words, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
