/*
 * The Tmote Sky as a whole: pins, what the application reads and switches.
 */
#include "adc.h"
#include "bare.h"
#include "board.h"
#include "clock.h"
#include "f1611.h"
#include "resources.h"
#include "sht11.h"
#include "uart.h"

enum {
    LEDS = 0x70,             /* P5.4 to P5.6, lit when low */
    RADIO_SELECT = 0x04,     /* P4.2, selected when low */
    FLASH_SELECT = 0x10,     /* P4.4, of the serial flash beside the radio, likewise */
    FLASH_HOLD = 0x80,       /* P4.7, likewise */
    READING_FRESH_MS = 1000, /* the sensor heats itself if it measures more often */
};

const struct node_resource *const bare_resources = app_resources;

void bare_start(void)
{
    P5OUT |= LEDS;
    P5DIR |= LEDS;
    P4OUT |= RADIO_SELECT | FLASH_SELECT | FLASH_HOLD;
    P4DIR |= RADIO_SELECT | FLASH_SELECT | FLASH_HOLD;
    clock_start();
    uart_start();
    f1611_interrupts_on();
}

static const struct sht11_reading *reading(void)
{
    static struct sht11_reading latest;
    static uint32_t measured_ms;
    static bool is_measured;

    if (!is_measured || bare_now_ms() - measured_ms >= READING_FRESH_MS) {
        if (!sht11_measure(&latest))
            latest = (struct sht11_reading){adc_temperature(), BOARD_UNKNOWN};
        measured_ms = bare_now_ms();
        is_measured = true;
    }
    return &latest;
}

int16_t board_temperature(struct port *port)
{
    (void)port;
    return reading()->temperature;
}

int16_t board_humidity(struct port *port)
{
    (void)port;
    return reading()->humidity;
}

bool board_light(struct port *port)
{
    (void)port;
    return (P5OUT & LEDS) == 0;
}

void board_set_light(struct port *port, bool on)
{
    (void)port;
    if (on)
        P5OUT &= (uint8_t)~LEDS;
    else
        P5OUT |= LEDS;
}
