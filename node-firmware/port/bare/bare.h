/*
 * Between the node that speaks SLIP over a UART (serial.c, counter_log.c, main.c here) and a board without
 * operating system: what the board provides, and what its interrupt handlers call.
 *
 * Everything runs on one stack; interrupt handlers call serial_on_byte and serial_on_error alone.
 */
#ifndef SSM_BARE_H
#define SSM_BARE_H

#include "assoc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what a board provides, besides board.h and aes.h ---- */

/* Clocks, watchdog, timer, UART (115200 baud, 8N1), sensors. Returns with interrupts on. */
void bare_start(void);

/* Milliseconds since bare_start; wraps. */
uint32_t bare_now_ms(void);

/* Gives the UART one byte, waiting until there is room for it. */
void bare_uart_put(uint8_t byte);

/*
 * Feeds the watchdog and sleeps, in the deepest mode that UART and timer wake from, for `ms` at most; not at
 * all while serial_is_waiting(), which is asked with interrupts off, so that no wake-up is lost.
 */
void bare_sleep(uint32_t ms);

/* Whatever entropy the board has; may leave zeros. */
void bare_entropy(uint8_t *out, size_t len);

/*
 * Two pages of flash that are erased one at a time; an erased word reads 0xFFFFFFFF. Whether flash holds what
 * was asked for, its reader finds out. A loss of power may leave a word half written.
 */
enum { BARE_PAGES = 2, BARE_PAGE_WORDS = 32 };
uint32_t bare_page_word(uint8_t page, uint8_t word);
void bare_page_write(uint8_t page, uint8_t word, uint32_t value);
void bare_page_erase(uint8_t page);

/* What the node offers: the application's table, or one of the board's own made of its parts. */
struct node_resource;
extern const struct node_resource *const bare_resources;

/* Who the node is: the section .identity of the image, put there by scripts/firmware; erased (0xFF) without.
 */
struct bare_identity {
    uint8_t psk[ASSOC_PSK_LEN];
    struct assoc_name name;
};
extern const struct bare_identity bare_identity;
_Static_assert(sizeof(struct bare_identity) == 49, "each board's start.S leaves that much room");

/*
 * The stack, from its lowest byte to behind its highest, as the linker script names it. The start-up code
 * fills it with BARE_STACK_PAINT, so that what is still painted has never been used.
 */
enum { BARE_STACK_PAINT = 0xA5 };
extern const uint8_t bare_stack_low[];
extern const uint8_t bare_stack_high[];

/* ---- what the board's interrupt handlers call ---- */

/* A byte has been received. */
void serial_on_byte(uint8_t byte);
/* A break condition, a framing error or an overrun: the frame in progress is lost. */
void serial_on_error(void);
/* True once a whole frame waits for the main loop. */
bool serial_is_waiting(void);

#endif
