#include "measure.h"

#include <inttypes.h>

void measure_add(struct measure *m, const char *name, uint32_t address)
{
    m->functions[m->function_count++] =
        (struct measured){.name = name, .address = address, .least = UINT64_MAX};
}

static void call_end(struct measured *f, uint64_t cycles)
{
    f->calls++;
    f->total += cycles;
    f->last = cycles;
    if (cycles < f->least)
        f->least = cycles;
    if (cycles > f->most)
        f->most = cycles;
}

static bool is_back(const struct measured_call *call, uint32_t address, uint32_t sp)
{
    return call->back_at == address && call->stack == sp;
}

void measure_interrupt(struct measure *m, uint32_t address, uint32_t sp, uint64_t cycles)
{
    m->is_in_interrupt = true;
    m->interrupt = (struct measured_call){.back_at = address, .stack = sp, .since = cycles};
}

void measure_block(struct measure *m, uint32_t address, uint32_t sp, uint32_t lr, uint64_t cycles)
{
    if (m->is_in_interrupt && is_back(&m->interrupt, address, sp)) {
        m->is_in_interrupt = false;
        m->interrupt_cycles += cycles - m->interrupt.since;
    }
    cycles -= m->interrupt_cycles;
    while (m->depth > 0 && is_back(&m->calls[m->depth - 1], address, sp)) {
        struct measured_call *call = &m->calls[--m->depth];
        call_end(call->function, cycles - call->since);
    }
    for (unsigned i = 0; i < m->function_count; i++)
        if (m->functions[i].address == address && m->depth < MEASURE_DEPTH)
            m->calls[m->depth++] = (struct measured_call){
                .function = &m->functions[i], .back_at = lr & ~1u, .stack = sp, .since = cycles};
}

void measure_reset(struct measure *m)
{
    m->depth = 0;
    m->is_in_interrupt = false;
}

void measure_print(const struct measure *m, FILE *out)
{
    fputs("{", out);
    for (unsigned i = 0; i < m->function_count; i++) {
        const struct measured *f = &m->functions[i];
        fprintf(out,
                "%s\n    \"%s\": {\"calls\": %" PRIu64 ", \"min\": %" PRIu64 ", \"mean\": %" PRIu64
                ", \"max\": %" PRIu64 ", \"last\": %" PRIu64 "}",
                i > 0 ? "," : "", f->name, f->calls, f->calls > 0 ? f->least : 0,
                f->calls > 0 ? f->total / f->calls : 0, f->most, f->last);
    }
    fputs(m->function_count > 0 ? "\n  }" : "}", out);
}
