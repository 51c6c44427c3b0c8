#include "bus.h"

enum { BYTE_MODULES_END = 0x100, USART0 = 0x70, USART1 = 0x78, USART_END = 0x80 };
enum { TIMER_B_IV = 0x11E, TIMER_A_IV = 0x12E, TIMER_A = 0x160, TIMER_B = 0x180 };

static bool is_within(uint16_t address, unsigned first, unsigned len)
{
    return address >= first && address < first + len;
}

static bool is_multiplier(uint16_t address)
{
    return is_within(address, MULTIPLIER_MPY, MULTIPLIER_SUMEXT + 2 - MULTIPLIER_MPY);
}

static bool is_clock(uint16_t address)
{
    return is_within(address, CLOCK_DCOCTL, CLOCK_BCSCTL2 + 1 - CLOCK_DCOCTL);
}

static struct usart *find_usart(struct machine *m, uint16_t address)
{
    if (!is_within(address, USART0, USART_END - USART0))
        return NULL;
    return address < USART1 ? &m->spi : &m->uart;
}

static struct timer *find_timer(struct machine *m, uint16_t address)
{
    if (is_within(address, TIMER_A, TIMER_END))
        return &m->timer_a;
    return is_within(address, TIMER_B, TIMER_END) ? &m->timer_b : NULL;
}

static bool is_allowed(struct machine *m, uint16_t address, bool is_byte)
{
    if (address < BYTE_MODULES_END && !is_byte)
        stop_ask(&m->stop, STOP_FAULT, "access of a word to the byte register 0x%04x", address);
    else if (address >= BYTE_MODULES_END && (address & 1) != 0)
        stop_ask(&m->stop, STOP_FAULT, "access of a byte to the upper half of register 0x%04x", address - 1);
    else
        return true;
    return false;
}

static void stop_unknown(struct machine *m, uint16_t address, const char *what)
{
    stop_ask(&m->stop, STOP_FAULT, "%s at 0x%04x, where no register is modelled", what, address);
}

static uint16_t read_byte_module(struct machine *m, uint16_t address)
{
    struct usart *usart = find_usart(m, address);

    if (address < SFR_REGISTERS)
        return m->sfr.r[address];
    if (ports_answer(address))
        return ports_read(&m->ports, address);
    if (is_clock(address))
        return clock_read(&m->clock, address);
    if (usart)
        return usart_read(usart, (enum usart_offset)(address % USART_REGISTERS));
    if (adc12_answers(address))
        return adc12_read(&m->adc12, address);
    stop_unknown(m, address, "read");
    return 0;
}

static uint16_t read_word_module(struct machine *m, uint16_t address, uint64_t now)
{
    struct timer *timer = find_timer(m, address);

    if (timer)
        return timer_read(timer, (uint16_t)(address % TIMER_END), now);
    if (is_multiplier(address))
        return multiplier_read(&m->multiplier, address);
    if (adc12_answers(address))
        return adc12_read(&m->adc12, address);
    switch (address) {
    case TIMER_A_IV:
        return timer_take_vector(&m->timer_a, now);
    case TIMER_B_IV:
        return timer_take_vector(&m->timer_b, now);
    case WATCHDOG_CTL:
        return watchdog_read(&m->watchdog);
    case FLASH_CTL1:
    case FLASH_CTL2:
    case FLASH_CTL3:
        return flash_read(&m->flash, address);
    default:
        stop_unknown(m, address, "read");
        return 0;
    }
}

uint16_t bus_read(void *owner, uint16_t address, bool is_byte)
{
    struct machine *m = owner;
    uint16_t value;

    if (!is_allowed(m, address, is_byte))
        return 0;
    m->is_touched = true;
    machine_run_events(m);
    value = address < BYTE_MODULES_END ? read_byte_module(m, address)
                                       : read_word_module(m, address, machine_now(m));
    return is_byte ? value & 0xFF : value;
}

static void write_sfr(struct machine *m, uint16_t address, uint8_t value)
{
    if (address == SFR_IE1 && (value & (SFR_OF | SFR_NMI | SFR_ACCV)) != 0)
        stop_ask(&m->stop, STOP_FAULT, "IE1 0x%02x: non-maskable interrupts are not modelled", value);
    m->sfr.r[address] = value;
}

static void write_clock(struct machine *m, uint16_t address, uint8_t value, uint64_t now)
{
    timer_sync(&m->timer_a, now);
    timer_sync(&m->timer_b, now);
    clock_write(&m->clock, address, value, now);
}

static void write_byte_module(struct machine *m, uint16_t address, uint8_t value, uint64_t now)
{
    struct usart *usart = find_usart(m, address);

    if (address < SFR_REGISTERS)
        write_sfr(m, address, value);
    else if (ports_answer(address))
        ports_write(&m->ports, address, value, now);
    else if (is_clock(address))
        write_clock(m, address, value, now);
    else if (usart)
        usart_write(usart, (enum usart_offset)(address % USART_REGISTERS), value, now);
    else if (adc12_answers(address))
        adc12_write(&m->adc12, address, value, now);
    else
        stop_unknown(m, address, "write");
}

static void write_word_module(struct machine *m, uint16_t address, uint16_t value, uint64_t now)
{
    struct timer *timer = find_timer(m, address);

    if (timer)
        timer_write(timer, (uint16_t)(address % TIMER_END), value, now);
    else if (is_multiplier(address))
        multiplier_write(&m->multiplier, address, value);
    else if (adc12_answers(address))
        adc12_write(&m->adc12, address, value, now);
    else if (address == TIMER_A_IV)
        timer_take_vector(&m->timer_a, now);
    else if (address == TIMER_B_IV)
        timer_take_vector(&m->timer_b, now);
    else if (address == WATCHDOG_CTL)
        watchdog_write(&m->watchdog, value, now);
    else if (address == FLASH_CTL1 || address == FLASH_CTL2 || address == FLASH_CTL3)
        flash_write_ctl(&m->flash, address, value);
    else
        stop_unknown(m, address, "write");
}

/* A byte written to a register of 16 bits leaves its upper half zero (SLAU049 3.4): keys are wrong then. */
void bus_write(void *owner, uint16_t address, uint16_t value, bool is_byte)
{
    struct machine *m = owner;

    if (!is_allowed(m, address, is_byte))
        return;
    m->is_touched = true;
    machine_run_events(m);
    if (address < BYTE_MODULES_END)
        write_byte_module(m, address, (uint8_t)value, machine_now(m));
    else
        write_word_module(m, address, is_byte ? value & 0xFF : value, machine_now(m));
}

/* The CPU stands still while the flash that it runs in is busy: cycles go by without instructions. */
void bus_write_flash(void *owner, uint16_t address, uint16_t value, bool is_byte)
{
    struct machine *m = owner;
    bool runs_in_flash = m->memory.pages[m->cpu.at >> 8] == MEMORY_FLASH_PAGE;
    uint64_t done;

    m->is_touched = true;
    done = flash_write(&m->flash, address, value, is_byte, runs_in_flash, machine_now(m));
    if (runs_in_flash && done > machine_now(m))
        m->cpu.cycles = clock_cycles_until(&m->clock, done);
}

uint16_t bus_read_busy(void *owner)
{
    struct machine *m = owner;

    m->is_touched = true;
    return flash_read_busy(&m->flash);
}
