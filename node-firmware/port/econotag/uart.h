/*
 * UART1 at 115,200 baud: hears by interrupt, sleeps while there is no room to send (bare_uart_put).
 */
#ifndef SSM_ECONOTAG_UART_H
#define SSM_ECONOTAG_UART_H

void uart_start(void);
void uart_interrupt(void);

#endif
