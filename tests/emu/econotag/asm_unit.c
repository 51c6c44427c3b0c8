#include "asm_unit.h"

#include "fault.h"

#include <mbedtls/aes.h>
#include <string.h>

enum { BLOCK_LEN = 16 };

void asm_unit_reset(struct asm_unit *a)
{
    *a = (struct asm_unit){.blocks = a->blocks};
}

static void words_to_bytes(const uint32_t words[ASM_WORDS], uint8_t bytes[BLOCK_LEN])
{
    for (unsigned i = 0; i < BLOCK_LEN; i++)
        bytes[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
}

static void bytes_to_words(const uint8_t bytes[BLOCK_LEN], uint32_t words[ASM_WORDS])
{
    memset(words, 0, BLOCK_LEN);
    for (unsigned i = 0; i < BLOCK_LEN; i++)
        words[i / 4] |= (uint32_t)bytes[i] << (24 - 8 * (i % 4));
}

static void cipher(struct asm_unit *a, const uint32_t in[ASM_WORDS], uint32_t out[ASM_WORDS])
{
    uint8_t key[BLOCK_LEN], block[BLOCK_LEN];
    mbedtls_aes_context aes;

    if ((a->control1 & ASM_BYPASS) != 0) {
        memcpy(out, in, BLOCK_LEN);
        return;
    }
    words_to_bytes(a->key, key);
    words_to_bytes(in, block);
    mbedtls_aes_init(&aes);
    if (mbedtls_aes_setkey_enc(&aes, key, 8 * BLOCK_LEN) != 0 ||
        mbedtls_aes_crypt_ecb(&aes, MBEDTLS_AES_ENCRYPT, block, block) != 0)
        emu_fault("AES");
    mbedtls_aes_free(&aes);
    bytes_to_words(block, out);
    a->blocks++;
}

static void words_xor(uint32_t to[ASM_WORDS], const uint32_t from[ASM_WORDS])
{
    for (unsigned i = 0; i < ASM_WORDS; i++)
        to[i] ^= from[i];
}

/* What was started is complete. */
static void finish(struct asm_unit *a)
{
    a->is_busy = false;
    a->is_done = true;
    if ((a->control1 & ASM_SELF_TEST) != 0) {
        a->has_passed = true;
        return;
    }
    if ((a->control1 & ASM_CTR_MODE) != 0) {
        cipher(a, a->ctr, a->ctr_result);
        words_xor(a->ctr_result, a->data);
    }
    if ((a->control1 & ASM_CBC) != 0) {
        words_xor(a->cbc_result, a->data);
        cipher(a, a->cbc_result, a->cbc_result);
    }
}

static void start(struct asm_unit *a, uint64_t now)
{
    uint32_t modes = a->control1 & (ASM_CBC | ASM_CTR_MODE);

    if ((a->control1 & ASM_ON) == 0 || a->is_busy)
        return;
    a->done_at = now + ASM_SELF_TEST_CYCLES;
    if ((a->control1 & ASM_SELF_TEST) == 0) {
        if (!a->has_passed) /* disabled until its self test has passed */
            return;
        if ((a->control1 & ASM_NORMAL_MODE) == 0)
            emu_fault("the ASM's boot mode, whose key is the chip's secret");
        if (modes == 0)
            emu_fault("an ASM block in no mode");
        a->done_at = now + (modes == (ASM_CBC | ASM_CTR_MODE) ? 2 * ASM_BLOCK_CYCLES : ASM_BLOCK_CYCLES);
    }
    a->is_busy = true;
}

static void control0_write(struct asm_unit *a, uint64_t now, uint32_t value)
{
    if ((value & ASM_CLEAR_IRQ) != 0)
        a->is_done = false;
    if ((value & ASM_CLEAR) != 0)
        memset(a->cbc_result, 0, sizeof a->cbc_result);
    if ((value & ASM_LOAD_MAC) != 0)
        memcpy(a->cbc_result, a->mac_load, sizeof a->cbc_result);
    if ((value & ASM_START) != 0)
        start(a, now);
}

static uint32_t status_of(const struct asm_unit *a)
{
    return (a->is_done ? (uint32_t)ASM_DONE : 0) | (a->has_passed ? (uint32_t)ASM_TEST_PASS : 0);
}

uint32_t asm_unit_read(const struct asm_unit *a, uint32_t offset)
{
    uint32_t word = offset / 4 % ASM_WORDS;

    switch (offset & ~0xFu) {
    case ASM_KEY:
        return 0;
    case ASM_DATA:
        return a->data[word];
    case ASM_CTR:
        return a->ctr[word];
    case ASM_CTR_RESULT:
        return a->ctr_result[word];
    case ASM_CBC_RESULT:
    case ASM_MAC:
        return a->cbc_result[word];
    }
    switch (offset) {
    case ASM_CONTROL0: /* its bits are strobes */
        return 0;
    case ASM_CONTROL1:
        return a->control1;
    case ASM_STATUS:
        return status_of(a);
    default:
        emu_fault("read of ASM register 0x%02x", (unsigned)offset);
    }
}

void asm_unit_write(struct asm_unit *a, uint64_t now, uint32_t offset, uint32_t value)
{
    uint32_t word = offset / 4 % ASM_WORDS;

    switch (offset & ~0xFu) {
    case ASM_KEY:
        a->key[word] = value;
        return;
    case ASM_DATA:
        a->data[word] = value;
        return;
    case ASM_CTR:
        a->ctr[word] = value;
        return;
    case ASM_MAC:
        a->mac_load[word] = value;
        return;
    }
    switch (offset) {
    case ASM_CONTROL0:
        control0_write(a, now, value);
        break;
    case ASM_CONTROL1:
        a->control1 = value;
        break;
    default:
        emu_fault("write of ASM register 0x%02x", (unsigned)offset);
    }
}

uint64_t asm_unit_next_event(const struct asm_unit *a)
{
    return a->is_busy ? a->done_at : UINT64_MAX;
}

void asm_unit_advance(struct asm_unit *a, uint64_t now)
{
    if (a->is_busy && a->done_at <= now)
        finish(a);
}

bool asm_unit_interrupts(const struct asm_unit *a)
{
    return a->is_done && (a->control1 & ASM_MASK_IRQ) == 0;
}
