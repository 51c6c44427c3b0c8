#include "machine.h"

#include "bus.h"

#include <string.h>

enum device { TIMER_A, TIMER_B, WATCHDOG, UART, SPI, FLASH, SENSOR, CONVERTER, NOTHING };

/* What a device does when its time has come. */
struct event {
    uint64_t time;
    enum device device;
};

enum { VECTOR_TABLE = 0xFFE0, VECTORS = 16 };

uint64_t machine_now(const struct machine *m)
{
    return clock_time_of_cycles(&m->clock, m->cpu.cycles);
}

static void consider(struct event *next, uint64_t time, enum device device)
{
    if (time < next->time)
        *next = (struct event){.time = time, .device = device};
}

static struct event next_event(const struct machine *m, uint64_t now)
{
    struct event next = {.time = CLOCK_NEVER, .device = NOTHING};

    consider(&next, timer_due(&m->timer_a), TIMER_A);
    consider(&next, timer_due(&m->timer_b), TIMER_B);
    consider(&next, watchdog_due(&m->watchdog), WATCHDOG);
    consider(&next, usart_due(&m->uart, now), UART);
    consider(&next, usart_due(&m->spi, now), SPI);
    consider(&next, flash_due(&m->flash), FLASH);
    consider(&next, sht11_due(&m->sht11), SENSOR);
    consider(&next, adc12_due(&m->adc12), CONVERTER);
    return next;
}

static void run_event(struct machine *m, const struct event *event)
{
    switch (event->device) {
    case TIMER_A:
        timer_sync(&m->timer_a, event->time);
        break;
    case TIMER_B:
        timer_sync(&m->timer_b, event->time);
        break;
    case WATCHDOG:
        watchdog_run(&m->watchdog, event->time);
        break;
    case UART:
        usart_run(&m->uart, event->time);
        break;
    case SPI:
        usart_run(&m->spi, event->time);
        break;
    case FLASH:
        flash_run(&m->flash);
        break;
    case SENSOR:
        sht11_run(&m->sht11);
        ports_refresh(&m->ports, event->time);
        break;
    case CONVERTER:
        adc12_run(&m->adc12);
        break;
    default:
        break;
    }
}

void machine_run_events(struct machine *m)
{
    uint64_t now = machine_now(m);
    struct event next = next_event(m, now);

    while (next.time <= now && m->stop.kind == STOP_NONE) {
        run_event(m, &next);
        next = next_event(m, now);
    }
}

/* ---- interrupts and resets ---- */

static void set_pending(struct machine *m, unsigned vector, bool is_pending)
{
    if (is_pending)
        m->pending |= (uint16_t)(1u << vector);
}

static void collect_interrupts(struct machine *m)
{
    m->pending = 0;
    set_pending(m, BUS_PORT2, ports_interrupt(&m->ports, 2));
    set_pending(m, BUS_UART_TX, usart_interrupts_transmit(&m->uart));
    set_pending(m, BUS_UART_RX, usart_interrupts_receive(&m->uart));
    set_pending(m, BUS_PORT1, ports_interrupt(&m->ports, 1));
    set_pending(m, BUS_TIMER_A1, timer_interrupts_others(&m->timer_a));
    set_pending(m, BUS_TIMER_A0, timer_interrupts_first(&m->timer_a));
    set_pending(m, BUS_ADC12, adc12_interrupts(&m->adc12));
    set_pending(m, BUS_SPI_TX, usart_interrupts_transmit(&m->spi));
    set_pending(m, BUS_SPI_RX, usart_interrupts_receive(&m->spi));
    set_pending(m, BUS_WATCHDOG, (m->sfr.r[SFR_IFG1] & m->sfr.r[SFR_IE1] & SFR_WDT) != 0);
    set_pending(m, BUS_TIMER_B1, timer_interrupts_others(&m->timer_b));
    set_pending(m, BUS_TIMER_B0, timer_interrupts_first(&m->timer_b));
}

/* Sources with a flag of their own lose it when they are served. */
static void acknowledge(struct machine *m, unsigned vector)
{
    switch (vector) {
    case BUS_UART_TX:
        usart_accept_transmit(&m->uart);
        break;
    case BUS_UART_RX:
        usart_accept_receive(&m->uart);
        break;
    case BUS_TIMER_A0:
        timer_accept_first(&m->timer_a);
        break;
    case BUS_SPI_TX:
        usart_accept_transmit(&m->spi);
        break;
    case BUS_SPI_RX:
        usart_accept_receive(&m->spi);
        break;
    case BUS_WATCHDOG:
        m->sfr.r[SFR_IFG1] &= (uint8_t)~SFR_WDT;
        break;
    case BUS_TIMER_B0:
        timer_accept_first(&m->timer_b);
        break;
    default:
        break;
    }
}

static void sync_timers(struct machine *m, uint64_t now)
{
    timer_sync(&m->timer_a, now);
    timer_sync(&m->timer_b, now);
}

/* The clocks follow the power bits of SR. */
static void update_power(struct machine *m)
{
    uint16_t power = m->cpu.r[CPU_SR] & CPU_POWER_BITS;
    uint64_t now = machine_now(m);

    if (power == m->clock.power_bits)
        return;
    sync_timers(m, now);
    clock_set_power(&m->clock, power, now);
}

static unsigned sleep_mode(uint16_t sr)
{
    if (sr & CPU_OSCOFF)
        return 4;
    return (sr & CPU_SCG1 ? 2 : 0) + (sr & CPU_SCG0 ? 1 : 0);
}

static void sleep_until(struct machine *m, uint64_t time)
{
    m->slept_ps[sleep_mode(m->cpu.r[CPU_SR])] += time - machine_now(m);
    clock_resume(&m->clock, m->cpu.cycles, time);
}

static struct measure_place place_of(const struct cpu *cpu)
{
    return (struct measure_place){.address = cpu->r[CPU_PC], .stack = cpu->r[CPU_SP]};
}

/* Where a function that begins here returns to. */
static struct measure_place place_after(const struct cpu *cpu)
{
    uint16_t sp = cpu->r[CPU_SP];

    return (struct measure_place){.address = memory_plain_word(cpu->memory, sp), .stack = (uint16_t)(sp + 2)};
}

/* The highest vector goes first. The DCO starts before the CPU does, if it was off. */
static void accept_interrupt(struct machine *m)
{
    unsigned vector = VECTORS - 1;
    uint16_t sr = m->cpu.r[CPU_SR];

    while ((m->pending >> vector & 1) == 0)
        vector--;
    if ((sr & CPU_OFF) != 0 && sleep_mode(sr) >= 3)
        sleep_until(m, machine_now(m) + CLOCK_DCO_START);
    if (m->measure)
        measure_interrupt(m->measure, place_of(&m->cpu), m->cpu.cycles);
    acknowledge(m, vector);
    cpu_interrupt(&m->cpu, (uint16_t)(VECTOR_TABLE + 2 * vector));
    m->interrupts++;
    m->is_ready = false;
    m->is_touched = true;
}

static void reset(struct machine *m, enum reset_cause cause)
{
    uint64_t now = machine_now(m);
    uint8_t watchdog_flag = cause == RESET_POWER_ON ? 0 : m->sfr.r[SFR_IFG1] & SFR_WDT;

    m->resets[cause]++;
    m->sfr = (struct sfr){.r = {[SFR_IFG1] = watchdog_flag | SFR_OF}};
    clock_reset(&m->clock, now);
    timer_reset(&m->timer_a, now);
    timer_reset(&m->timer_b, now);
    watchdog_reset(&m->watchdog, now);
    usart_reset(&m->spi);
    usart_reset(&m->uart);
    flash_reset(&m->flash);
    adc12_reset(&m->adc12);
    ports_reset(&m->ports, now);
    if (m->measure)
        measure_reset(m->measure);
    if (memory_plain_word(&m->memory, MEMORY_RESET_VECTOR) == 0xFFFF)
        stop_ask(&m->stop, STOP_FAULT, "no reset vector");
    cpu_reset(&m->cpu);
    m->is_ready = false;
}

/* ---- running ---- */

static void write_trace(struct machine *m)
{
    const uint16_t *r = m->cpu.r;

    fprintf(m->trace, "%llu %04x: %04x  sp %04x sr %04x", (unsigned long long)m->cpu.cycles, r[CPU_PC],
            memory_plain_word(&m->memory, r[CPU_PC]), r[CPU_SP], r[CPU_SR]);
    for (unsigned i = CPU_CG + 1; i < CPU_REGISTERS; i++)
        fprintf(m->trace, " r%u %04x", i, r[i]);
    fputc('\n', m->trace);
}

/*
 * Up to `limit` cycles, or until something other than the CPU has its turn. An interrupt is accepted after an
 * instruction that GIE was set before, or after RETI: what follows EINT always runs (SLAU049 3.4.6, EINT).
 */
static inline void run_instructions(struct machine *m, uint64_t limit, bool is_watched)
{
    struct cpu *cpu = &m->cpu;
    uint16_t power = m->clock.power_bits, before;

    m->is_touched = false;
    do {
        if (is_watched) {
            if (m->measure)
                measure_step(m->measure, place_of(cpu), place_after(cpu), cpu->cycles);
            if (m->trace)
                write_trace(m);
        }
        before = cpu->r[CPU_SR];
        cpu_step(cpu);
        if ((uint16_t)(cpu->r[CPU_SP] - MEMORY_RAM) < (uint16_t)(m->stack_low - MEMORY_RAM))
            m->stack_low = cpu->r[CPU_SP];
        m->is_ready = (before & CPU_GIE) != 0 || cpu->opcode == CPU_OPCODE_RETI;
        if ((cpu->r[CPU_SR] & CPU_POWER_BITS) != power ||
            (m->pending != 0 && m->is_ready && (cpu->r[CPU_SR] & CPU_GIE) != 0))
            return;
    } while (cpu->cycles < limit && !m->is_touched && m->stop.kind == STOP_NONE);
}

static void run_cpu(struct machine *m, uint64_t until)
{
    uint64_t due = next_event(m, machine_now(m)).time;
    uint64_t limit = clock_cycles_until(&m->clock, due < until ? due : until);

    if (limit > m->cycle_limit)
        limit = m->cycle_limit;
    if (m->measure || m->trace)
        run_instructions(m, limit, true);
    else
        run_instructions(m, limit, false);
}

static bool accepts_interrupt(const struct machine *m)
{
    uint16_t sr = m->cpu.r[CPU_SR];

    return m->pending != 0 && (sr & CPU_GIE) != 0 && (m->is_ready || (sr & CPU_OFF) != 0);
}

void machine_run(struct machine *m, uint64_t until)
{
    while (m->stop.kind == STOP_NONE && machine_now(m) < until) {
        update_power(m);
        machine_run_events(m);
        if (m->sfr.reset != RESET_NONE)
            reset(m, m->sfr.reset);
        collect_interrupts(m);
        if (m->cpu.cycles >= m->cycle_limit) {
            stop_ask(&m->stop, STOP_CYCLES, "%llu cycles", (unsigned long long)m->cpu.cycles);
        } else if (accepts_interrupt(m)) {
            accept_interrupt(m);
        } else if (m->cpu.r[CPU_SR] & CPU_OFF) {
            uint64_t due = next_event(m, machine_now(m)).time;

            sleep_until(m, due < until ? due : until);
        } else {
            run_cpu(m, until);
        }
    }
}

uint64_t machine_next(struct machine *m)
{
    uint64_t now = machine_now(m);

    if ((m->cpu.r[CPU_SR] & CPU_OFF) == 0)
        return now;
    collect_interrupts(m);
    return accepts_interrupt(m) ? now : next_event(m, now).time;
}

void machine_init(struct machine *m, const struct machine_setup *setup, struct line *line)
{
    struct memory_io io = {.owner = m,
                           .read = bus_read,
                           .write = bus_write,
                           .write_flash = bus_write_flash,
                           .read_busy = bus_read_busy};

    memset(m, 0, sizeof *m);
    memory_init(&m->memory, &m->stop, &io);
    m->cpu.memory = &m->memory;
    clock_init(&m->clock, &m->stop);
    timer_init(&m->timer_a, 'A', 3, &m->clock, &m->stop);
    timer_init(&m->timer_b, 'B', 7, &m->clock, &m->stop);
    watchdog_init(&m->watchdog, &m->clock, &m->sfr, &m->stop);
    flash_init(&m->flash, &m->memory, &m->clock, &m->sfr, &m->stop);
    sht11_init(&m->sht11, setup->temperature_tenths, setup->humidity_tenths, &m->stop);
    cc2420_init(&m->cc2420, &m->stop);
    ports_init(&m->ports, &m->sht11, &m->cc2420, setup->led_log);
    usart_init(&m->spi, &m->clock, &m->sfr, &m->ports, NULL, &m->cc2420, &m->stop);
    usart_init(&m->uart, &m->clock, &m->sfr, &m->ports, line, NULL, &m->stop);
    adc12_init(&m->adc12, setup->temperature_tenths, &m->clock, &m->stop);
    m->measure = setup->measure;
    m->trace = setup->trace;
    m->cycle_limit = UINT64_MAX;
    m->stack_low = MEMORY_RAM_END;
}

void machine_start(struct machine *m)
{
    reset(m, RESET_POWER_ON);
}
