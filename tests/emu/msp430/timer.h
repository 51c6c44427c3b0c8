/*
 * Timer_A3 and Timer_B7 (SLAU049 11, 12): one model with 3 or 7 capture/compare blocks. Stop, up and
 * continuous mode, compare, capture of ACLK's edges (the last block's input B) and by software, interrupt
 * vectors.
 *
 * Not modelled, and a fault when asked for: up/down mode, external clocks, capture of both edges, shorter
 * counters and grouped latches of Timer_B. Output units drive no pin; input pins are steady.
 */
#ifndef EMU_TIMER_H
#define EMU_TIMER_H

#include "clock.h"

enum { TIMER_BLOCKS_MAX = 7 };

/* Offsets from the timer's base address. */
enum timer_offset {
    TIMER_CTL = 0x00,
    TIMER_CCTL0 = 0x02,
    TIMER_R = 0x10,
    TIMER_CCR0 = 0x12,
    TIMER_END = 0x20
};

struct timer_block {
    uint16_t cctl, ccr;
    bool is_unread; /* a captured value that nobody has read */
    uint64_t edges; /* of the captured clock, at the last timer_sync */
};

struct timer {
    char name; /* 'A' or 'B' */
    unsigned block_count;
    uint16_t ctl, count;
    uint64_t since;     /* the source's tick at the last timer_sync */
    uint32_t prescaled; /* source ticks since the last count */
    struct timer_block blocks[TIMER_BLOCKS_MAX];
    const struct clock *clock;
    struct stop *stop;
};

void timer_init(struct timer *timer, char name, unsigned block_count, const struct clock *clock,
                struct stop *stop);
void timer_reset(struct timer *timer, uint64_t now);
/* Brings count and flags up to `now`: when it is due, and before a clock changes. */
void timer_sync(struct timer *timer, uint64_t now);
/* The register at `offset` of a block or of the timer itself; a fault if there is none. */
uint16_t timer_read(struct timer *timer, uint16_t offset, uint64_t now);
void timer_write(struct timer *timer, uint16_t offset, uint16_t value, uint64_t now);
/* TAIV or TBIV: the highest enabled interrupt that is pending, whose flag it clears. */
uint16_t timer_take_vector(struct timer *timer, uint64_t now);
/* When the next enabled interrupt comes. */
uint64_t timer_due(const struct timer *timer);
/* CCR0's own interrupt, and the one that all other sources share. */
bool timer_interrupts_first(const struct timer *timer);
bool timer_interrupts_others(const struct timer *timer);
/* CCR0's interrupt has been accepted. */
void timer_accept_first(struct timer *timer);

#endif
