#include "counter_log.h"

#include "bare.h"

enum { ENTRY_WORDS = 2 };

static const uint32_t ERASED = 0xFFFFFFFF;

/* The newest value, 0 if there is none, and the page that has it. */
static uint32_t newest_find(uint8_t *page)
{
    uint32_t newest = 0;

    *page = 0;
    for (uint8_t p = 0; p < BARE_PAGES; p++)
        for (uint8_t word = 0; word < BARE_PAGE_WORDS; word += ENTRY_WORDS) {
            uint32_t value = bare_page_word(p, word);
            if (value == ~bare_page_word(p, word + 1) && value > newest) {
                newest = value;
                *page = p;
            }
        }
    return newest;
}

/* The first word behind which the page holds nothing but erased words. */
static uint8_t page_end(uint8_t page)
{
    uint8_t word = BARE_PAGE_WORDS;

    while (word > 0 && bare_page_word(page, word - 1) == ERASED)
        word--;
    return (uint8_t)((word + ENTRY_WORDS - 1) & ~(ENTRY_WORDS - 1));
}

uint32_t counter_log_load(void)
{
    uint8_t page;

    return newest_find(&page);
}

enum status counter_log_save(uint32_t counter)
{
    uint8_t page;

    (void)newest_find(&page);
    uint8_t word = page_end(page);

    if (word == BARE_PAGE_WORDS) {
        page ^= 1;
        word = 0;
        bare_page_erase(page);
        if (page_end(page) != 0)
            return SSM_IO;
    }
    bare_page_write(page, word, counter);
    bare_page_write(page, word + 1, ~counter);
    bool is_there = bare_page_word(page, word) == counter && bare_page_word(page, word + 1) == ~counter;
    return is_there ? SSM_OK : SSM_IO;
}
