#include "uart.h"

#include "bare.h"
#include "irq.h"
#include "mc13224v.h"

enum {
    MODULUS = 9999,
    INCREMENT = 767, /* 24 MHz * (767 + 1) / 9999 / 16 = 115,211 baud */
    FIFO_LEVEL = 0x3F,
    ROOM_TO_GO_ON = 16,
    ERRORS = MC_UART_START_ERROR | MC_UART_PARITY_ERROR | MC_UART_FRAME_ERROR | MC_UART_OVERRUN,
};

/* A pad becomes the UART's only once that is enabled. */
void uart_start(void)
{
    MC_UART1->con = 0;
    MC_UART1->br = INCREMENT << 16 | MODULUS;
    MC_UART1->con = MC_UART_TXE | MC_UART_RXE | MC_UART_MTXR;
    MC_UART1->rxcon = 1;
    MC_UART1->txcon = ROOM_TO_GO_ON;
    MC_GPIO->pad_dir_set[0] = 1u << MC_GPIO_UART1_TX;
    MC_GPIO->func_sel[0] = 1u << 2 * MC_GPIO_UART1_TX | 1u << 2 * MC_GPIO_UART1_RX;
    MC_ITC->intennum = MC_ITC_UART1;
}

/* Nothing tells which of the bytes is the bad one, so none is used. Reading the status clears the errors. */
void uart_interrupt(void)
{
    uint32_t status = MC_UART1->stat;

    while ((MC_UART1->rxcon & FIFO_LEVEL) != 0) {
        uint8_t byte = (uint8_t)MC_UART1->data;
        if ((status & ERRORS) == 0)
            serial_on_byte(byte);
    }
    if ((status & ERRORS) != 0)
        serial_on_error();
    if ((status & MC_UART_TXRDY) != 0)
        MC_UART1->con |= MC_UART_MTXR;
}

void bare_uart_put(uint8_t byte)
{
    while ((MC_UART1->txcon & FIFO_LEVEL) == 0) {
        irq_disable();
        MC_UART1->con &= ~(uint32_t)MC_UART_MTXR;
        irq_wait();
        irq_enable();
    }
    MC_UART1->data = byte;
}
