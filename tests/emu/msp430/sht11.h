/*
 * The SHT11 (Sensirion data sheet): two wires, of which the sensor pulls down the data wire; measurements of
 * 14 bits temperature and 12 bits humidity, status register, soft reset, CRC-8. Times are the data sheet's
 * longest: 11 ms after power-up, 320 ms and 80 ms for a measurement.
 */
#ifndef EMU_SHT11_H
#define EMU_SHT11_H

#include "clock.h"

enum sht11_phase {
    SHT11_IDLE,
    SHT11_COMMAND,     /* takes eight bits */
    SHT11_ACKNOWLEDGE, /* pulls data down for one clock */
    SHT11_MEASURE,
    SHT11_SEND,         /* gives eight bits */
    SHT11_WAIT_FOR_ACK, /* the master pulls data down for more */
    SHT11_STATUS,       /* takes eight bits for the status register */
};

struct sht11 {
    int temperature_tenths, humidity_tenths; /* degrees Celsius, per cent */
    bool power, clock, data;                 /* the master's levels; data: not pulled down */
    bool is_pulling;
    uint64_t powered_ps, ready_ps; /* ready_ps: CLOCK_NEVER unless measuring */
    enum sht11_phase phase;
    unsigned start_step; /* how much of the transmission start has been seen */
    unsigned bits;
    uint8_t shift, command, status;
    bool is_acknowledged;
    uint8_t output[3];
    unsigned output_len, sent;
    struct stop *stop;
};

void sht11_init(struct sht11 *sensor, int temperature_tenths, int humidity_tenths, struct stop *stop);
/* The master's levels; `data` is true while it does not pull the wire down. */
void sht11_drive(struct sht11 *sensor, bool power, bool clock, bool data, uint64_t now);
/* The level of the data wire. */
bool sht11_data(const struct sht11 *sensor);
uint64_t sht11_due(const struct sht11 *sensor);
/* The measurement is done. */
void sht11_run(struct sht11 *sensor);

#endif
