#include "uart.h"

#include "bare.h"
#include "clock.h"
#include "f1611.h"

enum {
    BAUD = 115200,
    UART1_PINS = 0xC0, /* P3.6 sends, P3.7 receives */
    MODULATION = 0xF7, /* 7 of 8 bits are one cycle longer: 33.875 cycles for 33.849 */
};
_Static_assert(CLOCK_HZ / BAUD == 33 && CLOCK_HZ % BAUD * 8 / BAUD == 6, "MODULATION is for this clock");

void uart_start(void)
{
    P3SEL |= UART1_PINS;
    U1CTL = SWRST | CHAR_8;
    U1TCTL = USSEL_SMCLK;
    U1RCTL = URXEIE; /* spoiled bytes interrupt, too */
    U1BR0 = CLOCK_HZ / BAUD;
    U1BR1 = 0;
    U1MCTL = MODULATION;
    ME2 |= UTXE1 | URXE1;
    U1CTL = CHAR_8;
    IE2 |= URXIE1;
}

void uart_on_receive(void)
{
    uint8_t errors = U1RCTL;
    uint8_t byte = U1RXBUF; /* clears the errors */

    if ((errors & RXERR) != 0) /* framing, parity, overrun or break */
        serial_on_error();
    else
        serial_on_byte(byte);
}

/* The handler of the send interrupt (start.S) clears UTXIE1. */
void bare_uart_put(uint8_t byte)
{
    f1611_interrupts_off();
    while ((IFG2 & UTXIFG1) == 0) {
        IE2 |= UTXIE1;
        f1611_sleep();
        f1611_interrupts_off();
    }
    U1TXBUF = byte;
    f1611_interrupts_on();
}
