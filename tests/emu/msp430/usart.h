/*
 * The USARTs (SLAU049 13, 14) as a Tmote Sky uses them: USART1 as UART (8 data bits, no parity, one stop bit)
 * on the serial line, USART0 as SPI master (8 bits) on the radio. Another mode is a fault.
 *
 * A byte takes as many ticks of the baud clock as the registers say; the clock stops with SMCLK in the deeper
 * low-power modes. A byte from the line is received if the clock ran through it at the line's rate within
 * 4.5 %, is garbled with FE set if it was more off, and is lost if it missed more than half.
 */
#ifndef EMU_USART_H
#define EMU_USART_H

#include "cc2420.h"
#include "clock.h"
#include "line.h"
#include "ports.h"
#include "sfr.h"

enum usart_offset {
    USART_CTL,
    USART_TCTL,
    USART_RCTL,
    USART_MCTL,
    USART_BR0,
    USART_BR1,
    USART_RXBUF,
    USART_TXBUF,
    USART_REGISTERS,
};

struct usart_counts {
    uint64_t received, sent;
    uint64_t overruns;    /* a byte came before the last one was read */
    uint64_t line_errors; /* breaks, framing errors, bytes at a wrong rate */
    uint64_t lost;        /* came while the receiver was off or had no clock */
};

struct usart {
    bool is_spi;
    uint8_t r[USART_REGISTERS];
    enum sfr_register ie, ifg, me;
    uint8_t rx_bit, tx_bit; /* in the three of them */
    bool tx_is_full, tx_is_shifting;
    uint8_t tx_shift;
    uint64_t tx_end; /* tick of the baud clock */
    uint64_t tx_started_ps;
    bool rx_is_shifting, rx_is_unread, rx_saw_edge;
    uint16_t rx_unit;
    uint64_t rx_end_ps, rx_start; /* rx_start: tick of the baud clock */
    struct usart_counts counts;
    const struct clock *clock;
    struct sfr *sfr;
    const struct ports *ports;
    struct line *line;     /* of the UART */
    unsigned line_baud;    /* what the line runs at */
    struct cc2420 *cc2420; /* of the SPI master */
    struct stop *stop;
};

/* USART0 with `cc2420`, USART1 with `line`; the other one is NULL. */
void usart_init(struct usart *usart, const struct clock *clock, struct sfr *sfr, const struct ports *ports,
                struct line *line, struct cc2420 *cc2420, struct stop *stop);
void usart_reset(struct usart *usart);
uint8_t usart_read(struct usart *usart, enum usart_offset offset);
void usart_write(struct usart *usart, enum usart_offset offset, uint8_t value, uint64_t now);
uint64_t usart_due(const struct usart *usart, uint64_t now);
void usart_run(struct usart *usart, uint64_t now);
bool usart_interrupts_receive(const struct usart *usart);
bool usart_interrupts_transmit(const struct usart *usart);
void usart_accept_receive(struct usart *usart);
void usart_accept_transmit(struct usart *usart);

#endif
