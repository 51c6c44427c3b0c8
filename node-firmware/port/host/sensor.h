/*
 * Simulated sensors: smooth values that depend on the node's name and on the time since its start alone.
 */
#ifndef SSM_SENSOR_H
#define SSM_SENSOR_H

#include "assoc.h"

struct sensor {
    int16_t middle; /* tenths of the unit */
    int16_t swing;  /* how far it goes to either side */
    uint16_t period_s;
    uint16_t phase_s;
};

/* A room of that name: its temperature and its humidity. */
void sensor_seed(const struct assoc_name *name, struct sensor *temperature, struct sensor *humidity);
/* In tenths of the unit. */
int16_t sensor_read(const struct sensor *sensor, uint32_t elapsed_ms);

#endif
