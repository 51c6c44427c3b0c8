/*
 * The ADC12 (SLAU049 17) for single conversions of one channel, started by software with the sampling timer:
 * enough for the internal temperature sensor (channel 10) and half the supply (channel 11); the other inputs
 * are at ground. Supply 3.0 V, ADC12OSC 5 MHz. Other modes are faults.
 *
 * The sensor gives 986 mV + 3.55 mV per degree (SLAS368). A conversion reads full scale if it ran less than
 * 17 ms after its reference was turned on, or sampled the sensor for less than 30 us.
 */
#ifndef EMU_ADC12_H
#define EMU_ADC12_H

#include "clock.h"

enum { ADC12_MEMORIES = 16 };

enum adc12_address {
    ADC12_MCTL0 = 0x080, /* 16 bytes */
    ADC12_MEM0 = 0x140,  /* 16 words */
    ADC12_CTL0 = 0x1A0,
    ADC12_CTL1 = 0x1A2,
    ADC12_IFG = 0x1A4,
    ADC12_IE = 0x1A6,
    ADC12_IV = 0x1A8,
};

struct adc12 {
    uint16_t ctl0, ctl1, ifg, ie;
    uint8_t mctl[ADC12_MEMORIES];
    uint16_t mem[ADC12_MEMORIES];
    int temperature_tenths;
    uint64_t reference_ps; /* when the reference was turned on */
    uint64_t done_ps;      /* CLOCK_NEVER unless converting */
    bool is_spoiled;
    const struct clock *clock;
    struct stop *stop;
};

void adc12_init(struct adc12 *adc, int temperature_tenths, const struct clock *clock, struct stop *stop);
void adc12_reset(struct adc12 *adc);
bool adc12_answers(uint16_t address);
uint16_t adc12_read(struct adc12 *adc, uint16_t address);
void adc12_write(struct adc12 *adc, uint16_t address, uint16_t value, uint64_t now);
uint64_t adc12_due(const struct adc12 *adc);
/* The conversion is done. */
void adc12_run(struct adc12 *adc);
bool adc12_interrupts(const struct adc12 *adc);

#endif
