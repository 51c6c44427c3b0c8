/*
 * UART1 of the MC13224V: two FIFOs of 32 bytes, their thresholds, errors, and the line's timing.
 *
 * Owns the registers at 0x80005000. Time is the 24 MHz clock's. What it sends leaves through a callback; what
 * it hears is put on the line by its user, one byte at a time. Flow control and parity are not modelled.
 */
#ifndef EMU_UART_H
#define EMU_UART_H

#include <stdbool.h>
#include <stdint.h>

enum { UART_FIFO_LEN = 32 };

enum uart_register {
    UART_CON = 0x00,
    UART_STAT = 0x04,
    UART_DATA = 0x08,
    UART_RXCON = 0x0C,
    UART_TXCON = 0x10,
    UART_CTS = 0x14,
    UART_BR = 0x18,
};

enum uart_con_bit {
    UART_CON_TXE = 1 << 0,
    UART_CON_RXE = 1 << 1,
    UART_CON_XTIM = 1 << 10,
    UART_CON_MTXR = 1 << 13, /* 1: a ready transmitter does not interrupt */
    UART_CON_MRXR = 1 << 14, /* 1: a ready receiver does not interrupt */
};

enum uart_stat_bit {
    UART_STAT_FE = 1 << 2,
    UART_STAT_TOE = 1 << 3,
    UART_STAT_ROE = 1 << 4,
    UART_STAT_RUE = 1 << 5,
    UART_STAT_RXRDY = 1 << 6,
    UART_STAT_TXRDY = 1 << 7,
};

struct uart_fifo {
    uint8_t bytes[UART_FIFO_LEN];
    unsigned first, count;
};

struct uart {
    uint32_t con, br, cts;
    uint8_t rx_threshold, tx_threshold;
    uint8_t errors; /* of enum uart_stat_bit, until UART_STAT is read */
    bool tx_pad, rx_pad;
    struct uart_fifo rx, tx;
    bool is_sending, is_hearing;
    uint64_t sent_at, heard_at;
    uint8_t sending, hearing;
    bool heard_bad_stop;
    uint64_t bytes_in, bytes_out, overruns, line_errors;
    void (*send)(void *context, uint8_t byte);
    void *context;
};

/* As after a reset of the chip; the counts and the callback stay. */
void uart_reset(struct uart *u);
uint32_t uart_read(struct uart *u, uint32_t offset);
void uart_write(struct uart *u, uint64_t now, uint32_t offset, uint32_t value);

/*
 * The function of the pads GPIO 14 (transmit) and 15 (receive) has been written. They become the UART's only
 * if it is enabled already.
 */
void uart_select_pads(struct uart *u, bool tx, bool rx);

/* Clock cycles that a byte of ten bits takes; 0 while no baud rate is set. */
uint64_t uart_byte_time(const struct uart *u);

/* Nothing is on the line towards the chip. */
bool uart_line_is_idle(const struct uart *u);
/* A byte begins on the line. `bad_stop`: its stop bit is 0, as in a break or a framing error. */
void uart_line_start(struct uart *u, uint64_t now, uint8_t byte, bool bad_stop);

/* When something happens by itself next; UINT64_MAX: nothing. */
uint64_t uart_next_event(const struct uart *u);
/* Lets happen what is due. */
void uart_advance(struct uart *u, uint64_t now);

bool uart_interrupts(const struct uart *u);

#endif
