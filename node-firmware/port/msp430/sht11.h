/*
 * The SHT11 sensor of temperature and humidity on P1.5 (data), P1.6 (clock) and P1.7 (power), by Sensirion's
 * two-wire protocol.
 */
#ifndef SSM_SHT11_H
#define SSM_SHT11_H

#include <stdbool.h>
#include <stdint.h>

struct sht11_reading {
    int16_t temperature; /* tenths of a degree Celsius */
    int16_t humidity;    /* tenths of a percent, compensated for the temperature */
};

/* Powers the sensor, measures for 0.3 s, and switches it off. False if it does not answer. */
bool sht11_measure(struct sht11_reading *out);

#endif
