/*
 * The application: what this node offers to peers. A board passes the table to node_init and calls app_tick
 * from its loop.
 *
 * Keeps no state of its own; reads and switches through board.h.
 */
#ifndef SSM_APP_RESOURCES_H
#define SSM_APP_RESOURCES_H

#include "node_resource.h"

enum app_resource {
    APP_LINKS,
    APP_TEMPERATURE,
    APP_HUMIDITY,
    APP_LIGHT,
    APP_INTERVAL,
    APP_STATUS,
    APP_RESOURCES
};

enum { APP_INTERVAL_MAX_S = 3600 };

extern const struct node_resource app_resources[APP_RESOURCES + 1];

/*
 * Tells the observers of the readings when the interval since *told_ms (port_now_ms) is over, and moves
 * *told_ms. Returns in how many milliseconds to call again. To be called before node_tick.
 */
uint32_t app_tick(struct node *n, uint32_t *told_ms);

/* Adds `name`, such as " sealed=", and a decimal number. */
void app_add_number(struct node_window *out, const char *name, uint16_t value);

/* Parts for a board whose sensors are others: a table of its own takes these, and what reads its sensors. */
void app_add_reading(struct node_window *out, int16_t tenths); /* or BOARD_UNKNOWN */
void app_light_get(const struct node *n, struct node_window *out);
uint8_t app_light_put(struct node *n, const uint8_t *value, uint16_t len);
void app_interval_get(const struct node *n, struct node_window *out);
uint8_t app_interval_put(struct node *n, const uint8_t *value, uint16_t len);
void app_status_get(const struct node *n, struct node_window *out);

#endif
