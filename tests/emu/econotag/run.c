#include "run.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    SLICE = MACHINE_CLOCK_HZ / 1000, /* between two looks at the line and at the clock */
    NS_PER_S = 1000000000,
    SLICES_UNHEARD =
        100, /* that long what opens the line, or a signal, may have to wait while the core does */
    LAG_MAX_NS = NS_PER_S, /* behind by more than that, the emulation does not try to catch up */
};

static uint64_t wall_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

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

static bool measure_start(struct run *r)
{
    const struct run_options *o = r->options;

    for (unsigned i = 0; i < o->measured_count; i++) {
        uint32_t address;
        if (!image_symbol(r->image, o->measured[i], &address)) {
            fprintf(stderr, "emu-econotag: %s has no function %s\n", o->image_path, o->measured[i]);
            return false;
        }
        measure_add(&r->measure, o->measured[i], address);
    }
    return true;
}

/* Where the run is to end. */
static uint64_t end_of(const struct run *r)
{
    return r->options->cycles > 0 ? r->options->cycles : UINT64_MAX;
}

static bool has_ended(const struct run *r)
{
    return r->signals->end || r->machine.now >= end_of(r) || r->machine.flash.is_cut;
}

/* Puts the next byte on the line towards the chip, as soon as the one before is over. */
static void feed_line(struct run *r)
{
    struct uart *u = &r->machine.uart;
    int byte;

    if (!uart_line_is_idle(u))
        return;
    if (r->signals->line_break > 0) {
        r->signals->line_break--;
        uart_line_start(u, r->machine.now, 0, true);
        return;
    }
    byte = line_take(&r->line);
    if (byte < 0)
        return;
    uart_line_start(u, r->machine.now, (uint8_t)byte, r->signals->framing_error > 0);
    if (r->signals->framing_error > 0)
        r->signals->framing_error--;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Lets time go on to `until`, or to what comes from outside before. */
static void pass(struct run *r, uint64_t until)
{
    uint64_t due = r->started_ns + ns_of_cycles(until);
    uint64_t wall = wall_ns();

    if (!r->options->is_at_max_speed && due > wall && uart_line_is_idle(&r->machine.uart)) {
        line_wait(&r->line, due - wall);
        wall = wall_ns();
        if (wall < due && wall > r->started_ns) { /* something has been heard */
            uint64_t heard_at = cycles_of_ns(wall - r->started_ns);
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

bool run_start(struct run *r, const struct run_options *options, struct run_signals *signals)
{
    memset(r, 0, sizeof *r);
    r->line.fd = -1;
    r->options = options;
    r->signals = signals;
    r->image = image_open(options->image_path);
    if (r->image == NULL || !measure_start(r))
        return false;
    machine_init(&r->machine, options->seed, send, r);
    r->machine.flash.cut_at = options->cut_at;
    r->machine.adc.battery_mv = (uint16_t)options->battery_mv;
    if (options->flash_path != NULL && !flash_open(&r->machine.flash, options->flash_path)) {
        perror(options->flash_path);
        return false;
    }
    if (!line_open(&r->line, options->line_link)) {
        perror(options->line_link);
        return false;
    }
    r->cpu = cpu_create(&r->machine, r->image, &r->measure, options->seed, wait_for_interrupt, r);
    r->started_ns = wall_ns();
    return r->cpu != NULL;
}

const char *run_stopped_by(const struct run *r)
{
    if (r->machine.flash.is_cut)
        return "power-cut";
    return r->signals->end ? "signal" : "cycles";
}

void run_end(struct run *r)
{
    cpu_destroy(r->cpu);
    line_close(&r->line);
    image_close(r->image);
}

/* Does not let the emulated time run ahead of the wall's, nor lag for ever. */
static void pace(struct run *r)
{
    uint64_t due = r->started_ns + ns_of_cycles(r->machine.now);
    uint64_t wall = wall_ns();

    if (r->options->is_at_max_speed)
        return;
    if (wall > due + LAG_MAX_NS)
        r->started_ns += wall - due;
    else if (due > wall + ns_of_cycles(SLICE))
        line_wait(&(struct line){.fd = -1}, due - wall);
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
