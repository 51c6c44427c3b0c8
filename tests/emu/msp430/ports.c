#include "ports.h"

enum port_register { IN, OUT, DIR, IFG, IES, IE, SEL, NO_REGISTER };

enum { P1_DATA = 0x20, P1_CLOCK = 0x40, P1_POWER = 0x80, P2_BUTTON = 0x80, P3_RX = 0x80 };
enum { P4_CSN = 0x04, P4_REGULATOR = 0x20, P4_RESETN = 0x40, P5_FIRST_LED = 0x10 };

const char *const PORTS_LED_NAMES[PORTS_LEDS] = {"red", "green", "blue"};

/* Ports 1 and 2 have seven registers, the others IN, OUT, DIR and SEL. */
static enum port_register locate(uint16_t address, unsigned *number)
{
    static const uint16_t BASES[PORTS] = {0x20, 0x28, 0x18, 0x1C, 0x30, 0x34};
    static const enum port_register SHORT[4] = {IN, OUT, DIR, SEL};

    for (unsigned i = 0; i < PORTS; i++) {
        unsigned length = i < PORTS_WITH_INTERRUPT ? 7 : 4;

        *number = i + 1;
        if (address >= BASES[i] && address < BASES[i] + length)
            return length == 7 ? (enum port_register)(address - BASES[i]) : SHORT[address - BASES[i]];
    }
    return NO_REGISTER;
}

bool ports_answer(uint16_t address)
{
    unsigned number;

    return locate(address, &number) != NO_REGISTER;
}

/* The level of the pins that the board drives. */
static uint8_t outside_level(const struct ports *ports, unsigned number)
{
    switch (number) {
    case 1:
        return ports->sht11 && sht11_data(ports->sht11) ? P1_DATA : 0;
    case 2:
        return P2_BUTTON;
    case 3:
        return P3_RX;
    default:
        return 0;
    }
}

static uint8_t pin_level(const struct ports *ports, unsigned number)
{
    const struct port *port = &ports->port[number - 1];

    return (uint8_t)((port->dir & port->out) | (~port->dir & outside_level(ports, number)));
}

static bool drives(const struct port *port, uint8_t pin, bool high)
{
    return (port->dir & pin) != 0 && ((port->out & pin) != 0) == high;
}

static void refresh_leds(struct ports *ports, uint64_t now)
{
    for (unsigned i = 0; i < PORTS_LEDS; i++) {
        struct port_led *led = &ports->leds[i];
        bool is_on = drives(&ports->port[4], (uint8_t)(P5_FIRST_LED << i), false);

        if (is_on == led->is_on)
            continue;
        led->is_on = is_on;
        led->changes++;
        if (ports->led_log)
            fprintf(ports->led_log, "led %s %s at %.6f s\n", PORTS_LED_NAMES[i], is_on ? "on" : "off",
                    (double)now / (double)CLOCK_SECOND);
    }
}

void ports_refresh(struct ports *ports, uint64_t now)
{
    const struct port *one = &ports->port[0], *four = &ports->port[3];

    sht11_drive(ports->sht11, drives(one, P1_POWER, true), drives(one, P1_CLOCK, true),
                !drives(one, P1_DATA, false), now);
    cc2420_drive(ports->cc2420, drives(four, P4_REGULATOR, true), !drives(four, P4_RESETN, false),
                 !drives(four, P4_CSN, false), now);
    refresh_leds(ports, now);
    for (unsigned i = 0; i < PORTS_WITH_INTERRUPT; i++) {
        struct port *port = &ports->port[i];
        uint8_t level = pin_level(ports, i + 1), changed = level ^ port->level;

        port->ifg |= (uint8_t)(changed & (port->ies ^ level)); /* IES 1: falling edges */
        port->level = level;
    }
}

void ports_init(struct ports *ports, struct sht11 *sht11, struct cc2420 *cc2420, FILE *led_log)
{
    *ports = (struct ports){.sht11 = sht11, .cc2420 = cc2420, .led_log = led_log};
}

/* OUT and IES keep what they hold (SLAU049 9.3), but nothing is an output. */
void ports_reset(struct ports *ports, uint64_t now)
{
    for (unsigned i = 0; i < PORTS; i++) {
        struct port *port = &ports->port[i];

        port->dir = port->ifg = port->ie = port->sel = 0;
        port->level = pin_level(ports, i + 1);
    }
    ports_refresh(ports, now);
}

uint8_t ports_read(struct ports *ports, uint16_t address)
{
    unsigned number;
    enum port_register reg = locate(address, &number);
    const struct port *port = &ports->port[number - 1];

    switch (reg) {
    case IN:
        return pin_level(ports, number);
    case OUT:
        return port->out;
    case DIR:
        return port->dir;
    case IFG:
        return port->ifg;
    case IES:
        return port->ies;
    case IE:
        return port->ie;
    default:
        return port->sel;
    }
}

void ports_write(struct ports *ports, uint16_t address, uint8_t value, uint64_t now)
{
    unsigned number;
    enum port_register reg = locate(address, &number);
    struct port *port = &ports->port[number - 1];

    switch (reg) {
    case IN: /* read only */
        return;
    case OUT:
        port->out = value;
        break;
    case DIR:
        port->dir = value;
        break;
    case IFG:
        port->ifg = value;
        break;
    case IES:
        port->ies = value;
        break;
    case IE:
        port->ie = value;
        break;
    default:
        port->sel = value;
    }
    ports_refresh(ports, now);
}

bool ports_are_selected(const struct ports *ports, unsigned number, uint8_t mask)
{
    return (ports->port[number - 1].sel & mask) == mask;
}

bool ports_interrupt(const struct ports *ports, unsigned number)
{
    return (ports->port[number - 1].ifg & ports->port[number - 1].ie) != 0;
}
