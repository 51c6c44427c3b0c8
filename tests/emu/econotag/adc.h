/*
 * The analogue converter of the MC13224V, as far as it measures the battery.
 *
 * Owns the registers at 0x8000D000. In automatic mode sequence 1 converts channel 8, the 1.2 V reference
 * against the supply, again and again into a FIFO of 8. Other channels are not modelled.
 */
#ifndef EMU_ADC_H
#define EMU_ADC_H

#include <stdbool.h>
#include <stdint.h>

enum adc_register {
    ADC_SEQ_1 = 0x14,
    ADC_SEQ_2 = 0x16,
    ADC_CONTROL = 0x18,
    ADC_TRIGGERS = 0x1A,
    ADC_PRESCALE = 0x1C,
    ADC_FIFO_READ = 0x20,
    ADC_FIFO_CONTROL = 0x22,
    ADC_FIFO_STATUS = 0x24,
    ADC_ON_TIME = 0x38,
    ADC_CONVERT_TIME = 0x3A,
    ADC_CLOCK_DIVIDER = 0x3C,
    ADC_OVERRIDE = 0x40,
    ADC_IRQ = 0x42,
    ADC_MODE = 0x44,
    ADC_END = 0x4A,
};

enum {
    ADC_CONTROL_ON = 1 << 0,
    ADC_SEQ_BATT = 1 << 8,
    ADC_FIFO_EMPTY = 1 << 5,
    ADC_FIFO_FULL = 1 << 4,
    ADC_FIFO_LEN = 8,
    ADC_BATTERY_CHANNEL = 8,
    ADC_BATTERY_MV = 3300,
    ADC_BATTERY_LOW_BY = 183, /* a measurement reads that much too low, in mV */
    ADC_REFERENCE_MV = 1200,
    ADC_FULL_SCALE = 4095,
};

struct adc {
    uint16_t words[ADC_END / 2];
    unsigned level; /* samples in the FIFO: all are alike */
    uint16_t battery_mv;
    uint64_t sample_at;
};

void adc_reset(struct adc *a);
uint16_t adc_read(struct adc *a, uint32_t offset);
void adc_write(struct adc *a, uint64_t now, uint32_t offset, uint16_t value);
uint64_t adc_next_event(const struct adc *a);
void adc_advance(struct adc *a, uint64_t now);

#endif
