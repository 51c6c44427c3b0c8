/* Reads the hexadecimal strings in which the vector files hold their bytes. */
#ifndef SSM_HEX_H
#define SSM_HEX_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fills `out` (at least half of the string's length) and returns how many bytes; a bad digit ends the
 * program. */
static inline size_t hex_read(const char *hex, uint8_t *out)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        char *end;
        out[i] = (uint8_t)strtoul(digits, &end, 16);
        if (*end != '\0') {
            fprintf(stderr, "bad digit in vector %s\n", hex);
            abort();
        }
    }
    return len;
}

#endif
