/*
 * Ports 1 to 6 (SLAU049 9) and what a Tmote Sky has on them: the SHT11 on P1.5 to P1.7, the CC2420's control
 * pins P4.2 (CSn), P4.5 (regulator) and P4.6 (RESETn), and the LEDs P5.4 to P5.6, lit by a low level. Other
 * pins rest: the user button (P2.7) and the serial line (P3.7) high, the rest low.
 */
#ifndef EMU_PORTS_H
#define EMU_PORTS_H

#include "cc2420.h"
#include "sht11.h"

#include <stdio.h>

enum { PORTS = 6, PORTS_WITH_INTERRUPT = 2, PORTS_LEDS = 3 };

struct port {
    uint8_t out, dir, ifg, ies, ie, sel;
    uint8_t level; /* of the pins, when last looked at */
};

struct port_led {
    bool is_on;
    uint64_t changes;
};

struct ports {
    struct port port[PORTS];
    struct port_led leds[PORTS_LEDS];
    FILE *led_log; /* told of each change, or NULL */
    struct sht11 *sht11;
    struct cc2420 *cc2420;
};

extern const char *const PORTS_LED_NAMES[PORTS_LEDS];

void ports_init(struct ports *ports, struct sht11 *sht11, struct cc2420 *cc2420, FILE *led_log);
void ports_reset(struct ports *ports, uint64_t now);
/* Whether a port's register stands at `address`. */
bool ports_answer(uint16_t address);
uint8_t ports_read(struct ports *ports, uint16_t address);
void ports_write(struct ports *ports, uint16_t address, uint8_t value, uint64_t now);
/* Looks at the pins again: after something on the board has moved. */
void ports_refresh(struct ports *ports, uint64_t now);
/* Whether the pins `mask` of port `number` (1 to 6) are given to their peripheral. */
bool ports_are_selected(const struct ports *ports, unsigned number, uint8_t mask);
/* Whether port `number` (1 or 2) asks for an interrupt. */
bool ports_interrupt(const struct ports *ports, unsigned number);

#endif
