#include "timer.h"

#include <stddef.h>

/* TxCTL. */
enum { GROUPS_LENGTH = 0x7800, SOURCE = 0x0300, DIVIDER = 0x00C0, MODE = 0x0030, CLEAR = 4, IE = 2, IFG = 1 };
/* TxCCTLn; LATCH_LOAD is Timer_B's. */
enum {
    CAPTURE_EDGE = 0xC000,
    CAPTURE_RISING = 0x4000,
    CAPTURE_FALLING = 0x8000,
    INPUT = 0x3000,
    INPUT_B = 0x1000,
    INPUT_GND = 0x2000,
    INPUT_VCC = 0x3000,
    LATCH_LOAD = 0x0600,
    CAPTURE = 0x0100,
    CC_IE = 0x0010,
    CC_LEVEL = 0x0008,
    CC_OVERFLOW = 0x0002,
    CC_IFG = 0x0001,
};
enum { STOPPED = 0x00, UP = 0x10, CONTINUOUS = 0x20 };

static enum clock_source source(const struct timer *timer)
{
    switch (timer->ctl & SOURCE) {
    case 0x0100:
        return CLOCK_ACLK;
    case 0x0200:
        return CLOCK_SMCLK;
    default:
        return CLOCK_UNCONNECTED;
    }
}

static unsigned divider_shift(const struct timer *timer)
{
    return (timer->ctl & DIVIDER) >> 6;
}

static bool is_counting(const struct timer *timer)
{
    unsigned mode = timer->ctl & MODE;

    return mode == CONTINUOUS || (mode == UP && timer->blocks[0].ccr != 0);
}

/* Counts from one zero to the next. */
static uint32_t length(const struct timer *timer)
{
    return (timer->ctl & MODE) == UP ? timer->blocks[0].ccr + 1u : 0x10000;
}

/* In how many counts the timer comes to `value` (again); 0: never. */
static uint32_t counts_until(const struct timer *timer, uint32_t value)
{
    uint32_t all = length(timer), count = timer->count;

    if (value >= all)
        return 0;
    if (count >= all) /* CCR0 was lowered: the next count is zero (SLAU049 11.2.3) */
        return value + 1;
    return value > count ? value - count : value + all - count;
}

static uint16_t count_after(const struct timer *timer, uint64_t counts)
{
    uint64_t from = timer->count;

    if (counts == 0)
        return timer->count;
    if (from >= length(timer)) {
        from = 0;
        counts--;
    }
    return (uint16_t)((from + counts) % length(timer));
}

static bool captures_aclk(const struct timer *timer, unsigned i)
{
    uint16_t cctl = timer->blocks[i].cctl;

    return (cctl & CAPTURE) != 0 && (cctl & CAPTURE_EDGE) != 0 && (cctl & INPUT) == INPUT_B &&
           i == timer->block_count - 1;
}

/* Edges of ACLK by `now`: rising ones on its ticks, falling ones half a period later. */
static uint64_t aclk_edges(const struct timer *timer, const struct timer_block *block, uint64_t now)
{
    uint64_t half = clock_half_period(timer->clock, CLOCK_ACLK);

    if ((block->cctl & CAPTURE_EDGE) == CAPTURE_RISING)
        half = 0;
    return now < half ? 0 : clock_ticks(timer->clock, CLOCK_ACLK, now - half);
}

static uint64_t aclk_edge_time(const struct timer *timer, const struct timer_block *block, uint64_t edge)
{
    uint64_t time = clock_time_of(timer->clock, CLOCK_ACLK, edge);

    if (time != CLOCK_NEVER && (block->cctl & CAPTURE_EDGE) == CAPTURE_FALLING)
        time += clock_half_period(timer->clock, CLOCK_ACLK);
    return time;
}

static void capture(struct timer_block *block, uint16_t count, bool overflows)
{
    if (overflows || block->is_unread)
        block->cctl |= CC_OVERFLOW;
    block->cctl |= CC_IFG;
    block->ccr = count;
    block->is_unread = true;
}

/* How far the timer has counted from the last timer_sync to `when`. */
static uint64_t counts_by(const struct timer *timer, uint64_t when)
{
    uint64_t ticks = clock_ticks(timer->clock, source(timer), when);

    if (!is_counting(timer) || ticks <= timer->since)
        return 0;
    return (timer->prescaled + ticks - timer->since) >> divider_shift(timer);
}

static void capture_aclk(struct timer *timer, struct timer_block *block, uint64_t now)
{
    uint64_t edges = aclk_edges(timer, block, now), came = edges - block->edges;

    if (edges <= block->edges)
        return;
    block->edges = edges;
    capture(block, count_after(timer, counts_by(timer, aclk_edge_time(timer, block, edges))), came > 1);
}

static void compare(struct timer *timer, uint64_t counts)
{
    uint32_t distance;

    for (unsigned i = 0; i < timer->block_count; i++) {
        struct timer_block *block = &timer->blocks[i];

        distance = counts_until(timer, block->ccr);
        if ((block->cctl & CAPTURE) == 0 && distance != 0 && counts >= distance)
            block->cctl |= CC_IFG;
    }
    if (counts >= counts_until(timer, 0))
        timer->ctl |= IFG;
}

void timer_sync(struct timer *timer, uint64_t now)
{
    uint64_t counts = counts_by(timer, now);
    uint64_t ticks = clock_ticks(timer->clock, source(timer), now);

    for (unsigned i = 0; i < timer->block_count; i++)
        if (captures_aclk(timer, i))
            capture_aclk(timer, &timer->blocks[i], now);
    if (is_counting(timer)) {
        timer->prescaled =
            (uint32_t)(timer->prescaled + ticks - timer->since) & ((1u << divider_shift(timer)) - 1);
        if (counts != 0)
            compare(timer, counts);
        timer->count = count_after(timer, counts);
    }
    timer->since = ticks;
}

void timer_init(struct timer *timer, char name, unsigned block_count, const struct clock *clock,
                struct stop *stop)
{
    *timer = (struct timer){.name = name, .block_count = block_count, .clock = clock, .stop = stop};
}

void timer_reset(struct timer *timer, uint64_t now)
{
    timer_init(timer, timer->name, timer->block_count, timer->clock, timer->stop);
    timer->since = clock_ticks(timer->clock, source(timer), now);
}

/* The block that `offset` names a register of, or NULL after a fault. */
static struct timer_block *find_block(struct timer *timer, uint16_t offset)
{
    unsigned i = offset % TIMER_R / 2u - 1;

    if (i < timer->block_count)
        return &timer->blocks[i];
    stop_ask(timer->stop, STOP_FAULT, "Timer_%c has no register at offset 0x%02x", timer->name, offset);
    return NULL;
}

/* The level of a block's input: ACLK, ground, supply, or a pin where nothing moves. */
static bool input_level(const struct timer *timer, const struct timer_block *block, uint64_t now)
{
    uint64_t start;

    if ((block->cctl & INPUT) == INPUT_VCC)
        return true;
    if ((block->cctl & INPUT) != INPUT_B || block != &timer->blocks[timer->block_count - 1])
        return false;
    start = clock_time_of(timer->clock, CLOCK_ACLK, clock_ticks(timer->clock, CLOCK_ACLK, now));
    return now - start < clock_half_period(timer->clock, CLOCK_ACLK);
}

uint16_t timer_read(struct timer *timer, uint16_t offset, uint64_t now)
{
    struct timer_block *block;

    timer_sync(timer, now);
    if (offset == TIMER_CTL)
        return timer->ctl;
    if (offset == TIMER_R)
        return timer->count;
    block = find_block(timer, offset);
    if (!block)
        return 0;
    if (offset < TIMER_R)
        return (uint16_t)(block->cctl | (input_level(timer, block, now) ? CC_LEVEL : 0));
    block->is_unread = false;
    return block->ccr;
}

static void write_ctl(struct timer *timer, uint16_t value, uint64_t now)
{
    unsigned clock = value & SOURCE;

    if ((value & MODE) == MODE)
        stop_ask(timer->stop, STOP_FAULT, "Timer_%c: up/down mode is not modelled", timer->name);
    if ((value & MODE) != STOPPED && (clock == 0 || clock == SOURCE))
        stop_ask(timer->stop, STOP_FAULT, "Timer_%c: nothing is connected to its clock pin", timer->name);
    if (value & GROUPS_LENGTH)
        stop_ask(timer->stop, STOP_FAULT, "Timer_%c: grouped latches and short counters are not modelled",
                 timer->name);
    if (value & CLEAR) {
        timer->count = 0;
        timer->prescaled = 0;
    }
    timer->ctl = (uint16_t)(value & ~CLEAR);
    timer->since = clock_ticks(timer->clock, source(timer), now);
}

/* Changing the input between ground and supply is how a program captures (SLAU049 11.2.4). */
static void write_cctl(struct timer *timer, struct timer_block *block, uint16_t value, uint64_t now)
{
    uint16_t input = value & INPUT, before = block->cctl & INPUT;
    unsigned edge = value & CAPTURE_EDGE;

    if ((value & CAPTURE) != 0 && edge == CAPTURE_EDGE)
        stop_ask(timer->stop, STOP_FAULT, "Timer_%c: capture of both edges is not modelled", timer->name);
    if (timer->name == 'B' && (value & LATCH_LOAD) != 0)
        stop_ask(timer->stop, STOP_FAULT, "Timer_B: delayed compare latches are not modelled");
    block->cctl = (uint16_t)(value & ~CC_LEVEL);
    block->edges = aclk_edges(timer, block, now);
    if ((value & CAPTURE) != 0 && ((edge == CAPTURE_RISING && before == INPUT_GND && input == INPUT_VCC) ||
                                   (edge == CAPTURE_FALLING && before == INPUT_VCC && input == INPUT_GND)))
        capture(block, timer->count, false);
}

void timer_write(struct timer *timer, uint16_t offset, uint16_t value, uint64_t now)
{
    struct timer_block *block;

    timer_sync(timer, now);
    if (offset == TIMER_CTL) {
        write_ctl(timer, value, now);
        return;
    }
    if (offset == TIMER_R) {
        timer->count = value;
        return;
    }
    block = find_block(timer, offset);
    if (!block)
        return;
    if (offset < TIMER_R)
        write_cctl(timer, block, value, now);
    else
        block->ccr = value;
}

static bool is_pending(const struct timer_block *block)
{
    return (block->cctl & (CC_IE | CC_IFG)) == (CC_IE | CC_IFG);
}

static bool is_overflow_pending(const struct timer *timer)
{
    return (timer->ctl & (IE | IFG)) == (IE | IFG);
}

uint16_t timer_take_vector(struct timer *timer, uint64_t now)
{
    timer_sync(timer, now);
    for (unsigned i = 1; i < timer->block_count; i++) {
        if (is_pending(&timer->blocks[i])) {
            timer->blocks[i].cctl &= (uint16_t)~CC_IFG;
            return (uint16_t)(2 * i);
        }
    }
    if (!is_overflow_pending(timer))
        return 0;
    timer->ctl &= (uint16_t)~IFG;
    return timer->name == 'A' ? 0x0A : 0x0E;
}

static uint64_t count_time(const struct timer *timer, uint32_t counts)
{
    if (counts == 0 || !is_counting(timer))
        return CLOCK_NEVER;
    return clock_time_of(timer->clock, source(timer),
                         timer->since + ((uint64_t)counts << divider_shift(timer)) - timer->prescaled);
}

uint64_t timer_due(const struct timer *timer)
{
    uint64_t due = CLOCK_NEVER, time;

    for (unsigned i = 0; i < timer->block_count; i++) {
        const struct timer_block *block = &timer->blocks[i];

        if ((block->cctl & (CC_IE | CC_IFG)) != CC_IE)
            continue;
        if (captures_aclk(timer, i))
            time = aclk_edge_time(timer, block, block->edges + 1);
        else if (block->cctl & CAPTURE)
            continue;
        else
            time = count_time(timer, counts_until(timer, block->ccr));
        due = time < due ? time : due;
    }
    if ((timer->ctl & (IE | IFG)) == IE) {
        time = count_time(timer, counts_until(timer, 0));
        due = time < due ? time : due;
    }
    return due;
}

bool timer_interrupts_first(const struct timer *timer)
{
    return is_pending(&timer->blocks[0]);
}

bool timer_interrupts_others(const struct timer *timer)
{
    for (unsigned i = 1; i < timer->block_count; i++)
        if (is_pending(&timer->blocks[i]))
            return true;
    return is_overflow_pending(timer);
}

void timer_accept_first(struct timer *timer)
{
    timer->blocks[0].cctl &= (uint16_t)~CC_IFG;
}
