#include "adc.h"

#include "bare.h"
#include "clock.h"
#include "f1611.h"

enum {
    REFERENCE_SETTLES_MS = 17,
    SAMPLES = 4, /* in a byte of entropy */
};

static void adc_on(void)
{
    ADC12CTL0 = SHT0_192 | REFON | ADC12ON; /* reference 1.5 V; samples for 38 us at ADC12OSC's 5 MHz */
    ADC12CTL1 = SHP;
    ADC12MCTL0 = SREF_1 | INCH_TEMPERATURE;
}

static void adc_off(void)
{
    ADC12CTL0 = 0;
}

/* A conversion, to which the CPU's and the converter's oscillators add their jitter in *polls. */
static uint16_t adc_convert(uint8_t *polls)
{
    ADC12CTL0 |= ADC12ENC | ADC12SC;
    while ((ADC12IFG & 1) == 0)
        ++*polls;
    uint16_t value = ADC12MEM0; /* clears the flag */
    ADC12CTL0 &= (uint16_t)~(ADC12ENC | ADC12SC);
    return value;
}

/* (V - 0.986 V) / 3.55 mV for a degree, V = value / 4096 * 1.5 V: value * 1.0316 - 2777.5 tenths. */
int16_t adc_temperature(void)
{
    uint8_t polls = 0;

    adc_on();
    clock_wait_ms(REFERENCE_SETTLES_MS);
    uint16_t value = adc_convert(&polls);
    adc_off();
    return (int16_t)(value + value / 32 - 2777);
}

/* Noise of the least bits and of the time that conversions take. */
void bare_entropy(uint8_t *out, size_t len)
{
    adc_on();
    for (; len > 0; len--) {
        uint8_t byte = 0;
        for (uint8_t i = 0; i < SAMPLES; i++) {
            byte = (uint8_t)(byte << 3 | byte >> 5);
            uint8_t value = (uint8_t)adc_convert(&byte);
            byte ^= value;
        }
        *out++ = byte;
    }
    adc_off();
}
