/*
 * What a board's memories hold when power comes and goes.
 */
#ifndef EMU_POWER_H
#define EMU_POWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The next of random numbers: which bits a cut of power has reached. */
uint64_t power_random(uint64_t *seed);
/* RAM after power-on: nothing that an image may rely on. */
void power_fill_ram(uint8_t *ram, size_t len, uint64_t seed);
/* The file that keeps the `len` bytes of flash: takes them from there, or makes it. -1: errno says why,
 * EINVAL for its length. */
int power_open_flash(const char *path, uint8_t *flash, size_t len);

#endif
