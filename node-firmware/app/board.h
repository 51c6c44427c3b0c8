/*
 * What the application needs of a board besides port.h: two sensors, a light and one number to keep.
 *
 * Resolved at link time, like port.h. A sensor may take half a second; the board goes on receiving meanwhile.
 */
#ifndef SSM_BOARD_H
#define SSM_BOARD_H

#include "node_resource.h"

/* What a sensor says that is not there, or does not answer. */
#define BOARD_UNKNOWN INT16_MIN

/* In tenths of a degree Celsius. */
int16_t board_temperature(struct port *port);
/* Relative humidity in tenths of a percent. */
int16_t board_humidity(struct port *port);

bool board_light(struct port *port);
void board_set_light(struct port *port, bool on);

/* Seconds from one notification of observers to the next, as set last; 0: none are sent. */
uint16_t board_interval(struct port *port);
void board_set_interval(struct port *port, uint16_t seconds);

/* Adds to the status what the board counts: " name=value" as often as needed. */
void board_status(struct port *port, struct node_window *out);

#endif
