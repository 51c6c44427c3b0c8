#include "adc12.h"

enum { REF2_5V = 0x40, REFON = 0x20, ADC12ON = 0x10, OVERFLOWS = 0x0C, ENC = 0x02, SC = 0x01 };
enum { SHS = 0x0C00, SHP = 0x0200, ISSH = 0x0100, CONSEQ = 0x0006, BUSY = 0x0001 };
enum { INCH = 0x0F, SREF = 0x70, SREF_AVCC = 0x00, SREF_VREF = 0x10, CHANNEL_TEMPERATURE = 10 };
enum { CHANNEL_HALF_SUPPLY = 11, FULL_SCALE = 4095, CONVERSION_CLOCKS = 13, SUPPLY_MV = 3000 };

#define OSCILLATOR_HZ 5e6
#define SETTLING_TIME (17 * CLOCK_MS)
#define SAMPLE_SECONDS_MIN 30e-6

static unsigned memory_of(const struct adc12 *adc)
{
    return adc->ctl1 >> 12;
}

static double clock_rate(const struct adc12 *adc)
{
    unsigned divider = (adc->ctl1 >> 5 & 7) + 1;

    switch (adc->ctl1 >> 3 & 3) {
    case 0:
        return OSCILLATOR_HZ / divider;
    case 1:
        return clock_hz(adc->clock, CLOCK_ACLK) / divider;
    case 2:
        return clock_hz(adc->clock, CLOCK_MCLK) / divider;
    default:
        return clock_hz(adc->clock, CLOCK_SMCLK) / divider;
    }
}

static unsigned sample_clocks(const struct adc12 *adc)
{
    static const uint16_t CLOCKS[16] = {4,   8,   16,  32,  64,   96,   128,  192,
                                        256, 384, 512, 768, 1024, 1024, 1024, 1024};

    return CLOCKS[adc->ctl0 >> (memory_of(adc) < 8 ? 8 : 12) & 15];
}

static void start(struct adc12 *adc, uint64_t now)
{
    uint8_t mctl = adc->mctl[memory_of(adc)], reference = mctl & SREF;
    double rate = clock_rate(adc);

    if ((adc->ctl1 & (SHP | SHS | ISSH | CONSEQ)) != SHP || rate <= 0 ||
        (reference != SREF_AVCC && reference != SREF_VREF)) {
        stop_ask(adc->stop, STOP_FAULT,
                 "ADC12: CTL1 0x%04x, MCTL 0x%02x: only single conversions started by software are modelled",
                 adc->ctl1, mctl);
        return;
    }
    adc->is_spoiled =
        (reference == SREF_VREF && ((adc->ctl0 & REFON) == 0 || now - adc->reference_ps < SETTLING_TIME)) ||
        ((mctl & INCH) == CHANNEL_TEMPERATURE && sample_clocks(adc) / rate < SAMPLE_SECONDS_MIN);
    adc->done_ps =
        now + (uint64_t)((sample_clocks(adc) + CONVERSION_CLOCKS) / rate * (double)CLOCK_SECOND + 0.5);
}

static double input_mv(const struct adc12 *adc, uint8_t channel)
{
    if (channel == CHANNEL_TEMPERATURE)
        return 986 + 0.355 * adc->temperature_tenths;
    return channel == CHANNEL_HALF_SUPPLY ? (double)SUPPLY_MV / 2 : 0;
}

static double reference_mv(const struct adc12 *adc, uint8_t mctl)
{
    if ((mctl & SREF) == SREF_AVCC)
        return SUPPLY_MV;
    return adc->ctl0 & REF2_5V ? 2500 : 1500;
}

void adc12_init(struct adc12 *adc, int temperature_tenths, const struct clock *clock, struct stop *stop)
{
    *adc = (struct adc12){.temperature_tenths = temperature_tenths, .clock = clock, .stop = stop};
    adc12_reset(adc);
}

void adc12_reset(struct adc12 *adc)
{
    adc->ctl0 = adc->ctl1 = adc->ifg = adc->ie = 0;
    for (unsigned i = 0; i < ADC12_MEMORIES; i++)
        adc->mctl[i] = 0;
    adc->done_ps = CLOCK_NEVER;
}

bool adc12_answers(uint16_t address)
{
    return (address >= ADC12_MCTL0 && address < ADC12_MCTL0 + ADC12_MEMORIES) ||
           (address >= ADC12_MEM0 && address < ADC12_MEM0 + 2 * ADC12_MEMORIES) ||
           (address >= ADC12_CTL0 && address <= ADC12_IV);
}

/* ADC12IV: the first pending memory, whose flag it clears. */
static uint16_t take_vector(struct adc12 *adc)
{
    for (unsigned i = 0; i < ADC12_MEMORIES; i++) {
        if (adc->ifg & adc->ie & 1u << i) {
            adc->ifg &= (uint16_t)~(1u << i);
            return (uint16_t)(6 + 2 * i);
        }
    }
    return 0;
}

uint16_t adc12_read(struct adc12 *adc, uint16_t address)
{
    unsigned i;

    switch (address) {
    case ADC12_CTL0:
        return adc->ctl0;
    case ADC12_CTL1:
        return (uint16_t)(adc->ctl1 | (adc->done_ps != CLOCK_NEVER ? BUSY : 0));
    case ADC12_IFG:
        return adc->ifg;
    case ADC12_IE:
        return adc->ie;
    case ADC12_IV:
        return take_vector(adc);
    default:
        break;
    }
    if (address < ADC12_MEM0)
        return adc->mctl[address - ADC12_MCTL0];
    i = (address - ADC12_MEM0) / 2u;
    adc->ifg &= (uint16_t)~(1u << i);
    return adc->mem[i];
}

/* All but ENC and SC may be changed only while ENC is clear (SLAU049 17.3). */
static void write_ctl0(struct adc12 *adc, uint16_t value, uint64_t now)
{
    if (value & OVERFLOWS)
        stop_ask(adc->stop, STOP_FAULT, "ADC12: overflow interrupts are not modelled");
    if (adc->ctl0 & ENC)
        value = (uint16_t)((adc->ctl0 & ~(ENC | SC)) | (value & (ENC | SC)));
    if ((value & REFON) != 0 && (adc->ctl0 & REFON) == 0)
        adc->reference_ps = now;
    adc->ctl0 = (uint16_t)(value & ~SC);
    if ((value & (ADC12ON | ENC | SC)) == (ADC12ON | ENC | SC) && adc->done_ps == CLOCK_NEVER)
        start(adc, now);
}

void adc12_write(struct adc12 *adc, uint16_t address, uint16_t value, uint64_t now)
{
    switch (address) {
    case ADC12_CTL0:
        write_ctl0(adc, value, now);
        return;
    case ADC12_CTL1:
        if ((adc->ctl0 & ENC) == 0)
            adc->ctl1 = (uint16_t)(value & ~BUSY);
        return;
    case ADC12_IFG:
        adc->ifg = value;
        return;
    case ADC12_IE:
        adc->ie = value;
        return;
    case ADC12_IV:
        take_vector(adc);
        return;
    default:
        break;
    }
    if (address >= ADC12_MEM0)
        adc->mem[(address - ADC12_MEM0) / 2u] = value;
    else if ((adc->ctl0 & ENC) == 0)
        adc->mctl[address - ADC12_MCTL0] = (uint8_t)value;
}

uint64_t adc12_due(const struct adc12 *adc)
{
    return adc->done_ps;
}

void adc12_run(struct adc12 *adc)
{
    unsigned i = memory_of(adc);
    uint8_t mctl = adc->mctl[i];
    double part = input_mv(adc, mctl & INCH) / reference_mv(adc, mctl);

    adc->done_ps = CLOCK_NEVER;
    adc->mem[i] = part >= 1 || adc->is_spoiled ? FULL_SCALE : (uint16_t)(part * (double)FULL_SCALE + 0.5);
    adc->ifg |= (uint16_t)(1u << i);
}

bool adc12_interrupts(const struct adc12 *adc)
{
    return (adc->ifg & adc->ie) != 0;
}
