#include "measure.h"

bool measure_add(struct measure *measure, const char *name, uint16_t address)
{
    if (measure->function_count == MEASURE_MAX)
        return false;
    measure->functions[measure->function_count++] =
        (struct measure_function){.name = name, .address = address, .min = UINT64_MAX};
    measure->marks[address] = (uint8_t)measure->function_count;
    return true;
}

static void finish(const struct measure_call *call, uint64_t cycles)
{
    struct measure_function *function = call->function;
    uint64_t spent = cycles - call->start - call->left_out;

    function->calls++;
    function->sum += spent;
    function->last = spent;
    if (spent < function->min)
        function->min = spent;
    if (spent > function->max)
        function->max = spent;
}

static void begin(struct measure *measure, struct measure_function *function, const struct cpu *cpu)
{
    if (measure->depth == MEASURE_DEPTH_MAX)
        return;
    measure->calls[measure->depth++] = (struct measure_call){
        .function = function,
        .return_address = memory_plain_word(cpu->memory, cpu->r[CPU_SP]),
        .sp = (uint16_t)(cpu->r[CPU_SP] + 2),
        .interrupt_depth = measure->interrupt_depth,
        .start = cpu->cycles,
    };
}

/* A call whose stack is gone without a return to its caller is not counted. */
void measure_step(struct measure *measure, const struct cpu *cpu)
{
    uint16_t pc = cpu->r[CPU_PC], sp = cpu->r[CPU_SP];
    uint8_t mark = measure->marks[pc];

    while (measure->depth > 0 && measure->calls[measure->depth - 1].sp <= sp) {
        const struct measure_call *call = &measure->calls[--measure->depth];

        if (call->return_address == pc && call->sp == sp)
            finish(call, cpu->cycles);
    }
    if (mark != 0)
        begin(measure, &measure->functions[mark - 1], cpu);
}

void measure_interrupt(struct measure *measure, uint64_t cycles)
{
    if (measure->interrupt_depth < MEASURE_INTERRUPTS_MAX)
        measure->interrupts[measure->interrupt_depth++] = cycles;
}

/* Time is left out of the calls that were interrupted, and there is only one level of those. */
void measure_return(struct measure *measure, uint64_t cycles)
{
    uint64_t spent;

    if (measure->interrupt_depth == 0)
        return;
    spent = cycles - measure->interrupts[--measure->interrupt_depth];
    for (unsigned i = 0; i < measure->depth; i++)
        if (measure->calls[i].interrupt_depth == measure->interrupt_depth)
            measure->calls[i].left_out += spent;
    if (measure->interrupt_depth == 0)
        measure->interrupt_cycles += spent;
}

void measure_reset(struct measure *measure)
{
    measure->depth = 0;
    measure->interrupt_depth = 0;
}
