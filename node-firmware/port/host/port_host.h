/*
 * The host board: port.h and app/board.h over a link to the gateway, a counter file and simulated sensors.
 */
#ifndef SSM_PORT_HOST_H
#define SSM_PORT_HOST_H

#include "counter_file.h"
#include "host_link.h"
#include "port.h"
#include "sensor.h"

struct port {
    struct host_link link;
    struct counter_file counter;
    uint32_t started_ms;
    struct sensor temperature;
    struct sensor humidity;
    bool light;
    uint16_t interval_s; /* board_interval */
};

#endif
