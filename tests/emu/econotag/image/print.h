/*
 * Printing on UART1 and what the compiler calls, for test images.
 */
#ifndef EMU_IMAGE_PRINT_H
#define EMU_IMAGE_PRINT_H

#include <stdint.h>

void print_start(void);
void print(const char *text);
/* "name: ok", or what it is instead of what it should be. */
void print_check(const char *name, uint32_t is, uint32_t should_be);
/* Waits until all has left. */
void print_flush(void);
/* "end", and then the core waits for ever. */
_Noreturn void print_end(void);

#endif
