/*
 * The host board: port.h and app/board.h over a UDP socket, a counter file and simulated sensors.
 */
#ifndef SSM_PORT_HOST_H
#define SSM_PORT_HOST_H

#include "counter_file.h"
#include "port.h"
#include "sensor.h"

struct port {
    int socket; /* connected to the gateway */
    struct counter_file counter;
    uint32_t started_ms;
    struct sensor temperature;
    struct sensor humidity;
    bool light;
};

#endif
