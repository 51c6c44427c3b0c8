/*
 * The ADC12: the chip's own temperature, for when there is no better sensor, and noise.
 */
#ifndef SSM_ADC_H
#define SSM_ADC_H

#include <stdint.h>

/* Of the chip in tenths of a degree Celsius; wrong by some degrees (SLAS368, not calibrated). Takes 20 ms. */
int16_t adc_temperature(void);

#endif
