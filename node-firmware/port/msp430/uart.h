/*
 * USART1 as UART at 115200 baud, 8N1: the USB plug of the Tmote Sky. bare_uart_put is here; what is received
 * goes to serial_on_byte and serial_on_error from the interrupt.
 */
#ifndef SSM_UART_H
#define SSM_UART_H

/* After clock_start. */
void uart_start(void);

/* The receive interrupt (start.S). */
void uart_on_receive(void);

#endif
