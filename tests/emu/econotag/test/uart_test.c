#include "machine_world.h"

static void start(struct world *w)
{
    wr(w, UART1_BASE, UART_BR, 767u << 16 | 9999);
    wr(w, UART1_BASE, UART_CON, UART_CON_TXE | UART_CON_RXE | UART_CON_MTXR);
    wr(w, UART1_BASE, UART_RXCON, 1);
    wr(w, GPIO_BASE, GPIO_FUNC_SEL, 1u << 28 | 1u << 30);
    wr(w, ITC_BASE, ITC_INTENNUM, ITC_UART1);
}

static void hear(struct world *w, uint8_t byte)
{
    uart_line_start(&w->m.uart, w->m.now, byte, false);
    pass(w, WORLD_BYTE_TIME);
}

static void a_byte_takes_ten_bits_at_115200_baud(void **state)
{
    struct world *w = *state;

    start(w);
    wr(w, UART1_BASE, UART_DATA, 0x55);
    pass(w, WORLD_BYTE_TIME - 1);
    assert_int_equal(w->sent_count, 0);
    pass(w, 1);
    assert_int_equal(w->sent_count, 1);
    assert_int_equal(w->sent[0], 0x55);
}

static void oversampling_by_8_doubles_the_rate(void **state)
{
    struct world *w = *state;

    start(w);
    wr(w, UART1_BASE, UART_CON, UART_CON_TXE | UART_CON_XTIM);
    wr(w, UART1_BASE, UART_DATA, 1);
    pass(w, WORLD_BYTE_TIME / 2);
    assert_int_equal(w->sent_count, 1);
}

static void only_a_disabled_uart_takes_a_rate(void **state)
{
    struct world *w = *state;

    start(w);
    wr(w, UART1_BASE, UART_BR, 1);
    assert_int_equal(rd(w, UART1_BASE, UART_BR), 767u << 16 | 9999);
    wr(w, UART1_BASE, UART_CON, 0);
    wr(w, UART1_BASE, UART_BR, 1);
    assert_int_equal(rd(w, UART1_BASE, UART_BR), 1);
}

static void pads_are_chosen_only_once_the_uart_is_enabled(void **state)
{
    struct world *w = *state;

    wr(w, GPIO_BASE, GPIO_FUNC_SEL, 1u << 28 | 1u << 30);
    wr(w, UART1_BASE, UART_BR, 767u << 16 | 9999);
    wr(w, UART1_BASE, UART_CON, UART_CON_TXE | UART_CON_RXE);
    wr(w, UART1_BASE, UART_DATA, 1);
    pass(w, 2 * WORLD_BYTE_TIME);
    hear(w, 2);
    assert_int_equal(w->sent_count, 0);
    assert_int_equal(rd(w, UART1_BASE, UART_RXCON), 0);
}

static void transmit_fifo_holds_32_besides_the_one_on_the_line(void **state)
{
    struct world *w = *state;

    start(w);
    assert_int_equal(rd(w, UART1_BASE, UART_TXCON), 32);
    for (unsigned i = 0; i < 33; i++)
        wr(w, UART1_BASE, UART_DATA, i);
    assert_int_equal(rd(w, UART1_BASE, UART_TXCON), 0);
    assert_int_equal(rd(w, UART1_BASE, UART_STAT) & UART_STAT_TOE, 0);
    wr(w, UART1_BASE, UART_DATA, 99);
    assert_int_equal(rd(w, UART1_BASE, UART_STAT) & UART_STAT_TOE, UART_STAT_TOE);
    pass(w, 40 * WORLD_BYTE_TIME);
    assert_int_equal(w->sent_count, 33);
    for (unsigned i = 0; i < 33; i++)
        assert_int_equal(w->sent[i], i);
}

static void receive_threshold(void **state)
{
    struct world *w = *state;

    start(w);
    wr(w, UART1_BASE, UART_RXCON, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(rd(w, UART1_BASE, UART_STAT) & UART_STAT_RXRDY, 0);
        assert_false(itc_irq(&w->m.itc));
        hear(w, (uint8_t)i);
    }
    assert_int_equal(rd(w, UART1_BASE, UART_STAT) & UART_STAT_RXRDY, UART_STAT_RXRDY);
    assert_true(itc_irq(&w->m.itc));
    assert_int_equal(rd(w, UART1_BASE, UART_RXCON), 3); /* reads as what waits */
    assert_int_equal(rd(w, UART1_BASE, UART_DATA), 0);
    assert_false(itc_irq(&w->m.itc));
}

static void transmit_threshold(void **state)
{
    struct world *w = *state;

    start(w);
    wr(w, UART1_BASE, UART_TXCON, 16);
    wr(w, UART1_BASE, UART_CON, UART_CON_TXE);
    assert_true(itc_irq(&w->m.itc));
    for (unsigned i = 0; i < 18; i++) /* one leaves at once: 17 wait, 15 are free */
        wr(w, UART1_BASE, UART_DATA, i);
    assert_false(itc_irq(&w->m.itc));
    pass(w, WORLD_BYTE_TIME);
    assert_true(itc_irq(&w->m.itc));
}

static void masks(void **state)
{
    struct world *w = *state;

    start(w);
    hear(w, 1);
    assert_true(itc_irq(&w->m.itc));
    wr(w, UART1_BASE, UART_CON, UART_CON_TXE | UART_CON_RXE | UART_CON_MTXR | UART_CON_MRXR);
    assert_false(itc_irq(&w->m.itc));
}

static void overrun_keeps_the_first_32(void **state)
{
    struct world *w = *state;

    start(w);
    for (unsigned i = 0; i < 34; i++)
        hear(w, (uint8_t)i);
    assert_int_equal(rd(w, UART1_BASE, UART_STAT) & UART_STAT_ROE, UART_STAT_ROE);
    assert_int_equal(rd(w, UART1_BASE, UART_STAT) & UART_STAT_ROE, 0); /* reading has cleared it */
    assert_int_equal(w->m.uart.overruns, 2);
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(rd(w, UART1_BASE, UART_DATA), i);
    assert_int_equal(rd(w, UART1_BASE, UART_RXCON), 0);
}

static void a_break_is_a_zero_with_a_framing_error(void **state)
{
    struct world *w = *state;

    start(w);
    uart_line_start(&w->m.uart, w->m.now, 0, true);
    assert_false(uart_line_is_idle(&w->m.uart));
    pass(w, WORLD_BYTE_TIME);
    assert_true(uart_line_is_idle(&w->m.uart));
    assert_int_equal(rd(w, UART1_BASE, UART_STAT) & UART_STAT_FE, UART_STAT_FE);
    assert_int_equal(rd(w, UART1_BASE, UART_STAT) & UART_STAT_FE, 0);
    assert_int_equal(rd(w, UART1_BASE, UART_RXCON), 1);
    assert_int_equal(rd(w, UART1_BASE, UART_DATA), 0);
}

static void reading_nothing_is_an_underrun(void **state)
{
    struct world *w = *state;

    start(w);
    rd(w, UART1_BASE, UART_DATA);
    assert_int_equal(rd(w, UART1_BASE, UART_STAT) & UART_STAT_RUE, UART_STAT_RUE);
}

static void a_disabled_receiver_hears_nothing(void **state)
{
    struct world *w = *state;

    start(w);
    wr(w, UART1_BASE, UART_CON, UART_CON_TXE);
    hear(w, 1);
    assert_int_equal(rd(w, UART1_BASE, UART_RXCON), 0);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup(a_byte_takes_ten_bits_at_115200_baud, world_start),
        cmocka_unit_test_setup(oversampling_by_8_doubles_the_rate, world_start),
        cmocka_unit_test_setup(only_a_disabled_uart_takes_a_rate, world_start),
        cmocka_unit_test_setup(pads_are_chosen_only_once_the_uart_is_enabled, world_start),
        cmocka_unit_test_setup(transmit_fifo_holds_32_besides_the_one_on_the_line, world_start),
        cmocka_unit_test_setup(receive_threshold, world_start),
        cmocka_unit_test_setup(transmit_threshold, world_start),
        cmocka_unit_test_setup(masks, world_start),
        cmocka_unit_test_setup(overrun_keeps_the_first_32, world_start),
        cmocka_unit_test_setup(a_break_is_a_zero_with_a_framing_error, world_start),
        cmocka_unit_test_setup(reading_nothing_is_an_underrun, world_start),
        cmocka_unit_test_setup(a_disabled_receiver_hears_nothing, world_start),
    };

    return cmocka_run_group_tests_name("uart", TESTS, NULL, NULL);
}
