#include "relay_lines.h"

#include "log.h"

#include <unistd.h>

static void on_datagram(void *ctx, uint8_t *datagram, size_t len, uint64_t now_ms)
{
    const struct relay_line *line = ctx;

    relay_from_node(line->lines->relay, &line->endpoint, datagram, len, now_ms);
}

static void on_lost(void *ctx)
{
    struct relay_line *line = ctx;
    const struct message m = {.type = MSG_LINE_LOST, .slot = (uint8_t)(line - line->lines->list)};

    line->since_ms = loop_now_ms();
    child_to_parent(line->lines->child, &m);
}

enum status relay_lines_open(struct relay_lines *l, const struct serial_ports *ports, struct child *child,
                             struct relay *relay)
{
    *l = (struct relay_lines){.ports = ports, .child = child, .relay = relay};
    for (size_t i = 0; i < ports->count; i++) {
        struct relay_line *line = &l->list[i];
        const struct serial_handler handler = {line, on_datagram, on_lost};

        line->lines = l;
        line->endpoint = serial_port_endpoint(&ports->list[i]);
        line->since_ms = loop_now_ms();
        line->serial = serial_line_create(child->loop, RELAY_HEADROOM, ports->list[i].baud != 0, &handler);
        if (line->serial == NULL) {
            log_line(LOG_ERR, "not enough memory for serial_links");
            return SSM_IO;
        }
    }
    return SSM_OK;
}

void relay_lines_close(struct relay_lines *l)
{
    for (size_t i = 0; i < SERIAL_PORTS_MAX; i++)
        serial_line_destroy(l->list[i].serial);
}

void relay_lines_attach(struct relay_lines *l, uint8_t number, int fd)
{
    if (number >= l->ports->count) {
        close(fd);
        return;
    }
    l->list[number].since_ms = loop_now_ms();
    serial_line_attach(l->list[number].serial, fd);
}

void relay_lines_send(struct relay_lines *l, const struct endpoint *node, const uint8_t *datagram, size_t len)
{
    for (size_t i = 0; i < l->ports->count; i++) {
        if (endpoint_equal(&l->list[i].endpoint, node))
            serial_line_send(l->list[i].serial, datagram, len);
    }
}

struct link_row relay_lines_row(const struct relay_lines *l, uint8_t number, uint64_t now_ms)
{
    const struct relay_line *line = &l->list[number];
    const struct serial_counts *counts = serial_line_counts(line->serial);

    return (struct link_row){.is_up = serial_line_is_up(line->serial),
                             .since_s = (uint32_t)((now_ms - line->since_ms) / 1000),
                             .to_node = counts->sent,
                             .from_node = counts->received,
                             .dropped = counts->dropped,
                             .spoiled = counts->spoiled};
}
