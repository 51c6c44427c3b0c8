/*
 * Registers of the MSP430F1611 (TI SLAU049 and SLAS368) that the port uses, and the few instructions that C
 * has no words for.
 */
#ifndef SSM_F1611_H
#define SSM_F1611_H

#include <stdint.h>

#define F1611_BYTE(address) (*(volatile uint8_t *)(address))
#define F1611_WORD(address) (*(volatile uint16_t *)(address))

/* Interrupts and modules */
#define IE2 F1611_BYTE(0x01)
#define IFG1 F1611_BYTE(0x02)
#define IFG2 F1611_BYTE(0x03)
#define ME1 F1611_BYTE(0x04)
#define ME2 F1611_BYTE(0x05)
enum {
    URXIFG0 = 0x40,
    USPIE0 = 0x40,
    URXIE1 = 0x10,
    UTXIE1 = 0x20,
    UTXIFG1 = 0x20,
    URXE1 = 0x10,
    UTXE1 = 0x20,
};

/* Ports */
#define P1IN F1611_BYTE(0x20)
#define P1OUT F1611_BYTE(0x21)
#define P1DIR F1611_BYTE(0x22)
#define P3DIR F1611_BYTE(0x1A)
#define P3SEL F1611_BYTE(0x1B)
#define P4OUT F1611_BYTE(0x1D)
#define P4DIR F1611_BYTE(0x1E)
#define P5OUT F1611_BYTE(0x31)
#define P5DIR F1611_BYTE(0x32)

/* Basic clock module */
#define DCOCTL F1611_BYTE(0x56)
#define BCSCTL1 F1611_BYTE(0x57)
enum { XT2OFF = 0x80, DIVA_8 = 0x30, RSEL_7 = 0x07 };

/* Watchdog */
#define WDTCTL F1611_WORD(0x120)
enum { WDTPW = 0x5A00, WDTCNTCL = 0x08, WDTSSEL_ACLK = 0x04 };

/* Timers A and B */
#define TACTL F1611_WORD(0x160)
#define TACCTL0 F1611_WORD(0x162)
#define TAR F1611_WORD(0x170)
#define TACCR0 F1611_WORD(0x172)
#define TBCTL F1611_WORD(0x180)
#define TBCCTL6 F1611_WORD(0x18E)
#define TBCCR6 F1611_WORD(0x19E)
enum {
    SSEL_ACLK = 0x0100,
    SSEL_SMCLK = 0x0200,
    MC_CONTINUOUS = 0x0020,
    TIMER_CLEAR = 0x0004,
    CM_RISING = 0x4000,
    CCIS_B = 0x1000,
    SCS = 0x0800,
    CAP = 0x0100,
    CCIE = 0x0010,
    CCIFG = 0x0001,
};

/* USARTs */
#define U0CTL F1611_BYTE(0x70)
#define U0TCTL F1611_BYTE(0x71)
#define U0MCTL F1611_BYTE(0x73)
#define U0BR0 F1611_BYTE(0x74)
#define U0BR1 F1611_BYTE(0x75)
#define U0RXBUF F1611_BYTE(0x76)
#define U0TXBUF F1611_BYTE(0x77)
#define U1CTL F1611_BYTE(0x78)
#define U1TCTL F1611_BYTE(0x79)
#define U1RCTL F1611_BYTE(0x7A)
#define U1MCTL F1611_BYTE(0x7B)
#define U1BR0 F1611_BYTE(0x7C)
#define U1BR1 F1611_BYTE(0x7D)
#define U1RXBUF F1611_BYTE(0x7E)
#define U1TXBUF F1611_BYTE(0x7F)
enum {
    SWRST = 0x01, /* UxCTL */
    MM = 0x02,
    SYNC = 0x04,
    CHAR_8 = 0x10,
    STC = 0x02, /* UxTCTL */
    USSEL_SMCLK = 0x20,
    CKPH = 0x80,
    RXERR = 0x01, /* UxRCTL */
    URXEIE = 0x08,
};

/* ADC12 */
#define ADC12CTL0 F1611_WORD(0x1A0)
#define ADC12CTL1 F1611_WORD(0x1A2)
#define ADC12IFG F1611_WORD(0x1A4)
#define ADC12MEM0 F1611_WORD(0x140)
#define ADC12MCTL0 F1611_BYTE(0x80)
enum {
    ADC12SC = 0x0001, /* ADC12CTL0 */
    ADC12ENC = 0x0002,
    ADC12ON = 0x0010,
    REFON = 0x0020,
    SHT0_192 = 0x0700,
    SHP = 0x0200,  /* ADC12CTL1 */
    SREF_1 = 0x10, /* ADC12MCTL0 */
    INCH_TEMPERATURE = 0x0A,
};

/* Flash controller */
#define FCTL1 F1611_WORD(0x128)
#define FCTL2 F1611_WORD(0x12A)
#define FCTL3 F1611_WORD(0x12C)
enum {
    FWKEY = 0xA500,
    FCTL1_ERASE = 0x0002,
    FCTL1_WRT = 0x0040,
    FCTL2_MCLK = 0x0040,
    FCTL3_LOCK = 0x0010,
};

static inline void f1611_interrupts_off(void)
{
    __asm__ volatile("dint\n\tnop" ::: "memory");
}

static inline void f1611_interrupts_on(void)
{
    __asm__ volatile("eint" ::: "memory");
}

/* Interrupts on and CPU off (LPM1: CPUOFF, SCG0) in one instruction; an interrupt ends it. */
static inline void f1611_sleep(void)
{
    __asm__ volatile("bis #0x58, sr" ::: "memory");
}

#endif
