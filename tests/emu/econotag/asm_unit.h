/*
 * The ASM of the MC13224V: its AES-128 coprocessor.
 *
 * Owns the registers at 0x80008000: self test first, then NORMAL_MODE, then blocks in CTR, CBC or both. The
 * cipher underneath is Mbed TLS's, so that the images' own is checked against another. Times are model
 * figures: 3,330 clocks for the self test, 13 for a block in one mode, 26 in both.
 */
#ifndef EMU_ASM_UNIT_H
#define EMU_ASM_UNIT_H

#include <stdbool.h>
#include <stdint.h>

enum asm_unit_register {
    ASM_KEY = 0x00,  /* four words, written only */
    ASM_DATA = 0x10, /* four words each from here on */
    ASM_CTR = 0x20,
    ASM_CTR_RESULT = 0x30,
    ASM_CBC_RESULT = 0x40,
    ASM_CONTROL0 = 0x50,
    ASM_CONTROL1 = 0x54,
    ASM_STATUS = 0x58,
    ASM_MAC = 0x60,
};

enum asm_unit_control0_bit {
    ASM_START = 1 << 24,
    ASM_CLEAR = 1 << 25,
    ASM_LOAD_MAC = 1 << 26,
};
#define ASM_CLEAR_IRQ (1u << 31)

enum asm_unit_control1_bit {
    ASM_ON = 1 << 0,
    ASM_NORMAL_MODE = 1 << 1,
    ASM_BYPASS = 1 << 2, /* the block cipher leaves its input as it is */
    ASM_CBC = 1 << 24,
    ASM_CTR_MODE = 1 << 25,
    ASM_SELF_TEST = 1 << 26,
};
#define ASM_MASK_IRQ (1u << 31)

enum asm_unit_status_bit {
    ASM_DONE = 1 << 24,
    ASM_TEST_PASS = 1 << 25,
};

enum { ASM_SELF_TEST_CYCLES = 3330, ASM_BLOCK_CYCLES = 13, ASM_WORDS = 4 };

struct asm_unit {
    uint32_t key[ASM_WORDS], data[ASM_WORDS], ctr[ASM_WORDS], ctr_result[ASM_WORDS];
    uint32_t cbc_result[ASM_WORDS], mac_load[ASM_WORDS];
    uint32_t control1;
    bool is_busy, is_done, has_passed;
    uint64_t done_at;
    uint64_t blocks; /* that the cipher has made since power-on */
};

void asm_unit_reset(struct asm_unit *a);
uint32_t asm_unit_read(const struct asm_unit *a, uint32_t offset);
void asm_unit_write(struct asm_unit *a, uint64_t now, uint32_t offset, uint32_t value);
uint64_t asm_unit_next_event(const struct asm_unit *a);
void asm_unit_advance(struct asm_unit *a, uint64_t now);
bool asm_unit_interrupts(const struct asm_unit *a);

#endif
