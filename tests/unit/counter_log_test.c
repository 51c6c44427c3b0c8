#include "counter_log.h"

#include "bare.h"
#include "seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

/* Flash as bare.h describes it, with a supply that may fail in the middle of an operation. */
static struct {
    uint32_t words[BARE_PAGES][BARE_PAGE_WORDS];
    unsigned erased[BARE_PAGES];     /* times */
    unsigned operations_left;        /* until the supply fails in the next one */
    uint32_t stuck[BARE_PAGE_WORDS]; /* bits of page 0 that do not become 0 */
    bool is_worn;                    /* an erasure leaves a page's last word as it is */
} flash;

enum { FOREVER = 1u << 30 };

static void flash_new(void)
{
    memset(&flash, 0, sizeof flash);
    memset(flash.words, 0xFF, sizeof flash.words);
    flash.operations_left = FOREVER;
}

/* False without supply; *changed are then the bits that had changed before it failed. */
static bool operation_begin(uint32_t *changed)
{
    *changed = 0xFFFFFFFF;
    if (flash.operations_left > 0) {
        flash.operations_left--;
        return true;
    }
    *changed = seeded_u32() & seeded_u32();
    return false;
}

static bool is_dead;

uint32_t bare_page_word(uint8_t page, uint8_t word)
{
    assert_true(page < BARE_PAGES && word < BARE_PAGE_WORDS);
    return is_dead ? 0 : flash.words[page][word];
}

void bare_page_write(uint8_t page, uint8_t word, uint32_t value)
{
    uint32_t changed;

    assert_true(page < BARE_PAGES && word < BARE_PAGE_WORDS);
    if (is_dead)
        return;
    is_dead = !operation_begin(&changed);
    uint32_t cleared = ~value & changed;
    if (page == 0)
        cleared &= ~flash.stuck[word];
    flash.words[page][word] &= ~cleared;
}

void bare_page_erase(uint8_t page)
{
    uint32_t changed;

    assert_true(page < BARE_PAGES);
    if (is_dead)
        return;
    is_dead = !operation_begin(&changed);
    flash.erased[page]++;
    for (uint8_t word = 0; word < BARE_PAGE_WORDS - flash.is_worn; word++)
        flash.words[page][word] |= is_dead ? changed & seeded_u32() : changed;
}

static void power_on(void)
{
    is_dead = false;
    flash.operations_left = FOREVER;
}

static void new_flash_has_zero(void **state)
{
    (void)state;
    flash_new();
    assert_int_equal(counter_log_load(), 0);
}

static void what_is_saved_is_loaded(void **state)
{
    (void)state;
    flash_new();
    for (uint32_t i = 1; i < 255; i++) {
        assert_int_equal(counter_log_save(i * 0x01020304), SSM_OK);
        assert_int_equal(counter_log_load(), i * 0x01020304);
    }
    assert_int_equal(counter_log_save(0xFFFFFFFF), SSM_OK);
    assert_int_equal(counter_log_load(), 0xFFFFFFFF);
}

static void pages_wear_alike_and_slowly(void **state)
{
    (void)state;
    flash_new();
    for (uint32_t i = 1; i <= 3200; i++)
        assert_int_equal(counter_log_save(i), SSM_OK);
    assert_int_equal(flash.erased[0] + flash.erased[1], 199); /* 16 entries a page; the first one was new */
    assert_in_range(flash.erased[0], 99, 100);
}

/* Whatever stood there before, the first save finds a place. */
static void foreign_contents_are_no_counter(void **state)
{
    (void)state;
    flash_new();
    memset(flash.words, 0x5B, sizeof flash.words);
    assert_int_equal(counter_log_load(), 0);
    assert_int_equal(counter_log_save(1), SSM_OK);
    assert_int_equal(counter_log_load(), 1);
}

static void bad_word_is_passed_over(void **state)
{
    (void)state;
    flash_new();
    flash.stuck[2] = 0x00000100;
    assert_int_equal(counter_log_save(1), SSM_OK);
    assert_int_equal(counter_log_save(2), SSM_IO);
    assert_int_equal(counter_log_load(), 1);
    assert_int_equal(counter_log_save(2), SSM_OK);
    assert_int_equal(counter_log_load(), 2);
}

static void page_that_is_not_erased_is_not_used(void **state)
{
    (void)state;
    flash_new();
    for (uint32_t i = 1; i <= 32; i++) /* both pages are full */
        assert_int_equal(counter_log_save(i), SSM_OK);
    flash.is_worn = true;
    assert_int_equal(counter_log_save(33), SSM_IO);
    assert_int_equal(counter_log_load(), 32);
    flash.is_worn = false;
    assert_int_equal(counter_log_save(33), SSM_OK);
    assert_int_equal(counter_log_load(), 33);
}

static void every_cut_leaves_the_old_or_the_new_value(void **state)
{
    (void)state;
    seeded_start();
    flash_new();
    uint32_t saved = 0;
    for (unsigned round = 0; round < 20000; round++) {
        power_on();
        flash.operations_left = seeded_u32() % 8;
        uint32_t tried = saved + 1 + seeded_u32() % 3;
        enum status status = counter_log_save(tried);
        bool was_cut = is_dead;
        power_on();
        uint32_t loaded = counter_log_load();
        assert_true(status == SSM_OK ? !was_cut && loaded == tried : loaded == saved || loaded == tried);
        saved = loaded;
    }
}

/* A second cut while the first one's damage is there, and so on. */
static void cuts_in_a_row_never_go_back(void **state)
{
    (void)state;
    seeded_start();
    for (unsigned round = 0; round < 500; round++) {
        flash_new();
        power_on();
        uint32_t counter = seeded_u32() >> 1;
        uint32_t durable = 0;
        for (unsigned boot = 0; boot < 100; boot++) {
            power_on();
            uint32_t loaded = counter_log_load();
            assert_true(loaded >= durable && loaded <= counter);
            flash.operations_left = seeded_u32() % 4;
            counter++;
            if (counter_log_save(counter) == SSM_OK)
                durable = counter;
        }
    }
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(new_flash_has_zero),
        cmocka_unit_test(what_is_saved_is_loaded),
        cmocka_unit_test(pages_wear_alike_and_slowly),
        cmocka_unit_test(foreign_contents_are_no_counter),
        cmocka_unit_test(bad_word_is_passed_over),
        cmocka_unit_test(page_that_is_not_erased_is_not_used),
        cmocka_unit_test(every_cut_leaves_the_old_or_the_new_value),
        cmocka_unit_test(cuts_in_a_row_never_go_back),
    };

    return cmocka_run_group_tests_name("counter_log", TESTS, NULL, NULL);
}
