#include "machine_world.h"

#include "vectors/hex.h"

enum { READY = ASM_ON | ASM_NORMAL_MODE };

static void words_write(struct world *w, uint32_t offset, const char *hex)
{
    uint8_t bytes[16] = {0};

    hex_read(hex, bytes);
    for (unsigned i = 0; i < 4; i++)
        wr(w, ASM_BASE, offset + 4 * i,
           (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 | (uint32_t)bytes[4 * i + 2] << 8 |
               bytes[4 * i + 3]);
}

/* The first bytes of four words. */
static void assert_words(struct world *w, uint32_t offset, const char *hex)
{
    uint8_t expected[16];
    size_t len = hex_read(hex, expected);

    for (size_t i = 0; i < len; i++)
        assert_int_equal(rd(w, ASM_BASE, offset + 4 * ((uint32_t)i / 4)) >> (24 - 8 * (i % 4)) & 0xFF,
                         expected[i]);
}

static void self_test(struct world *w)
{
    wr(w, ASM_BASE, ASM_CONTROL1, ASM_ON | ASM_SELF_TEST);
    wr(w, ASM_BASE, ASM_CONTROL0, ASM_START);
    pass(w, ASM_SELF_TEST_CYCLES - 1);
    assert_int_equal(rd(w, ASM_BASE, ASM_STATUS) & ASM_TEST_PASS, 0);
    pass(w, 1);
    assert_int_equal(rd(w, ASM_BASE, ASM_STATUS) & ASM_TEST_PASS, ASM_TEST_PASS);
}

/* Clears DONE, as only CLEAR_IRQ does, and runs one block. */
static void run(struct world *w, uint32_t modes)
{
    unsigned cycles = modes == (ASM_CBC | ASM_CTR_MODE) ? 2 * ASM_BLOCK_CYCLES : ASM_BLOCK_CYCLES;

    wr(w, ASM_BASE, ASM_CONTROL1, READY | modes);
    wr(w, ASM_BASE, ASM_CONTROL0, ASM_CLEAR_IRQ);
    wr(w, ASM_BASE, ASM_CONTROL0, ASM_START);
    pass(w, cycles - 1);
    assert_int_equal(rd(w, ASM_BASE, ASM_STATUS) & ASM_DONE, 0);
    pass(w, 1);
    assert_int_equal(rd(w, ASM_BASE, ASM_STATUS) & ASM_DONE, ASM_DONE);
}

static void nothing_without_self_test(void **state)
{
    struct world *w = *state;

    wr(w, ASM_BASE, ASM_CONTROL1, READY | ASM_CTR_MODE);
    wr(w, ASM_BASE, ASM_CONTROL0, ASM_START);
    pass(w, 10000);
    assert_int_equal(rd(w, ASM_BASE, ASM_STATUS), 0);
}

/* FIPS 197, appendix C.1, as a counter over zeros. */
static void counter_mode(void **state)
{
    struct world *w = *state;

    self_test(w);
    words_write(w, ASM_KEY, "000102030405060708090a0b0c0d0e0f");
    words_write(w, ASM_CTR, "00112233445566778899aabbccddeeff");
    run(w, ASM_CTR_MODE);
    assert_words(w, ASM_CTR_RESULT, "69c4e0d86a7b0430d8cdb78070b4c55a");
    words_write(w, ASM_DATA, "69c4e0d86a7b0430d8cdb78070b4c55a");
    run(w, ASM_CTR_MODE);
    assert_words(w, ASM_CTR_RESULT, "00000000000000000000000000000000");
    assert_int_equal(rd(w, ASM_BASE, ASM_KEY), 0); /* written only */
}

/* NIST SP 800-38A F.2.1: what CBC encrypts is what the MAC goes through. */
static void chaining_mode(void **state)
{
    struct world *w = *state;

    self_test(w);
    words_write(w, ASM_KEY, "2b7e151628aed2a6abf7158809cf4f3c");
    words_write(w, ASM_MAC, "000102030405060708090a0b0c0d0e0f");
    wr(w, ASM_BASE, ASM_CONTROL0, ASM_LOAD_MAC);
    words_write(w, ASM_DATA, "6bc1bee22e409f96e93d7e117393172a");
    run(w, ASM_CBC);
    assert_words(w, ASM_CBC_RESULT, "7649abac8119b246cee98e9b12e9197d");
    words_write(w, ASM_DATA, "ae2d8a571e03ac9c9eb76fac45af8e51");
    run(w, ASM_CBC);
    assert_words(w, ASM_MAC, "5086cb9b507219ee95db113a917678b2");
    wr(w, ASM_BASE, ASM_CONTROL0, ASM_CLEAR);
    assert_words(w, ASM_CBC_RESULT, "00000000000000000000000000000000");
}

/* RFC 3610, packet vector 1: B_0 and the header chained, the payload in both modes with one start each. */
static void both_modes_make_ccm(void **state)
{
    struct world *w = *state;

    self_test(w);
    words_write(w, ASM_KEY, "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF");
    wr(w, ASM_BASE, ASM_CONTROL0, ASM_CLEAR);
    words_write(w, ASM_DATA, "5900000003020100A0A1A2A3A4A50017");
    run(w, ASM_CBC);
    words_write(w, ASM_DATA, "00080001020304050607000000000000");
    run(w, ASM_CBC);
    words_write(w, ASM_DATA, "08090A0B0C0D0E0F1011121314151617");
    words_write(w, ASM_CTR, "0100000003020100A0A1A2A3A4A50001");
    run(w, ASM_CBC | ASM_CTR_MODE);
    assert_words(w, ASM_CTR_RESULT, "588C979A61C663D2F066D0C2C0F98980");
    words_write(w, ASM_DATA, "18191A1B1C1D1E000000000000000000");
    words_write(w, ASM_CTR, "0100000003020100A0A1A2A3A4A50002");
    run(w, ASM_CBC | ASM_CTR_MODE);
    assert_words(w, ASM_CTR_RESULT, "6D5F6B61DAC384");
    assert_words(w, ASM_CBC_RESULT, "2DC697E411CA83A8"); /* T, before it is encrypted */
}

static void the_interrupt_lasts_until_it_is_cleared(void **state)
{
    struct world *w = *state;

    wr(w, ITC_BASE, ITC_INTENNUM, ITC_ASM);
    self_test(w);
    assert_true(itc_irq(&w->m.itc));
    wr(w, ASM_BASE, ASM_CONTROL1, READY | ASM_MASK_IRQ | ASM_CTR_MODE);
    assert_false(itc_irq(&w->m.itc));
    wr(w, ASM_BASE, ASM_CONTROL1, READY | ASM_CTR_MODE);
    wr(w, ASM_BASE, ASM_CONTROL0, ASM_START);
    assert_int_equal(rd(w, ASM_BASE, ASM_STATUS) & ASM_DONE, ASM_DONE); /* the self test's still */
    wr(w, ASM_BASE, ASM_CONTROL0, ASM_CLEAR_IRQ);
    assert_false(itc_irq(&w->m.itc));
}

static void bypass(void **state)
{
    struct world *w = *state;

    self_test(w);
    words_write(w, ASM_KEY, "2b7e151628aed2a6abf7158809cf4f3c");
    words_write(w, ASM_CTR, "00112233445566778899aabbccddeeff");
    words_write(w, ASM_DATA, "ff000000000000000000000000000000");
    run(w, ASM_CTR_MODE | ASM_BYPASS);
    assert_words(w, ASM_CTR_RESULT, "ff112233445566778899aabbccddeeff");
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup(nothing_without_self_test, world_start),
        cmocka_unit_test_setup(counter_mode, world_start),
        cmocka_unit_test_setup(chaining_mode, world_start),
        cmocka_unit_test_setup(both_modes_make_ccm, world_start),
        cmocka_unit_test_setup(the_interrupt_lasts_until_it_is_cleared, world_start),
        cmocka_unit_test_setup(bypass, world_start),
    };

    return cmocka_run_group_tests_name("asm", TESTS, NULL, NULL);
}
