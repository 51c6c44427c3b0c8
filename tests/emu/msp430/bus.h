/*
 * The peripheral addresses of the MSP430F1611 and its interrupt vectors: which device answers where.
 * Part of the machine; called by its memory.
 */
#ifndef EMU_BUS_H
#define EMU_BUS_H

#include "machine.h"

/* Interrupts by the place of their vector: 0xFFE0 + 2n. */
enum bus_vector {
    BUS_PORT2 = 1,
    BUS_UART_TX,
    BUS_UART_RX,
    BUS_PORT1,
    BUS_TIMER_A1,
    BUS_TIMER_A0,
    BUS_ADC12,
    BUS_SPI_TX,
    BUS_SPI_RX,
    BUS_WATCHDOG,
    BUS_TIMER_B1 = 12,
    BUS_TIMER_B0,
};

/* `owner` is the machine. Registers of modules with 8 bits are accessed as bytes, the others at even
 * addresses. */
uint16_t bus_read(void *owner, uint16_t address, bool is_byte);
void bus_write(void *owner, uint16_t address, uint16_t value, bool is_byte);
void bus_write_flash(void *owner, uint16_t address, uint16_t value, bool is_byte);
uint16_t bus_read_busy(void *owner);

/* Lets every device do what is due by now; machine.c's, and done before each access. */
void machine_run_events(struct machine *machine);

#endif
