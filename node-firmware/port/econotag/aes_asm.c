/*
 * AES-128 by the chip's security module: counter mode over zeros is the bare cipher.
 *
 * Neither key nor input is left in its registers.
 */
#include "aes.h"

#include "bytes.h"
#include "mc13224v.h"

enum { READY = MC_ASM_ON | MC_ASM_NORMAL_MODE | MC_ASM_CTR };

/* The module encrypts only after its self test, which reports nothing but success. */
static void module_start(void)
{
    MC_ASM->control1 = MC_ASM_MASK_IRQ | MC_ASM_ON | MC_ASM_SELF_TEST;
    MC_ASM->control0 = MC_ASM_START;
    for (uint16_t polls = 0; (MC_ASM->status & MC_ASM_TEST_PASS) == 0; polls++)
        SSM_ASSERT(polls < MC_ASM_SELF_TEST_CLOCKS);
    MC_ASM->control1 = MC_ASM_MASK_IRQ | READY;
}

static void words_write(volatile uint32_t words[4], const uint8_t bytes[AES_BLOCK_LEN])
{
    for (uint8_t i = 0; i < 4; i++, bytes += 4)
        words[i] = bytes_u32(bytes);
}

static void words_wipe(volatile uint32_t words[4])
{
    for (uint8_t i = 0; i < 4; i++)
        words[i] = 0;
}

void aes128_encrypt(const uint8_t key[AES_KEY_LEN], uint8_t block[AES_BLOCK_LEN])
{
    if ((MC_ASM->control1 & READY) != READY)
        module_start();
    words_write(MC_ASM->key, key);
    words_write(MC_ASM->ctr, block);
    words_wipe(MC_ASM->data);
    MC_ASM->control0 = MC_ASM_CLEAR_IRQ; /* nothing else clears what says that the last block is done */
    MC_ASM->control0 = MC_ASM_START;
    while ((MC_ASM->status & MC_ASM_DONE) == 0)
        ;
    for (uint8_t i = 0; i < 4; i++)
        bytes_put_u32(block + 4 * i, MC_ASM->ctr_result[i]);
    words_wipe(MC_ASM->key);
    words_wipe(MC_ASM->ctr);
}
