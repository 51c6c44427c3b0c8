/*
 * A firmware image: a 32-bit little-endian ELF executable, what it puts into memory, and its symbols.
 */
#ifndef EMU_IMAGE_H
#define EMU_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image {
    uint8_t *bytes;
    size_t len;
};

/* Where `len` bytes at `address` of the board stand in `memory`, or NULL: nothing can be loaded there. */
typedef uint8_t *image_place_function(void *memory, uint32_t address, size_t len);

/* An image for the processor `machine` (EM_ARM, EM_MSP430). False: `reason` says why. Closed by the caller
 * even then. */
bool image_open(struct image *image, const char *path, uint16_t machine, const char **reason);
void image_close(struct image *image);

/* Puts each part to its load address. False: one has no place. */
bool image_load(const struct image *image, image_place_function *place, void *memory);
/* The value of the symbol `name`; a function's address without its Thumb bit. */
bool image_find(const struct image *image, const char *name, uint32_t *value);

#endif
