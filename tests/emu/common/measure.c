#include "measure.h"

#include <errno.h>
#include <inttypes.h>

void measure_add(struct measure *m, const char *name, uint32_t address)
{
    m->functions[m->function_count++] =
        (struct measured){.name = name, .address = address, .least = UINT64_MAX};
}

bool measure_add_all(struct measure *m, const struct image *image, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t address;

        if (!image_find(image, names[i], &address)) {
            fprintf(stderr, "%s: the image has no function %s\n", program_invocation_short_name, names[i]);
            return false;
        }
        measure_add(m, names[i], address);
    }
    return true;
}

static void end_call(struct measured *f, uint64_t cycles)
{
    f->calls++;
    f->total += cycles;
    f->last = cycles;
    if (cycles < f->least)
        f->least = cycles;
    if (cycles > f->most)
        f->most = cycles;
}

static bool is_at(struct measure_place a, struct measure_place b)
{
    return a.address == b.address && a.stack == b.stack;
}

static void end_interrupt(struct measure *m, struct measure_place at, uint64_t cycles)
{
    if (!m->is_in_interrupt || !is_at(m->interrupt.back, at))
        return;
    m->is_in_interrupt = false;
    m->interrupt_cycles += cycles - m->interrupt.since;
}

/* The one before may have returned without an instruction in between. */
void measure_interrupt(struct measure *m, struct measure_place at, uint64_t cycles)
{
    end_interrupt(m, at, cycles);
    if (m->is_in_interrupt)
        return;
    m->is_in_interrupt = true;
    m->interrupt = (struct measure_call){.back = at, .since = cycles};
}

/* A call whose stack is gone without a return to its caller is not counted. An interrupt may have a stack of
 * its own. */
void measure_step(struct measure *m, struct measure_place at, struct measure_place back, uint64_t cycles)
{
    end_interrupt(m, at, cycles);
    cycles -= m->interrupt_cycles;
    while (m->depth > 0) {
        const struct measure_call *call = &m->calls[m->depth - 1];

        if (is_at(call->back, at))
            end_call(call->function, cycles - call->since);
        else if (m->is_in_interrupt || call->back.stack >= at.stack)
            break;
        m->depth--;
    }
    for (unsigned i = 0; i < m->function_count; i++)
        if (m->functions[i].address == at.address && m->depth < MEASURE_DEPTH)
            m->calls[m->depth++] =
                (struct measure_call){.function = &m->functions[i], .back = back, .since = cycles};
}

void measure_reset(struct measure *m)
{
    m->depth = 0;
    m->is_in_interrupt = false;
}

void measure_print(const struct measure *m, FILE *out)
{
    fprintf(out, "  \"interrupt_cycles\": %" PRIu64 ",\n  \"measured\": {", m->interrupt_cycles);
    for (unsigned i = 0; i < m->function_count; i++) {
        const struct measured *f = &m->functions[i];

        fprintf(out,
                "%s\n    \"%s\": {\"calls\": %" PRIu64 ", \"min\": %" PRIu64 ", \"mean\": %" PRIu64
                ", \"max\": %" PRIu64 ", \"last\": %" PRIu64 "}",
                i > 0 ? "," : "", f->name, f->calls, f->calls > 0 ? f->least : 0,
                f->calls > 0 ? f->total / f->calls : 0, f->most, f->last);
    }
    fputs("},\n", out);
}
