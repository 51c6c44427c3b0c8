#include "machine.h"

#include "fault.h"

#include <stddef.h>

enum device {
    DEVICE_GPIO = 0x80000,
    DEVICE_CRM = 0x80003,
    DEVICE_UART1 = 0x80005,
    DEVICE_TMR = 0x80007,
    DEVICE_ASM = 0x80008,
    DEVICE_SPIF = 0x8000C,
    DEVICE_ADC = 0x8000D,
    DEVICE_ITC = 0x80020,
    DEVICE_SHIFT = 12,
};

static void devices_reset(struct machine *m)
{
    uart_reset(&m->uart);
    asm_unit_reset(&m->asm_unit);
    itc_reset(&m->itc);
    tmr_reset(&m->timers);
    crm_reset(&m->crm);
    gpio_reset(&m->gpio);
    adc_reset(&m->adc);
    spif_reset(&m->spif);
}

void machine_init(struct machine *m, uint64_t seed, void (*send)(void *context, uint8_t byte), void *context)
{
    m->now = 0;
    m->uart = (struct uart){.send = send, .context = context};
    m->asm_unit.blocks = 0;
    m->adc.battery_mv = ADC_BATTERY_MV;
    m->spif.flash = &m->flash;
    for (size_t i = 0; i < sizeof m->resets / sizeof m->resets[0]; i++)
        m->resets[i] = 0;
    flash_init(&m->flash, seed);
    devices_reset(m);
}

void machine_reset(struct machine *m)
{
    m->resets[m->crm.wanted]++;
    devices_reset(m);
}

static void lines_update(struct machine *m)
{
    itc_set_line(&m->itc, ITC_UART1, uart_interrupts(&m->uart));
    itc_set_line(&m->itc, ITC_ASM, asm_unit_interrupts(&m->asm_unit));
    itc_set_line(&m->itc, ITC_TMR, tmr_interrupts(&m->timers));
    if (m->crm.is_waiting && (itc_irq(&m->itc) || itc_fiq(&m->itc)))
        crm_wake(&m->crm);
}

static void check_size(uint32_t address, unsigned size)
{
    uint32_t device = address >> DEVICE_SHIFT;
    unsigned wanted = device == DEVICE_TMR || device == DEVICE_ADC ? 2 : 4;

    if (size != wanted || address % wanted != 0)
        emu_fault("access of %u bytes at 0x%08x", size, (unsigned)address);
}

static uint32_t device_read(struct machine *m, uint32_t address)
{
    uint32_t offset = address & ((1u << DEVICE_SHIFT) - 1);

    switch (address >> DEVICE_SHIFT) {
    case DEVICE_GPIO:
        return gpio_read(&m->gpio, offset);
    case DEVICE_CRM:
        return crm_read(&m->crm, m->now, offset);
    case DEVICE_UART1:
        return uart_read(&m->uart, offset);
    case DEVICE_TMR:
        return tmr_read(&m->timers, m->now, offset);
    case DEVICE_ASM:
        return asm_unit_read(&m->asm_unit, offset);
    case DEVICE_SPIF:
        return spif_read(&m->spif, offset);
    case DEVICE_ADC:
        return adc_read(&m->adc, offset);
    case DEVICE_ITC:
        return itc_read(&m->itc, offset);
    default:
        emu_fault("read at 0x%08x", (unsigned)address);
    }
}

uint32_t machine_read(struct machine *m, uint32_t address, unsigned size)
{
    uint32_t value;

    check_size(address, size);
    value = device_read(m, address);
    lines_update(m);
    return value;
}

static void gpio_written(struct machine *m, uint32_t offset, uint32_t value)
{
    gpio_write(&m->gpio, offset, value);
    if (offset == GPIO_FUNC_SEL)
        uart_select_pads(&m->uart, gpio_function(&m->gpio, GPIO_UART1_TX) == 1,
                         gpio_function(&m->gpio, GPIO_UART1_RX) == 1);
}

static void device_write(struct machine *m, uint32_t address, uint32_t value)
{
    uint32_t offset = address & ((1u << DEVICE_SHIFT) - 1);

    switch (address >> DEVICE_SHIFT) {
    case DEVICE_GPIO:
        gpio_written(m, offset, value);
        break;
    case DEVICE_CRM:
        crm_write(&m->crm, m->now, offset, value);
        break;
    case DEVICE_UART1:
        uart_write(&m->uart, m->now, offset, value);
        break;
    case DEVICE_TMR:
        tmr_write(&m->timers, m->now, offset, (uint16_t)value);
        break;
    case DEVICE_ASM:
        asm_unit_write(&m->asm_unit, m->now, offset, value);
        break;
    case DEVICE_SPIF:
        m->spif.has_power = crm_flash_has_power(&m->crm, m->now);
        spif_write(&m->spif, m->now, offset, value);
        break;
    case DEVICE_ADC:
        adc_write(&m->adc, m->now, offset, (uint16_t)value);
        break;
    case DEVICE_ITC:
        itc_write(&m->itc, offset, value);
        break;
    default:
        emu_fault("write at 0x%08x", (unsigned)address);
    }
}

void machine_write(struct machine *m, uint32_t address, unsigned size, uint32_t value)
{
    check_size(address, size);
    device_write(m, address, value);
    lines_update(m);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t machine_next_event(const struct machine *m)
{
    uint64_t next = uart_next_event(&m->uart);

    next = earlier(next, asm_unit_next_event(&m->asm_unit));
    next = earlier(next, tmr_next_event(&m->timers));
    next = earlier(next, crm_next_event(&m->crm));
    next = earlier(next, adc_next_event(&m->adc));
    return earlier(next, spif_next_event(&m->spif));
}

void machine_advance(struct machine *m, uint64_t now)
{
    for (;;) {
        uint64_t next = machine_next_event(m);
        m->now = next < now ? next : now;
        uart_advance(&m->uart, m->now);
        asm_unit_advance(&m->asm_unit, m->now);
        tmr_advance(&m->timers, m->now);
        crm_advance(&m->crm, m->now);
        adc_advance(&m->adc, m->now);
        spif_advance(&m->spif, m->now);
        lines_update(m);
        if (next >= now || m->crm.wanted != CRM_RESET_NONE)
            return;
    }
}
