/*
 * Datagrams over the UART, framed by SLIP. bare.h has the half that interrupt handlers call; this is the main
 * loop's.
 *
 * Two slots, so that a datagram arrives while the one before is worked on; a third one in that time is
 * dropped.
 */
#ifndef SSM_SERIAL_H
#define SSM_SERIAL_H

#include <stddef.h>
#include <stdint.h>

/* From now on datagrams are kept; bytes that were received before are gone. */
void serial_start(void);

/* The oldest datagram that has arrived, at most LINK_MTU_ONE_HOP bytes to work in; its length, or 0 for none.
 * It is the caller's until serial_release. */
size_t serial_take(uint8_t **datagram);
/* Wipes what serial_take gave and has it filled again. */
void serial_release(void);

/* Sends a datagram; returns when the UART has its last byte. */
void serial_send(const uint8_t *datagram, size_t len);

/* Datagrams dropped: too long, badly framed, spoiled by an error on the line, or without a free slot. */
uint16_t serial_dropped(void);
/* Breaks, framing errors and overruns. */
uint16_t serial_errors(void);

#endif
