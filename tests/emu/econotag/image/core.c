/*
 * What the emulated core does with interrupts, exceptions, instructions that an ARM7TDMI has not, and resets.
 */
#include "print.h"

extern volatile uint32_t undefined_count, abort_count, irq_count, fiq_count;
extern volatile uint32_t kept[4]; /* a reset leaves it alone */

void interrupts_set(uint32_t masks);
uint32_t arm_foreign(void);
uint32_t arm_abort(void);
uint32_t flags_through_irq(void);
uint32_t thumb_foreign(void);
void spin(uint32_t rounds);
void on_interrupt(void);
int main(void);

#define ITC ((volatile uint32_t *)0x80020000)
#define CRM ((volatile uint32_t *)0x80003000)
#define TMR0 ((volatile uint16_t *)0x80007000)

enum { ITC_ENABLE = 4, ITC_TYPE = 5, ITC_FORCE = 13, ITC_ASM_BIT = 1, ITC_TMR_BIT = 1 << 5 };
enum { BS_CNTL = 3, COP_CNTL = 4, SW_RST = 20 };
enum {
    COMP1 = 0,
    CNTR = 5,
    CTRL = 6,
    SCTRL = 7,
    TCFIE = 1 << 14,
    EACH_CLOCK = 1 << 13 | 8 << 9,
    ONCE_BY_128 = 1 << 13 | 15 << 9 | 1 << 6
};
enum { NO_INTERRUPTS = 0xC0, ALL_INTERRUPTS = 0, NO_IRQ = 0x80 };
enum { MAGIC = 0x5EED0000 };

/* Whatever it was, it is over. */
void on_interrupt(void)
{
    ITC[ITC_FORCE] = 0;
    TMR0[SCTRL] = 0;
}

/* Interrupts are taken where a block of code ends. */
static __attribute__((noinline)) uint32_t after(const volatile uint32_t *count)
{
    return *count;
}

static void interrupts(void)
{
    ITC[ITC_ENABLE] = ITC_ASM_BIT;
    ITC[ITC_FORCE] = ITC_ASM_BIT;
    print_check("masked interrupt", after(&irq_count), 0);
    interrupts_set(ALL_INTERRUPTS);
    print_check("interrupt", irq_count, 1);
    print_check("flags through an interrupt", flags_through_irq(), 3);
    print_check("interrupt in ARM state", irq_count, 2);
    ITC[ITC_TYPE] = ITC_ASM_BIT;
    interrupts_set(NO_IRQ);
    ITC[ITC_FORCE] = ITC_ASM_BIT;
    print_check("fast interrupt", after(&fiq_count), 1);
    ITC[ITC_TYPE] = 0;
    interrupts_set(NO_INTERRUPTS);
}

/* Masked interrupts wake, too; the handler runs when they are let through. */
static void waiting(void)
{
    uint32_t before = irq_count;

    ITC[ITC_ENABLE] = ITC_TMR_BIT;
    TMR0[CTRL] = 0;
    TMR0[CNTR] = 0;
    TMR0[COMP1] = 18750;
    TMR0[SCTRL] = TCFIE;
    TMR0[CTRL] = ONCE_BY_128;
    CRM[BS_CNTL] = 3;
    (void)CRM[BS_CNTL];
    CRM[BS_CNTL] = 0;
    print_check("waited for the timer", TMR0[CNTR], 18750);
    print_check("not handled yet", irq_count, before);
    interrupts_set(ALL_INTERRUPTS);
    print_check("handled", irq_count, before + 1);
    interrupts_set(NO_INTERRUPTS);
}

static void cycles(void)
{
    TMR0[COMP1] = 0xFFFF;
    TMR0[CNTR] = 0;
    TMR0[CTRL] = EACH_CLOCK;
    spin(10000);
    print_check("hundreds of cycles", TMR0[CNTR] / 100, 400);
    TMR0[CTRL] = 0;
}

static void exceptions(void)
{
    print_check("CLZ is undefined", arm_foreign(), 3);
    print_check("BLX is undefined", thumb_foreign(), 3);
    print_check("undefined instructions", undefined_count, 2);
    print_check("nothing is there", arm_abort(), 3);
    print_check("an abort", abort_count > 0, 1);
}

int main(void)
{
    print_start();
    switch (kept[0]) {
    default:
        interrupts();
        waiting();
        cycles();
        exceptions();
        kept[0] = MAGIC;
        print_flush();
        CRM[SW_RST] = 0x12345678; /* not the key */
        CRM[SW_RST] = 0x87651234;
        break;
    case MAGIC:
        print("reset by software: ok\n");
        print_flush();
        kept[0] = MAGIC + 1;
        CRM[COP_CNTL] = 1;
        break;
    case MAGIC + 1:
        print("reset by the watchdog: ok\n");
        print_end();
    }
    for (;;)
        ;
}
