/*
 * The serial lines as the parent has them: opens each, gives its descriptor to `relay`, and tries again while
 * it cannot be opened.
 *
 * Called by the supervisor alone. Keeps each descriptor for the next `relay`; reads and writes nothing.
 */
#ifndef SSM_LINES_H
#define SSM_LINES_H

#include "message.h"
#include "serial_port.h"

struct line {
    int fd;             /* -1: not open */
    bool is_said;       /* the log knows that it is not */
    uint64_t retry_ms;  /* when to open it, while it is not */
    uint32_t delay_ms;  /* before the try after that */
    uint64_t opened_ms; /* last */
};

struct lines {
    const struct serial_ports *ports; /* of the configuration */
    void *ctx;
    void (*to_relay)(void *ctx, const struct message *m, int fd);
    struct line list[SERIAL_PORTS_MAX];
};

/* Opens nothing yet. */
void lines_init(struct lines *l, const struct serial_ports *ports,
                void (*to_relay)(void *ctx, const struct message *m, int fd), void *ctx);
void lines_close(struct lines *l);
/* Opens what is due; returns when it wants to be called again. */
uint64_t lines_tick(struct lines *l, uint64_t now_ms);
/* There is a new `relay`: gives it all that is open. */
void lines_give(const struct lines *l);
/* `relay` has lost a line. A number that no line has is ignored. */
void lines_lost(struct lines *l, uint8_t number, uint64_t now_ms);

#endif
