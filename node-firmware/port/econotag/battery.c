#include "battery.h"

#include "mc13224v.h"

enum {
    CLOCK_DIVIDER = 80, /* 300 kHz for the converter */
    PRESCALE = 24 - 1,  /* 1 MHz for its times, which are microseconds then */
    ON_TIME = 10,
    CONVERT_TIME = 40,
    SAMPLES_TO_SETTLE = 4,
    FULL_SCALE = 4095,
    REFERENCE_MV = 1200,
    READS_LOW_BY_MV = 183, /* on the average of boards that others have measured */
    MV_PER_TENTH = 100,
};

/* What full scale is in volts follows from what the reference reads. */
int16_t battery_measure(void)
{
    uint32_t reference = 0;

    MC_ADC->clock_divider = CLOCK_DIVIDER;
    MC_ADC->prescale = PRESCALE;
    MC_ADC->on_time = ON_TIME;
    MC_ADC->convert_time = CONVERT_TIME;
    MC_ADC->mode = 0; /* one after the other, by itself */
    MC_ADC->fifo_control = 0;
    MC_ADC->seq_1 = MC_ADC_SEQ_BATT;
    MC_ADC->override = MC_ADC_AD1_ON;
    MC_ADC->control = MC_ADC_ON;
    for (uint8_t i = 0; i < SAMPLES_TO_SETTLE; i++) {
        while ((MC_ADC->fifo_status & MC_ADC_FIFO_EMPTY) != 0)
            ;
        reference = MC_ADC->fifo_read & MC_ADC_VALUE;
    }
    MC_ADC->control = 0;
    while ((MC_ADC->fifo_status & MC_ADC_FIFO_EMPTY) == 0)
        (void)MC_ADC->fifo_read;
    return reference == 0
               ? 0
               : (int16_t)((FULL_SCALE * REFERENCE_MV / reference + READS_LOW_BY_MV) / MV_PER_TENTH);
}
