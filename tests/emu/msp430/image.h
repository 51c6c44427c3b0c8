/*
 * Loads an MSP430 ELF image (ELF 32-bit, little-endian) into memory at its load addresses, and finds symbols.
 */
#ifndef EMU_IMAGE_H
#define EMU_IMAGE_H

#include "memory.h"

#include <stddef.h>

struct image {
    uint8_t *bytes;
    size_t len;
};

/* Reads the file. False: `reason` says why; it is a string constant or strerror's. */
bool image_open(struct image *image, const char *path, const char **reason);
void image_close(struct image *image);
/* Copies what is to be loaded. False if a part lies outside flash and RAM. */
bool image_load(const struct image *image, struct memory *memory);
/* The value of the symbol `name`, or -1. */
int image_find(const struct image *image, const char *name);

#endif
