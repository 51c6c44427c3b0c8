#include "port_host.h"

#include "board.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

uint32_t port_now_ms(struct port *port)
{
    struct timespec now;

    (void)port;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_sec * 1000u + (uint32_t)(now.tv_nsec / 1000000);
}

void port_random(struct port *port, uint8_t *out, size_t len)
{
    (void)port;
    if (getrandom(out, len, 0) != (ssize_t)len)
        memset(out, 0, len);
}

void port_send(struct port *port, const uint8_t *datagram, size_t len)
{
    host_link_send(&port->link, datagram, len);
}

static enum status counter_complain(const struct port *port, const char *what, enum status status)
{
    if (status != SSM_OK)
        fprintf(stderr, "ssm-node: cannot %s the association counter %s: %s\n", what, port->counter.name,
                status == SSM_MALFORMED ? "it holds no number" : strerror(errno));
    return status;
}

enum status port_load_counter(struct port *port, uint32_t *counter)
{
    return counter_complain(port, "load", counter_file_load(&port->counter, counter));
}

enum status port_save_counter(struct port *port, uint32_t counter)
{
    return counter_complain(port, "save", counter_file_save(&port->counter, counter));
}

int16_t board_temperature(struct port *port)
{
    return sensor_read(&port->temperature, port_now_ms(port) - port->started_ms);
}

int16_t board_humidity(struct port *port)
{
    return sensor_read(&port->humidity, port_now_ms(port) - port->started_ms);
}

bool board_light(struct port *port)
{
    return port->light;
}

void board_set_light(struct port *port, bool on)
{
    port->light = on;
}

uint16_t board_interval(struct port *port)
{
    return port->interval_s;
}

void board_set_interval(struct port *port, uint16_t seconds)
{
    port->interval_s = seconds;
}

/* Nothing but what the node itself counts. */
void board_status(struct port *port, struct node_window *out)
{
    (void)port;
    (void)out;
}
