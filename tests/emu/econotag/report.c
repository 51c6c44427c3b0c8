#include "report.h"

#include <inttypes.h>
#include <stdio.h>

#define STACK_PAINT 0xA5 /* what the start-up code fills the stack with */

/* Bytes of the stack and how many of them were never written; zeros where the image does not name its stack.
 */
static void stack_print(const struct run *r, FILE *out)
{
    uint32_t low, high, unused = 0;
    uint8_t byte;

    if (!image_find(&r->image, "bare_stack_low", &low) || !image_find(&r->image, "bare_stack_high", &high) ||
        low > high)
        low = high = 0;
    while (low + unused < high && cpu_peek(r->cpu, low + unused, &byte, 1) && byte == STACK_PAINT)
        unused++;
    fprintf(out, "  \"stack\": {\"size\": %" PRIu32 ", \"used\": %" PRIu32 ", \"low_water\": %" PRIu32 "},\n",
            high - low, high - low - unused, unused);
}

static double seconds(uint64_t cycles)
{
    return (double)cycles / (double)MACHINE_CLOCK_HZ;
}

static void counts_print(const struct run *r, FILE *out)
{
    const struct machine *m = &r->machine;
    struct cpu_counts c = cpu_counts(r->cpu);

    fprintf(out, "  \"board\": \"econotag\",\n");
    fprintf(out, "  \"clock_hz\": %d,\n", MACHINE_CLOCK_HZ);
    fprintf(out, "  \"instructions\": %" PRIu64 ",\n", c.instructions);
    fprintf(out, "  \"cycles\": %" PRIu64 ",\n", c.cycles);
    fprintf(out, "  \"cycles_are\": \"a model: ARM7TDMI with memory that answers at once\",\n");
    fprintf(out, "  \"time_s\": %.6f,\n", seconds(m->now));
    fprintf(out, "  \"sleep_s\": %.6f,\n", seconds(r->waited));
    fprintf(out, "  \"interrupts\": %" PRIu64 ",\n", c.interrupts);
    fprintf(out, "  \"exceptions\": {\"undefined\": %" PRIu64 ", \"abort\": %" PRIu64 "},\n", c.undefined,
            c.aborts);
    fprintf(out, "  \"resets\": {\"watchdog\": %" PRIu64 ", \"software\": %" PRIu64 "},\n",
            m->resets[CRM_RESET_COP], m->resets[CRM_RESET_SOFTWARE]);
}

static void devices_print(const struct run *r, FILE *out)
{
    const struct machine *m = &r->machine;

    fprintf(out,
            "  \"uart\": {\"bytes_in\": %" PRIu64 ", \"bytes_out\": %" PRIu64 ", \"overruns\": %" PRIu64
            ", \"line_errors\": %" PRIu64 ", \"dropped\": %" PRIu64 "},\n",
            m->uart.bytes_in, m->uart.bytes_out, m->uart.overruns, m->uart.line_errors, r->line.dropped);
    fprintf(out, "  \"flash\": {\"writes\": %" PRIu64 ", \"erases\": %" PRIu64 ", \"power_cut\": %s},\n",
            m->flash.programs, m->flash.erases, m->flash.is_cut ? "true" : "false");
    fprintf(out, "  \"aes_blocks\": %" PRIu64 ",\n", m->asm_unit.blocks);
    fprintf(out, "  \"leds\": {\"red\": %d, \"green\": %d},\n", gpio_is_driven(&m->gpio, GPIO_LED_RED),
            gpio_is_driven(&m->gpio, GPIO_LED_GREEN));
}

bool report_write(const struct run *r, const char *path)
{
    FILE *out = fopen(path, "w");

    if (out == NULL)
        return false;
    fputs("{\n", out);
    counts_print(r, out);
    devices_print(r, out);
    stack_print(r, out);
    measure_print(&r->measure, out);
    fprintf(out, "  \"stopped_by\": \"%s\"\n}\n", run_stopped_by(r));
    return fclose(out) == 0;
}
