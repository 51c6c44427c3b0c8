#include "usart.h"

#include "cpu.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum { CHAR = 0x10, SYNC = 0x04, MM = 0x02, SWRST = 0x01, SMCLK = 0x20, URXSE = 0x08, TXEPT = 0x01 };
enum { FE = 0x80, OE = 0x20, BRK = 0x10, URXEIE = 0x08, RXERR = 0x01, CKPH = 0x80, STC = 0x02 };
enum { RX = 0x10, TX = 0x20, SPI_RX = 0x40, SPI_TX = 0x80, P3SEL = 0x1B };
/* 9600 baud from 770 kHz: 80.2 clocks, 8 of 10 bits... */
enum {
    BAUD = 9600,
    DIVIDER = 80,
    MODULATION = 0x11,
    MODULATED_BITS = 3,
    BYTE_TICKS = 10 * DIVIDER + MODULATED_BITS
};

static struct stop stop;
static struct clock c;
static struct sfr sfr;
static struct sht11 sensor;
static struct cc2420 chip;
static struct ports ports;
static struct line line;
static struct usart uart, spi;
static int out; /* where what the UART sends can be read */

static int setup(void **state)
{
    int ends[2];

    (void)state;
    stop = (struct stop){0};
    sfr = (struct sfr){0};
    clock_init(&c, &stop);
    sht11_init(&sensor, 220, 450, &stop);
    cc2420_init(&chip, &stop);
    ports_init(&ports, &sensor, &chip, NULL);
    ports_write(&ports, P3SEL, 0xCE, 0);
    line_init(&line);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    out = ends[0];
    line.fd = ends[1];
    usart_init(&uart, &c, &sfr, &ports, &line, NULL, &stop);
    usart_init(&spi, &c, &sfr, &ports, NULL, &chip, &stop);
    uart.line_baud = BAUD;
    usart_reset(&uart);
    usart_reset(&spi);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(out);
    close(line.fd);
    return 0;
}

static void start_uart(uint8_t tctl, uint8_t rctl)
{
    usart_write(&uart, USART_CTL, SWRST | CHAR, 0);
    usart_write(&uart, USART_TCTL, tctl, 0);
    usart_write(&uart, USART_RCTL, rctl, 0);
    usart_write(&uart, USART_BR0, DIVIDER, 0);
    usart_write(&uart, USART_MCTL, MODULATION, 0);
    sfr.r[SFR_ME2] = RX | TX;
    usart_write(&uart, USART_CTL, CHAR, 0);
}

static int sent(void)
{
    uint8_t byte;

    return read(out, &byte, 1) == 1 ? byte : -1;
}

/* One unit comes in, from `start` on. Returns when it is over. */
static uint64_t receive(uint16_t unit, uint64_t start)
{
    line_push(&line, unit);
    usart_run(&uart, start);
    usart_run(&uart, usart_due(&uart, start));
    return start + LINE_FRAME_BITS * CLOCK_SECOND / uart.line_baud;
}

static void reset_state_is_the_guides(void **state)
{
    (void)state;
    assert_int_equal(usart_read(&uart, USART_CTL), SWRST);
    assert_int_equal(usart_read(&uart, USART_TCTL), TXEPT);
    assert_int_equal(usart_read(&uart, USART_RCTL), 0);
    assert_int_equal(sfr.r[SFR_IFG2], TX);
    assert_int_equal(sfr.r[SFR_IFG1], SPI_TX);
}

/* Ten bits, each `divider` clocks, one more where the modulation has a one. */
static void byte_takes_as_long_as_its_registers_say(void **state)
{
    (void)state;
    start_uart(SMCLK, 0);
    usart_write(&uart, USART_TXBUF, 'a', 0);
    assert_int_equal(usart_due(&uart, 0), clock_time_of(&c, CLOCK_SMCLK, BYTE_TICKS));
    assert_int_equal(sent(), -1);
    usart_run(&uart, usart_due(&uart, 0));
    assert_int_equal(sent(), 'a');
    assert_int_equal(usart_due(&uart, 0), CLOCK_NEVER);
}

static void transmitter_has_a_buffer_behind_its_shift_register(void **state)
{
    uint64_t first;

    (void)state;
    start_uart(SMCLK, 0);
    usart_write(&uart, USART_TXBUF, 'a', 0);
    assert_true(sfr.r[SFR_IFG2] & TX);
    assert_false(usart_read(&uart, USART_TCTL) & TXEPT);
    usart_write(&uart, USART_TXBUF, 'b', 0);
    assert_false(sfr.r[SFR_IFG2] & TX);
    first = usart_due(&uart, 0);
    usart_run(&uart, first);
    assert_true(sfr.r[SFR_IFG2] & TX);
    assert_false(usart_read(&uart, USART_TCTL) & TXEPT);
    assert_int_equal(usart_due(&uart, first), clock_time_of(&c, CLOCK_SMCLK, 2 * BYTE_TICKS));
    usart_run(&uart, usart_due(&uart, first));
    assert_true(usart_read(&uart, USART_TCTL) & TXEPT);
    assert_int_equal(sent(), 'a');
    assert_int_equal(sent(), 'b');
}

static void transmitter_stands_still_without_its_clock(void **state)
{
    (void)state;
    start_uart(SMCLK, 0);
    usart_write(&uart, USART_TXBUF, 'a', 0);
    clock_set_power(&c, CPU_OFF | CPU_SCG1, CLOCK_US);
    assert_int_equal(usart_due(&uart, CLOCK_US), CLOCK_NEVER);
}

static void wrong_rate_garbles(void **state)
{
    (void)state;
    start_uart(SMCLK, URXEIE);
    usart_write(&uart, USART_BR0, DIVIDER - 5, 0);
    usart_write(&uart, USART_TXBUF, 'a', 0);
    usart_run(&uart, usart_due(&uart, 0));
    assert_int_not_equal(sent(), 'a');
    receive('x', CLOCK_SECOND);
    assert_true(usart_read(&uart, USART_RCTL) & FE);
    assert_int_not_equal(usart_read(&uart, USART_RXBUF), 'x');
}

/* 4.5 %, at 802 clocks a byte. */
static void rates_agree_within_limits(void **state)
{
    static const struct {
        unsigned line_baud;
        bool is_good;
    } TABLE[] = {{BAUD * 1000 / 1043, true},
                 {BAUD * 1000 / 958, true},
                 {BAUD * 1000 / 1048, false},
                 {BAUD * 1000 / 953, false}};

    (void)state;
    for (unsigned i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        start_uart(SMCLK, URXEIE);
        uart.line_baud = TABLE[i].line_baud;
        receive('x', (i + 1) * CLOCK_SECOND);
        assert_int_equal((usart_read(&uart, USART_RCTL) & FE) == 0, TABLE[i].is_good);
        assert_int_equal(usart_read(&uart, USART_RXBUF) == 'x', TABLE[i].is_good);
    }
}

static void disabled_transmitter_sends_nothing(void **state)
{
    (void)state;
    start_uart(SMCLK, 0);
    sfr.r[SFR_ME2] = RX;
    usart_write(&uart, USART_TXBUF, 'a', 0);
    assert_int_equal(usart_due(&uart, 0), CLOCK_NEVER);
    sfr.r[SFR_ME2] = RX | TX;
    ports_write(&ports, P3SEL, 0x80, 0);
    usart_write(&uart, USART_TXBUF, 'a', 0);
    assert_int_equal(usart_due(&uart, 0), CLOCK_NEVER);
}

static void received_byte_comes_after_a_frame(void **state)
{
    (void)state;
    start_uart(SMCLK, 0);
    line_push(&line, 'x');
    assert_int_equal(usart_due(&uart, CLOCK_SECOND), CLOCK_SECOND);
    usart_run(&uart, CLOCK_SECOND);
    assert_false(sfr.r[SFR_IFG2] & RX);
    assert_int_equal(usart_due(&uart, CLOCK_SECOND), CLOCK_SECOND + 10 * CLOCK_SECOND / BAUD);
    usart_run(&uart, usart_due(&uart, CLOCK_SECOND));
    assert_true(sfr.r[SFR_IFG2] & RX);
    assert_int_equal(usart_read(&uart, USART_RXBUF), 'x');
    assert_false(sfr.r[SFR_IFG2] & RX);
    assert_int_equal(usart_read(&uart, USART_RCTL), 0);
}

/* The last byte wins; reading it clears the error (SLAU049 13.3.3). */
static void unread_byte_is_overrun(void **state)
{
    (void)state;
    start_uart(SMCLK, 0);
    receive('y', receive('x', CLOCK_SECOND));
    assert_int_equal(usart_read(&uart, USART_RCTL), OE | RXERR);
    assert_int_equal(usart_read(&uart, USART_RXBUF), 'y');
    assert_int_equal(usart_read(&uart, USART_RCTL), 0);
    assert_int_equal(uart.counts.overruns, 1);
}

static void faults_are_dropped_or_marked(void **state)
{
    (void)state;
    start_uart(SMCLK, 0);
    receive(LINE_BAD_STOP | 'x', CLOCK_SECOND);
    assert_false(sfr.r[SFR_IFG2] & RX);
    assert_int_equal(usart_read(&uart, USART_RCTL), FE | RXERR);
    setup(state);
    start_uart(SMCLK, URXEIE);
    receive(LINE_BAD_STOP | 'x', CLOCK_SECOND);
    assert_true(sfr.r[SFR_IFG2] & RX);
    assert_int_equal(usart_read(&uart, USART_RCTL), URXEIE | FE | RXERR);
    assert_int_equal(usart_read(&uart, USART_RXBUF), 'x');
    assert_int_equal(usart_read(&uart, USART_RCTL), URXEIE);
    receive(LINE_BREAK, 2 * CLOCK_SECOND);
    assert_int_equal(usart_read(&uart, USART_RCTL), URXEIE | FE | BRK | RXERR);
    assert_int_equal(usart_read(&uart, USART_RXBUF), 0);
    assert_int_equal(uart.counts.line_errors, 2);
}

static void interrupt_takes_the_flag(void **state)
{
    (void)state;
    start_uart(SMCLK, 0);
    sfr.r[SFR_IE2] = RX;
    receive('x', CLOCK_SECOND);
    assert_true(usart_interrupts_receive(&uart));
    usart_accept_receive(&uart);
    assert_false(usart_interrupts_receive(&uart));
    assert_int_equal(usart_read(&uart, USART_RXBUF), 'x');
}

/* SLAU049 13.2.8: the start bit wakes, without URXIFG, until URXSE is cleared. */
static void start_edge_interrupts(void **state)
{
    (void)state;
    start_uart(SMCLK | URXSE, 0);
    sfr.r[SFR_IE2] = RX;
    line_push(&line, 'x');
    usart_run(&uart, CLOCK_SECOND);
    assert_true(usart_interrupts_receive(&uart));
    assert_false(sfr.r[SFR_IFG2] & RX);
    usart_write(&uart, USART_TCTL, SMCLK, CLOCK_SECOND);
    usart_write(&uart, USART_TCTL, SMCLK | URXSE, CLOCK_SECOND);
    assert_false(usart_interrupts_receive(&uart));
    usart_run(&uart, usart_due(&uart, CLOCK_SECOND));
    assert_true(usart_interrupts_receive(&uart));
    assert_int_equal(usart_read(&uart, USART_RXBUF), 'x');
}

static void byte_without_clock_is_lost(void **state)
{
    (void)state;
    start_uart(SMCLK, URXEIE);
    clock_set_power(&c, CPU_OFF | CPU_SCG1, 0);
    receive('x', CLOCK_SECOND);
    assert_false(sfr.r[SFR_IFG2] & RX);
    assert_int_equal(uart.counts.lost, 1);
    clock_set_power(&c, 0, 2 * CLOCK_SECOND);
    receive('y', 3 * CLOCK_SECOND);
    assert_int_equal(usart_read(&uart, USART_RXBUF), 'y');
}

static void reset_bit_clears_flags(void **state)
{
    (void)state;
    start_uart(SMCLK, 0);
    sfr.r[SFR_IE2] = RX | TX;
    receive('x', CLOCK_SECOND);
    usart_write(&uart, USART_CTL, SWRST | CHAR, 2 * CLOCK_SECOND);
    assert_int_equal(sfr.r[SFR_IFG2], TX);
    assert_int_equal(sfr.r[SFR_IE2], 0);
}

static void other_modes_are_faults(void **state)
{
    static const uint8_t WRONG[] = {0x00, CHAR | 0x80, CHAR | 0x20, CHAR | 0x08, CHAR | SYNC, CHAR | MM};

    for (unsigned i = 0; i < sizeof WRONG; i++) {
        start_uart(SMCLK, 0);
        usart_write(&uart, USART_CTL, WRONG[i], 0);
        assert_int_equal(stop.kind, STOP_FAULT);
        teardown(state);
        setup(state);
    }
    start_uart(0, 0); /* no clock is connected to UCLK */
    assert_int_equal(stop.kind, STOP_FAULT);
}

static void spi_exchanges_bytes(void **state)
{
    (void)state;
    usart_write(&spi, USART_CTL, SWRST | CHAR | SYNC | MM, 0);
    usart_write(&spi, USART_TCTL, CKPH | SMCLK | STC, 0);
    usart_write(&spi, USART_BR0, 2, 0);
    sfr.r[SFR_ME1] = SPI_RX;
    usart_write(&spi, USART_CTL, CHAR | SYNC | MM, 0);
    assert_int_equal(stop.kind, STOP_NONE);
    cc2420_drive(&chip, true, true, true, 0);
    cc2420_drive(&chip, true, true, false, 0);
    usart_write(&spi, USART_TXBUF, 0x00, CLOCK_MS);
    assert_int_equal(usart_due(&spi, CLOCK_MS),
                     clock_time_of(&c, CLOCK_SMCLK, clock_ticks(&c, CLOCK_SMCLK, CLOCK_MS) + 16));
    usart_run(&spi, usart_due(&spi, CLOCK_MS));
    assert_true(sfr.r[SFR_IFG1] & SPI_RX);
    assert_int_equal(usart_read(&spi, USART_RXBUF), 0x00); /* the chip's status: nothing runs */
    assert_false(sfr.r[SFR_IFG1] & SPI_RX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reset_state_is_the_guides, setup, teardown),
        cmocka_unit_test_setup_teardown(byte_takes_as_long_as_its_registers_say, setup, teardown),
        cmocka_unit_test_setup_teardown(transmitter_has_a_buffer_behind_its_shift_register, setup, teardown),
        cmocka_unit_test_setup_teardown(transmitter_stands_still_without_its_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_rate_garbles, setup, teardown),
        cmocka_unit_test_setup_teardown(rates_agree_within_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(disabled_transmitter_sends_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(received_byte_comes_after_a_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(unread_byte_is_overrun, setup, teardown),
        cmocka_unit_test_setup_teardown(faults_are_dropped_or_marked, setup, teardown),
        cmocka_unit_test_setup_teardown(interrupt_takes_the_flag, setup, teardown),
        cmocka_unit_test_setup_teardown(start_edge_interrupts, setup, teardown),
        cmocka_unit_test_setup_teardown(byte_without_clock_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_bit_clears_flags, setup, teardown),
        cmocka_unit_test_setup_teardown(other_modes_are_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(spi_exchanges_bytes, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
