#include "lines.h"

#include "log.h"
#include "loop.h"

#include <errno.h>
#include <string.h>

enum {
    RETRY_FIRST_MS = 250, /* doubles */
    RETRY_MAX_MS = 2000,
};

void lines_init(struct lines *l, const struct serial_ports *ports,
                void (*to_relay)(void *ctx, const struct message *m, int fd), void *ctx)
{
    *l = (struct lines){.ports = ports, .ctx = ctx, .to_relay = to_relay};
    for (size_t i = 0; i < ports->count; i++)
        l->list[i] = (struct line){.fd = -1, .delay_ms = RETRY_FIRST_MS};
}

void lines_close(struct lines *l)
{
    for (size_t i = 0; i < l->ports->count; i++) {
        if (l->list[i].fd >= 0)
            serial_port_close(l->list[i].fd);
    }
}

static void give(const struct lines *l, uint8_t number)
{
    const struct message m = {.type = MSG_SOCKET, .kind = SOCKET_SERIAL_LINE, .slot = number};

    l->to_relay(l->ctx, &m, l->list[number].fd);
}

void lines_give(const struct lines *l)
{
    for (uint8_t i = 0; i < l->ports->count; i++) {
        if (l->list[i].fd >= 0)
            give(l, i);
    }
}

static void retry_later(struct line *line, uint64_t now_ms)
{
    line->retry_ms = now_ms + line->delay_ms;
    line->delay_ms *= 2;
    if (line->delay_ms > RETRY_MAX_MS)
        line->delay_ms = RETRY_MAX_MS;
}

static void try_to_open(struct lines *l, uint8_t number, uint64_t now_ms)
{
    const struct serial_port *port = &l->ports->list[number];
    struct line *line = &l->list[number];

    if (serial_port_open(port, &line->fd) == SSM_OK) {
        line->opened_ms = now_ms;
        line->is_said = false;
        log_event(LOG_NOTICE, now_ms, "a serial line is open", ": %s", port->name);
        give(l, number);
        return;
    }
    if (!line->is_said)
        log_line(LOG_WARNING, "serial_links: cannot open %s: %s; trying again until that works", port->name,
                 strerror(errno));
    line->is_said = true;
    retry_later(line, now_ms);
}

uint64_t lines_tick(struct lines *l, uint64_t now_ms)
{
    uint64_t next_ms = LOOP_NEVER;

    for (uint8_t i = 0; i < l->ports->count; i++) {
        struct line *line = &l->list[i];

        if (line->fd < 0 && now_ms >= line->retry_ms)
            try_to_open(l, i, now_ms);
        if (line->fd < 0 && line->retry_ms < next_ms)
            next_ms = line->retry_ms;
    }
    return next_ms;
}

void lines_lost(struct lines *l, uint8_t number, uint64_t now_ms)
{
    struct line *line = &l->list[number];

    if (number >= l->ports->count || line->fd < 0)
        return;
    log_event(LOG_WARNING, now_ms, "a serial line is lost; trying to open it again until that works", ": %s",
              l->ports->list[number].name);
    serial_port_close(line->fd);
    line->fd = -1;
    line->is_said = true;
    /* One that is lost as soon as it is open is not opened more often than one that is missing. */
    if (now_ms - line->opened_ms >= RETRY_MAX_MS)
        line->delay_ms = RETRY_FIRST_MS;
    retry_later(line, now_ms);
}
