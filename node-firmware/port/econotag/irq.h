/*
 * The core's interrupt mask, and the board's part of an interrupt, by device.
 *
 * start.S calls board_interrupt, with interrupts off.
 */
#ifndef SSM_ECONOTAG_IRQ_H
#define SSM_ECONOTAG_IRQ_H

void irq_disable(void);
void irq_enable(void);

void board_interrupt(void);

/*
 * Stops the core until an interrupt is pending, whether it is masked or not; the clock of the devices goes
 * on. Call with interrupts off, and turn them on behind it.
 */
void irq_wait(void);

#endif
