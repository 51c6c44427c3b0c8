#include "adc.h"

#include "fault.h"

void adc_reset(struct adc *a)
{
    *a = (struct adc){.battery_mv = a->battery_mv};
}

static uint16_t reg(const struct adc *a, uint32_t offset)
{
    return a->words[offset / 2];
}

static bool is_converting(const struct adc *a)
{
    return (reg(a, ADC_CONTROL) & ADC_CONTROL_ON) != 0 && reg(a, ADC_SEQ_1) == ADC_SEQ_BATT;
}

static uint64_t sample_time(const struct adc *a)
{
    uint64_t prescaled = reg(a, ADC_PRESCALE) + 1u;

    return prescaled * (reg(a, ADC_ON_TIME) + reg(a, ADC_CONVERT_TIME) + 1u);
}

static uint16_t sample(const struct adc *a)
{
    uint32_t value = (uint32_t)ADC_FULL_SCALE * ADC_REFERENCE_MV / (a->battery_mv - ADC_BATTERY_LOW_BY);

    return (uint16_t)(ADC_BATTERY_CHANNEL << 12 | value);
}

uint16_t adc_read(struct adc *a, uint32_t offset)
{
    switch (offset) {
    case ADC_FIFO_STATUS:
        return (uint16_t)(a->level == 0 ? ADC_FIFO_EMPTY
                                        : a->level | (a->level == ADC_FIFO_LEN ? ADC_FIFO_FULL : 0));
    case ADC_FIFO_READ:
        if (a->level == 0)
            return 0;
        a->level--;
        return sample(a);
    default:
        if (offset >= ADC_END || offset % 2 != 0)
            emu_fault("read of ADC register 0x%02x", (unsigned)offset);
        return reg(a, offset);
    }
}

void adc_write(struct adc *a, uint64_t now, uint32_t offset, uint16_t value)
{
    if (offset >= ADC_END || offset % 2 != 0)
        emu_fault("write of ADC register 0x%02x", (unsigned)offset);
    if ((offset == ADC_SEQ_1 && (value & ~ADC_SEQ_BATT) != 0) || (offset == ADC_SEQ_2 && value != 0))
        emu_fault("ADC channels 0x%04x", (unsigned)value);
    a->words[offset / 2] = value;
    a->sample_at = now + sample_time(a);
}

uint64_t adc_next_event(const struct adc *a)
{
    return is_converting(a) ? a->sample_at : UINT64_MAX;
}

void adc_advance(struct adc *a, uint64_t now)
{
    while (adc_next_event(a) <= now) {
        a->level += a->level < ADC_FIFO_LEN ? 1 : 0; /* a full FIFO loses the sample */
        a->sample_at += sample_time(a);
    }
}
