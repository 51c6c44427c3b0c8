/*
 * A firmware image: an ELF file for ARM, its loadable parts and its symbols.
 */
#ifndef EMU_IMAGE_H
#define EMU_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image;

/* NULL: a message is on stderr. */
struct image *image_open(const char *path);
void image_close(struct image *image);

/* Copies what the image puts into the `size` bytes at `base` to `memory`. False: it puts something elsewhere.
 */
bool image_load(const struct image *image, uint32_t base, uint8_t *memory, uint32_t size);
/* The value of a symbol; a function's address without its Thumb bit. */
bool image_symbol(const struct image *image, const char *name, uint32_t *value);

#endif
