#include "report.h"

#include <inttypes.h>

static const char *const STOP_NAMES[] = {"running", "cycles", "power-cut", "signal", "fault"};
static const char *const RESET_NAMES[RESET_CAUSES] = {"", "power_on", "watchdog", "watchdog_key",
                                                      "flash_key"};

static double seconds(uint64_t ps)
{
    return (double)ps / (double)CLOCK_SECOND;
}

static void write_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

/* How long each low-power mode lasted, and the cycles that the CPU would have run meanwhile at its present
 * clock. */
static void write_sleep(FILE *file, const struct machine *m)
{
    double hz = clock_hz(&m->clock, CLOCK_MCLK);
    uint64_t slept = 0;

    fprintf(file, "  \"sleep_cycles\": {");
    for (unsigned i = 0; i < MACHINE_SLEEP_MODES; i++)
        fprintf(file, "%s\"lpm%u\": %.0f", i ? ", " : "", i, seconds(m->slept_ps[i]) * hz);
    fprintf(file, "},\n  \"sleep_mode_s\": {");
    for (unsigned i = 0; i < MACHINE_SLEEP_MODES; i++) {
        fprintf(file, "%s\"lpm%u\": %.6f", i ? ", " : "", i, seconds(m->slept_ps[i]));
        slept += m->slept_ps[i];
    }
    fprintf(file, "},\n  \"sleep_s\": %.6f,\n", seconds(slept));
}

static void write_uart(FILE *file, const struct usart *uart)
{
    const struct usart_counts *counts = &uart->counts;

    fprintf(file,
            "  \"uart\": {\"bytes_in\": %" PRIu64 ", \"bytes_out\": %" PRIu64 ", \"overruns\": %" PRIu64
            ", \"line_errors\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"dropped\": %" PRIu64 "},\n",
            counts->received, counts->sent, counts->overruns, counts->line_errors, counts->lost,
            uart->line->dropped);
}

static void write_leds(FILE *file, const struct ports *ports)
{
    fprintf(file, "  \"leds\": {");
    for (unsigned i = 0; i < PORTS_LEDS; i++)
        fprintf(file, "%s\"%s\": %d", i ? ", " : "", PORTS_LED_NAMES[i], ports->leds[i].is_on);
    fprintf(file, "},\n  \"led_changes\": {");
    for (unsigned i = 0; i < PORTS_LEDS; i++)
        fprintf(file, "%s\"%s\": %" PRIu64, i ? ", " : "", PORTS_LED_NAMES[i], ports->leds[i].changes);
    fprintf(file, "},\n");
}

static void write_devices(FILE *file, const struct machine *m)
{
    fprintf(file, "  \"resets\": {");
    for (unsigned i = RESET_POWER_ON; i < RESET_CAUSES; i++)
        fprintf(file, "%s\"%s\": %" PRIu64, i > RESET_POWER_ON ? ", " : "", RESET_NAMES[i], m->resets[i]);
    fprintf(file, "},\n");
    write_uart(file, &m->uart);
    fprintf(file,
            "  \"flash\": {\"writes\": %" PRIu64 ", \"erases\": %" PRIu64 ", \"refused\": %" PRIu64
            ", \"power_cut\": %s},\n  \"aes_blocks\": %" PRIu64 ",\n",
            m->flash.writes, m->flash.erases, m->flash.refused,
            m->stop.kind == STOP_POWER_CUT ? "true" : "false", m->cc2420.blocks);
    write_leds(file, &m->ports);
}

void report_write(FILE *file, const struct machine *m, const struct report_stack *stack)
{
    fprintf(file, "{\n  \"board\": \"msp430\",\n  \"clock_hz\": %.0f,\n", clock_hz(&m->clock, CLOCK_MCLK));
    fprintf(file, "  \"instructions\": %" PRIu64 ",\n  \"cycles\": %" PRIu64 ",\n", m->cpu.instructions,
            m->cpu.cycles);
    fprintf(file, "  \"time_s\": %.6f,\n", seconds(machine_now(m)));
    write_sleep(file, m);
    fprintf(file, "  \"interrupts\": %" PRIu64 ",\n", m->interrupts);
    write_devices(file, m);
    fprintf(file, "  \"stack\": {\"size\": %d, \"used\": %d, \"low_water\": %d, \"lowest_sp\": %u},\n",
            (int)(stack->high - stack->low), (int)(stack->high - m->stack_low),
            (int)(m->stack_low - stack->low), m->stack_low);
    if (m->measure)
        measure_print(m->measure, file);
    fprintf(file, "  \"stopped_by\": \"%s\",\n  \"reason\": ", STOP_NAMES[m->stop.kind]);
    write_string(file, m->stop.reason);
    fprintf(file, "\n}\n");
}
