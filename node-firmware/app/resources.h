/*
 * The application: what this node offers to peers. A board passes the table to node_init.
 *
 * Keeps no state of its own; reads and switches through board.h.
 */
#ifndef SSM_APP_RESOURCES_H
#define SSM_APP_RESOURCES_H

#include "node_resource.h"

enum app_resource { APP_LINKS, APP_TEMPERATURE, APP_HUMIDITY, APP_LIGHT, APP_RESOURCES };

extern const struct node_resource app_resources[APP_RESOURCES + 1];

#endif
