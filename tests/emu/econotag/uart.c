#include "uart.h"

#include "fault.h"

#include <string.h>

enum {
    BITS_PER_BYTE_ON_LINE = 10,
    IDLE_BYTE_TIME = 2083, /* 115,200 baud: for what is on the line while the UART has no rate */
    CON_MODELLED = UART_CON_TXE | UART_CON_RXE | UART_CON_XTIM | UART_CON_MTXR | UART_CON_MRXR,
};

static void fifo_put(struct uart_fifo *f, uint8_t byte)
{
    f->bytes[(f->first + f->count++) % UART_FIFO_LEN] = byte;
}

static uint8_t fifo_take(struct uart_fifo *f)
{
    uint8_t byte = f->bytes[f->first];

    f->first = (f->first + 1) % UART_FIFO_LEN;
    f->count--;
    return byte;
}

void uart_reset(struct uart *u)
{
    struct uart fresh = {
        .bytes_in = u->bytes_in,
        .bytes_out = u->bytes_out,
        .overruns = u->overruns,
        .line_errors = u->line_errors,
        .send = u->send,
        .context = u->context,
    };

    *u = fresh;
}

uint64_t uart_byte_time(const struct uart *u)
{
    uint64_t increment = (u->br >> 16) + 1;
    uint64_t modulus = u->br & 0xFFFF;
    uint64_t oversampling = (u->con & UART_CON_XTIM) != 0 ? 8 : 16;

    return modulus * oversampling * BITS_PER_BYTE_ON_LINE / increment;
}

static bool receiver_is_ready(const struct uart *u)
{
    return u->rx.count > 0 && u->rx.count >= u->rx_threshold;
}

static bool transmitter_is_ready(const struct uart *u)
{
    return (u->con & UART_CON_TXE) != 0 && UART_FIFO_LEN - u->tx.count >= u->tx_threshold;
}

bool uart_interrupts(const struct uart *u)
{
    return (receiver_is_ready(u) && (u->con & UART_CON_MRXR) == 0) ||
           (transmitter_is_ready(u) && (u->con & UART_CON_MTXR) == 0);
}

static uint32_t status_take(struct uart *u)
{
    uint32_t status = u->errors;

    u->errors = 0;
    if (receiver_is_ready(u))
        status |= UART_STAT_RXRDY;
    if (transmitter_is_ready(u))
        status |= UART_STAT_TXRDY;
    return status;
}

static uint8_t data_take(struct uart *u)
{
    if (u->rx.count > 0)
        return fifo_take(&u->rx);
    u->errors |= UART_STAT_RUE;
    return 0;
}

uint32_t uart_read(struct uart *u, uint32_t offset)
{
    switch (offset) {
    case UART_CON:
        return u->con;
    case UART_STAT:
        return status_take(u);
    case UART_DATA:
        return data_take(u);
    case UART_RXCON:
        return u->rx.count;
    case UART_TXCON:
        return UART_FIFO_LEN - u->tx.count;
    case UART_CTS:
        return u->cts;
    case UART_BR:
        return u->br;
    default:
        emu_fault("read of UART1 register 0x%02x", (unsigned)offset);
    }
}

static void send_next(struct uart *u, uint64_t now)
{
    uint64_t byte_time = uart_byte_time(u);

    u->is_sending = u->tx.count > 0 && (u->con & UART_CON_TXE) != 0 && byte_time > 0;
    if (!u->is_sending)
        return;
    u->sending = fifo_take(&u->tx);
    u->sent_at = now + byte_time;
}

static void data_write(struct uart *u, uint64_t now, uint8_t byte)
{
    if (u->tx.count == UART_FIFO_LEN) {
        u->errors |= UART_STAT_TOE;
        return;
    }
    fifo_put(&u->tx, byte);
    if (!u->is_sending)
        send_next(u, now);
}

void uart_write(struct uart *u, uint64_t now, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case UART_CON:
        if ((value & ~(uint32_t)CON_MODELLED) != 0)
            emu_fault("UART1 mode 0x%04x", (unsigned)value);
        u->con = value;
        break;
    case UART_DATA:
        data_write(u, now, (uint8_t)value);
        break;
    case UART_RXCON:
        u->rx_threshold = value & 0x3F;
        break;
    case UART_TXCON:
        u->tx_threshold = value & 0x3F;
        break;
    case UART_CTS:
        u->cts = value & 0x1F;
        break;
    case UART_BR:
        if ((u->con & (UART_CON_TXE | UART_CON_RXE)) == 0) /* only a disabled UART takes a rate */
            u->br = value;
        break;
    default:
        emu_fault("write of UART1 register 0x%02x", (unsigned)offset);
    }
}

void uart_select_pads(struct uart *u, bool tx, bool rx)
{
    u->tx_pad = tx && (u->con & UART_CON_TXE) != 0;
    u->rx_pad = rx && (u->con & UART_CON_RXE) != 0;
}

bool uart_line_is_idle(const struct uart *u)
{
    return !u->is_hearing;
}

void uart_line_start(struct uart *u, uint64_t now, uint8_t byte, bool bad_stop)
{
    uint64_t byte_time = uart_byte_time(u);

    u->is_hearing = true;
    u->hearing = byte;
    u->heard_bad_stop = bad_stop;
    u->heard_at = now + (byte_time > 0 ? byte_time : IDLE_BYTE_TIME);
}

/* The byte on the line is complete. */
static void hear(struct uart *u)
{
    u->is_hearing = false;
    if ((u->con & UART_CON_RXE) == 0 || !u->rx_pad || uart_byte_time(u) == 0)
        return;
    u->bytes_in++;
    if (u->heard_bad_stop) {
        u->errors |= UART_STAT_FE;
        u->line_errors++;
    }
    if (u->rx.count == UART_FIFO_LEN) {
        u->errors |= UART_STAT_ROE;
        u->overruns++;
        return;
    }
    fifo_put(&u->rx, u->hearing);
}

uint64_t uart_next_event(const struct uart *u)
{
    uint64_t next = u->is_sending ? u->sent_at : UINT64_MAX;

    return u->is_hearing && u->heard_at < next ? u->heard_at : next;
}

void uart_advance(struct uart *u, uint64_t now)
{
    while (u->is_sending && u->sent_at <= now) {
        uint64_t at = u->sent_at;
        u->is_sending = false;
        if (u->tx_pad) {
            u->bytes_out++;
            u->send(u->context, u->sending);
        }
        send_next(u, at);
    }
    if (u->is_hearing && u->heard_at <= now)
        hear(u);
}
