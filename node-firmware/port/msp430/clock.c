#include "clock.h"

#include "bare.h"
#include "f1611.h"

enum {
    CLOCK_TOLERANCE = 2, /* cycles of CLOCK_CYCLES; a step of the oscillator is 3 */
    CLOCK_STEPS_MAX = 1024,
    CLOCK_SETTLED = 8, /* good measurements in a row */
    DCO_FIRST = 0x60,  /* with RSEL 7 below CLOCK_HZ on every chip */
    CAPTURE_POLLS_MAX = 2000,
    NAP_MIN = 2,                                     /* periods of ACLK */
    NAP_MAX_MS = 4000,                               /* half the watchdog's time */
    WATCHDOG_FEED = WDTPW | WDTCNTCL | WDTSSEL_ACLK, /* 32768 periods */
};

/* --- The oscillator --- */

/* What timer B counted when ACLK rose next; after a while without ACLK, what it counted before. */
static uint16_t capture_next(void)
{
    TBCCTL6 = CM_RISING | CCIS_B | SCS | CAP;
    for (uint16_t polls = 0; polls < CAPTURE_POLLS_MAX && (TBCCTL6 & CCIFG) == 0; polls++)
        ;
    return TBCCR6;
}

/* Measures one period of ACLK and moves the oscillator by one step if that is needed; true if it is not. */
static bool clock_tune(void)
{
    TBCTL = SSEL_SMCLK | MC_CONTINUOUS | TIMER_CLEAR;
    uint16_t start = capture_next();
    uint16_t cycles = (uint16_t)(capture_next() - start);
    uint8_t dco = DCOCTL;

    TBCTL = 0;
    if (cycles == 0)
        return false; /* the crystal takes up to a second to start */
    if (cycles > CLOCK_CYCLES + CLOCK_TOLERANCE && dco > 0)
        DCOCTL = (uint8_t)(dco - 1);
    else if (cycles < CLOCK_CYCLES - CLOCK_TOLERANCE && dco < UINT8_MAX)
        DCOCTL = (uint8_t)(dco + 1);
    else
        return true;
    return false;
}

void clock_start(void)
{
    uint8_t settled = 0;

    BCSCTL1 = XT2OFF | DIVA_8 | RSEL_7;
    DCOCTL = DCO_FIRST;
    TACTL = SSEL_ACLK | MC_CONTINUOUS | TIMER_CLEAR;
    for (uint16_t step = 0; step < CLOCK_STEPS_MAX && settled < CLOCK_SETTLED; step++)
        settled = clock_tune() ? (uint8_t)(settled + 1) : 0;
    WDTCTL = WATCHDOG_FEED;
}

/* --- Time --- */

/* Timer A runs from another clock than the CPU, so that a single reading may be of a counter in motion. */
static uint16_t timer_read(void)
{
    uint16_t ticks = TAR;

    for (uint16_t again = TAR; again != ticks; again = TAR)
        ticks = again;
    return ticks;
}

/* To be called once in 16 s at least, which sleeping for 4 s at most sees to. */
uint32_t bare_now_ms(void)
{
    static uint32_t now_ms;
    static uint16_t last;
    static uint16_t rest; /* of a millisecond, in 512ths: a tick is 125 of them */
    uint16_t passed = (uint16_t)(timer_read() - last);
    uint32_t parts = passed * (uint32_t)125 + rest;

    last = (uint16_t)(last + passed);
    now_ms += parts >> 9;
    rest = parts & 511;
    return now_ms;
}

/* --- Sleep --- */

/* The handler of timer A's compare interrupt (start.S) clears CCIE. True if the time is over. */
static bool nap(uint16_t ms, bool until_serial)
{
    uint16_t ticks = (uint16_t)(4 * ms + ms / 16 + ms / 32); /* 4.094 for 4.096 */
    bool is_over;

    WDTCTL = WATCHDOG_FEED;
    f1611_interrupts_off();
    TACCR0 = (uint16_t)(timer_read() + ticks + NAP_MIN);
    TACCTL0 = CCIE;
    while ((TACCTL0 & CCIE) != 0 && !(until_serial && serial_is_waiting())) {
        f1611_sleep();
        f1611_interrupts_off();
    }
    is_over = (TACCTL0 & CCIE) == 0;
    TACCTL0 = 0;
    f1611_interrupts_on();
    return is_over;
}

void clock_wait_ms(uint16_t ms)
{
    (void)nap(ms, false);
}

/* The oscillator drifts by 0.4 % for a degree, and the UART bears 3 %. */
void bare_sleep(uint32_t ms)
{
    if (nap(ms > NAP_MAX_MS ? NAP_MAX_MS : (uint16_t)ms, true))
        (void)clock_tune();
}
