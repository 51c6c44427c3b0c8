/*
 * The node on a board without operating system: port.h over bare.h, and the loop.
 */
#include "bare.h"
#include "board.h"
#include "bytes.h"
#include "counter_log.h"
#include "node.h"
#include "resources.h"
#include "serial.h"

enum {
    INTERVAL_DEFAULT_S = 60,
    NO_IDENTITY_BLINK_MS = 500,
};

struct port {
    uint16_t interval_s;
};

static struct port port = {.interval_s = INTERVAL_DEFAULT_S};
static struct node node;

uint32_t port_now_ms(struct port *p)
{
    (void)p;
    return bare_now_ms();
}

void port_random(struct port *p, uint8_t *out, size_t len)
{
    (void)p;
    bare_entropy(out, len);
}

void port_send(struct port *p, const uint8_t *datagram, size_t len)
{
    (void)p;
    serial_send(datagram, len);
}

enum status port_load_counter(struct port *p, uint32_t *counter)
{
    (void)p;
    *counter = counter_log_load();
    return SSM_OK;
}

enum status port_save_counter(struct port *p, uint32_t counter)
{
    (void)p;
    return counter_log_save(counter);
}

uint16_t board_interval(struct port *p)
{
    return p->interval_s;
}

void board_set_interval(struct port *p, uint16_t seconds)
{
    p->interval_s = seconds;
}

/* The most that the stack has ever held. */
static uint16_t stack_used(void)
{
    const uint8_t *at = bare_stack_low;

    while (at < bare_stack_high && *at == BARE_STACK_PAINT)
        at++;
    return (uint16_t)(bare_stack_high - at);
}

void board_status(struct port *p, struct node_window *out)
{
    (void)p;
    app_add_number(out, " dropped=", serial_dropped());
    app_add_number(out, " errors=", serial_errors());
    app_add_number(out, " stack=", stack_used());
}

/* Erased flash is all ones. */
static bool has_identity(void)
{
    return bare_identity.name.len > 0 && bare_identity.name.len <= ASSOC_NAME_MAX;
}

/* Out of line: what a datagram costs is measured here. */
static SSM_NOINLINE void datagram_handle(void)
{
    uint8_t *datagram;
    size_t len = serial_take(&datagram);

    if (len == 0)
        return;
    node_input(&node, datagram, len);
    serial_release();
}

static _Noreturn void run(void)
{
    uint32_t told_ms = bare_now_ms();

    for (;;) {
        uint32_t tell_ms = app_tick(&node, &told_ms);
        uint32_t wait_ms = node_tick(&node);
        bare_sleep(tell_ms < wait_ms ? tell_ms : wait_ms);
        datagram_handle();
    }
}

int main(void)
{
    bare_start();
    while (!has_identity()) { /* nobody to be: scripts/firmware has not been used */
        board_set_light(&port, !board_light(&port));
        bare_sleep(NO_IDENTITY_BLINK_MS);
    }
    serial_start();
    node_init(&node, &bare_identity.name, bare_identity.psk, &port, bare_resources);
    if (node_start(&node) != SSM_OK)
        board_set_light(&port, true); /* the counter could not be stored; node_tick tries again */
    run();
}
