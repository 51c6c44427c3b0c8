/*
 * The supply of the chip, measured by its analogue converter against a reference inside.
 */
#ifndef SSM_ECONOTAG_BATTERY_H
#define SSM_ECONOTAG_BATTERY_H

#include <stdint.h>

/* In tenths of a volt, which is about what the reference is good for: it differs by 75 mV from chip to chip.
 * Takes half a millisecond. */
int16_t battery_measure(void);

#endif
