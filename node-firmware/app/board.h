/*
 * What the application needs of a board besides port.h: two sensors and a light.
 *
 * Resolved at link time, like port.h. Each returns at once.
 */
#ifndef SSM_BOARD_H
#define SSM_BOARD_H

#include "port.h"

#include <stdbool.h>

/* In tenths of a degree Celsius. */
int16_t board_temperature(struct port *port);
/* Relative humidity in tenths of a percent. */
int16_t board_humidity(struct port *port);

bool board_light(struct port *port);
void board_set_light(struct port *port, bool on);

#endif
