/*
 * The two pages of the association counter: information memory B and A.
 */
#include "bare.h"
#include "bytes.h"
#include "clock.h"
#include "f1611.h"

enum {
    INFORMATION_MEMORY = 0x1000,
    PAGE_LEN = BARE_PAGE_WORDS * 4,
    FLASH_DIVIDER = 10, /* of MCLK; the flash wants 257 to 476 kHz */
};
_Static_assert(CLOCK_HZ / FLASH_DIVIDER > 257000 && CLOCK_HZ / FLASH_DIVIDER < 476000,
               "flash timing generator");

/* The lower half of the word; the upper half is behind it. */
static volatile uint16_t *word_at(uint8_t page, uint8_t word)
{
    return (volatile uint16_t *)(uintptr_t)(INFORMATION_MEMORY + page * PAGE_LEN + word * 4);
}

/* Stores a half under the given mode; the CPU stands still until the flash is done, 12 ms for an erasure. */
static SSM_NOINLINE void half_store(volatile uint16_t *at, uint16_t mode, uint16_t half)
{
    f1611_interrupts_off();
    FCTL2 = FWKEY | FCTL2_MCLK | (FLASH_DIVIDER - 1);
    FCTL3 = FWKEY;
    FCTL1 = FWKEY | mode;
    *at = half;
    FCTL1 = FWKEY;
    FCTL3 = FWKEY | FCTL3_LOCK;
    f1611_interrupts_on();
}

uint32_t bare_page_word(uint8_t page, uint8_t word)
{
    const volatile uint16_t *at = word_at(page, word);

    return at[0] | (uint32_t)at[1] << 16;
}

void bare_page_write(uint8_t page, uint8_t word, uint32_t value)
{
    volatile uint16_t *at = word_at(page, word);

    half_store(at, FCTL1_WRT, (uint16_t)value);
    half_store(at + 1, FCTL1_WRT, (uint16_t)(value >> 16));
}

void bare_page_erase(uint8_t page)
{
    half_store(word_at(page, 0), FCTL1_ERASE, 0);
}
