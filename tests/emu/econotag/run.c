#include "run.h"

#include "signals.h"

#include <elf.h>
#include <string.h>

enum {
    SLICE = MACHINE_CLOCK_HZ / 1000, /* between two looks at the line and at the clock */
    SLICES_UNHEARD =
        100, /* that long what opens the line, or a signal, may have to wait while the core does */
};

static uint64_t ns_of_cycles(uint64_t cycles)
{
    return cycles * 125 / 3; /* 24 MHz */
}

static uint64_t cycles_of_ns(uint64_t ns)
{
    return ns * 3 / 125;
}

static void send(void *context, uint8_t byte)
{
    struct run *r = context;

    line_send(&r->line, byte);
}

/* Where the run is to end. */
static uint64_t end_of(const struct run *r)
{
    return r->options->cycles > 0 ? r->options->cycles : UINT64_MAX;
}

static bool has_ended(const struct run *r)
{
    return signals_end() || r->machine.now >= end_of(r) || r->machine.flash.is_cut;
}

/* Puts the next byte or fault on the line towards the chip, as soon as the one before is over. */
static void feed_line(struct run *r)
{
    struct uart *u = &r->machine.uart;
    uint16_t unit;

    if (!uart_line_is_idle(u))
        return;
    signals_take(&r->line);
    if (!line_is_waiting(&r->line))
        line_poll(&r->line);
    if (!line_is_waiting(&r->line))
        return;
    unit = line_take(&r->line);
    uart_line_start(u, r->machine.now, (uint8_t)unit, unit > UINT8_MAX);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How far time may go, in nanoseconds. */
static uint64_t limit_of(struct run *r)
{
    return pace_limit(&r->pace, ns_of_cycles(r->machine.now));
}

/* Lets time go on to `until`, or to what comes from outside before. */
static void pass(struct run *r, uint64_t until)
{
    uint64_t due = ns_of_cycles(until), limit = limit_of(r);

    if (due > limit && uart_line_is_idle(&r->machine.uart)) {
        line_wait(&r->line, due - limit);
        limit = limit_of(r);
        if (limit < due) { /* something has been heard */
            uint64_t heard_at = cycles_of_ns(limit);
            until = heard_at < r->machine.now ? r->machine.now : heard_at;
        }
    }
    machine_advance(&r->machine, until);
}

/* A cpu_wait_function. */
static void wait_for_interrupt(void *context)
{
    struct run *r = context;
    struct machine *m = &r->machine;
    uint64_t from = m->now;

    while (m->crm.is_waiting && m->crm.wanted == CRM_RESET_NONE && !has_ended(r)) {
        feed_line(r);
        pass(r, earlier(earlier(machine_next_event(m), end_of(r)), m->now + SLICES_UNHEARD * SLICE));
    }
    r->waited += m->now - from;
}

/* Each step that may fail has said why. */
static bool prepare(struct run *r, const struct options *o)
{
    const char *reason;

    if (!image_open(&r->image, o->image, EM_ARM, &reason)) {
        fprintf(stderr, "emu-econotag: %s: %s\n", o->image, reason);
        return false;
    }
    if (!measure_add_all(&r->measure, &r->image, o->measures, o->measure_count))
        return false;
    if (o->flash != NULL && !flash_open(&r->machine.flash, o->flash)) {
        perror(o->flash);
        return false;
    }
    if (o->serial != NULL && !line_open(&r->line, o->serial)) {
        perror(o->serial);
        return false;
    }
    r->cpu = cpu_create(&r->machine, &r->image, &r->measure, o->seed, wait_for_interrupt, r);
    return r->cpu != NULL;
}

bool run_start(struct run *r, const struct options *options, uint16_t battery_mv)
{
    memset(r, 0, sizeof *r);
    r->options = options;
    line_init(&r->line);
    machine_init(&r->machine, options->seed, send, r);
    r->machine.flash.cut_at = options->power_cut;
    r->machine.adc.battery_mv = battery_mv;
    pace_start(&r->pace, options->is_unthrottled);
    return prepare(r, options);
}

const char *run_stopped_by(const struct run *r)
{
    if (r->machine.flash.is_cut)
        return "power-cut";
    return signals_end() ? "signal" : "cycles";
}

void run_end(struct run *r)
{
    cpu_destroy(r->cpu);
    line_close(&r->line);
    image_close(&r->image);
}

/* Does not let the emulated time run ahead of the wall's. */
static void pace(struct run *r)
{
    static const struct line NOTHING = {.is_terminal = false};
    uint64_t now = ns_of_cycles(r->machine.now), limit = limit_of(r);

    if (now > limit && now - limit > ns_of_cycles(SLICE))
        line_wait(&NOTHING, now - limit);
}

void run_until_end(struct run *r)
{
    struct machine *m = &r->machine;

    while (!has_ended(r)) {
        feed_line(r);
        cpu_run(r->cpu, earlier(earlier(m->now + SLICE, end_of(r)), uart_next_event(&m->uart)));
        if (m->crm.wanted != CRM_RESET_NONE) {
            machine_reset(m);
            cpu_reset(r->cpu);
        }
        pace(r);
    }
}
