#include "clock.h"

#include "bare.h"
#include "irq.h"
#include "mc13224v.h"

enum {
    COUNTS_PER_S = MC_CLOCK_HZ / 128,
    COUNTS_PER_MS_UP = (COUNTS_PER_S + 999) / 1000,
    PERIOD_COUNTS = CLOCK_PERIOD_MS * COUNTS_PER_S / 1000,
    /* A division by COUNTS_PER_S / 1000, 187.5, which the processor does not have. */
    MS_PER_COUNT = 699,
    MS_PER_COUNT_SHIFT = 17,
};

static volatile uint32_t periods_ms;

void clock_start(void)
{
    MC_TMR0->load = 0;
    MC_TMR0->cntr = 0;
    MC_TMR0->comp1 = PERIOD_COUNTS - 1;
    MC_TMR0->csctrl = 0;
    MC_TMR0->sctrl = MC_TMR_TCFIE;
    MC_TMR0->ctrl = MC_TMR_RISING | MC_TMR_CLOCK_BY_128 | MC_TMR_LENGTH;
    MC_TMR1->ctrl = 0;
    MC_TMR1->csctrl = 0;
    MC_TMR0->enbl = 0xF;
    MC_ITC->intennum = MC_ITC_TMR;
}

void clock_interrupt(void)
{
    if ((MC_TMR0->sctrl & MC_TMR_TCF) != 0) {
        MC_TMR0->sctrl = MC_TMR_TCFIE;
        periods_ms += CLOCK_PERIOD_MS;
    }
    if ((MC_TMR1->sctrl & MC_TMR_TCF) != 0)
        MC_TMR1->sctrl = 0;
}

void clock_alarm(uint32_t ms)
{
    MC_TMR1->ctrl = 0;
    MC_TMR1->cntr = 0;
    MC_TMR1->comp1 = (uint16_t)(ms * COUNTS_PER_MS_UP);
    MC_TMR1->sctrl = MC_TMR_TCFIE;
    MC_TMR1->ctrl = MC_TMR_RISING | MC_TMR_CLOCK_BY_128 | MC_TMR_ONCE;
}

/* The period may end between the two reads; then its interrupt is still pending. */
uint32_t bare_now_ms(void)
{
    irq_disable();
    uint32_t ms = periods_ms;
    uint32_t count = MC_TMR0->cntr;
    if ((MC_TMR0->sctrl & MC_TMR_TCF) != 0) {
        ms += CLOCK_PERIOD_MS;
        count = MC_TMR0->cntr;
    }
    irq_enable();
    return ms + (count * MS_PER_COUNT >> MS_PER_COUNT_SHIFT);
}

/* No source of its own: how far the timer has come tells when something arrived, and after power-on nothing.
 */
void bare_entropy(uint8_t *out, size_t len)
{
    for (; len > 0; len--)
        *out++ = (uint8_t)MC_TMR0->cntr;
}
