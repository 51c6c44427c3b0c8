#include "gpio.h"

#include "fault.h"

void gpio_reset(struct gpio *g)
{
    *g = (struct gpio){0};
}

uint32_t gpio_read(const struct gpio *g, uint32_t offset)
{
    if (offset >= GPIO_END || offset % 4 != 0)
        emu_fault("read of GPIO register 0x%02x", (unsigned)offset);
    return offset < GPIO_DATA_SET ? g->words[offset / 4] : 0;
}

void gpio_write(struct gpio *g, uint32_t offset, uint32_t value)
{
    uint32_t half = offset & 4;

    if (offset >= GPIO_END || offset % 4 != 0)
        emu_fault("write of GPIO register 0x%02x", (unsigned)offset);
    switch (offset & ~7u) {
    case GPIO_DATA_SET:
        g->words[(GPIO_DATA | half) / 4] |= value;
        break;
    case GPIO_DATA_RESET:
        g->words[(GPIO_DATA | half) / 4] &= ~value;
        break;
    case GPIO_PAD_DIR_SET:
        g->words[(GPIO_PAD_DIR | half) / 4] |= value;
        break;
    case GPIO_PAD_DIR_RESET:
        g->words[(GPIO_PAD_DIR | half) / 4] &= ~value;
        break;
    default:
        g->words[offset / 4] = value;
    }
}

unsigned gpio_function(const struct gpio *g, enum gpio_pin pin)
{
    return g->words[GPIO_FUNC_SEL / 4 + (unsigned)pin / 16] >> 2 * ((unsigned)pin % 16) & 3;
}

static bool bit(const struct gpio *g, uint32_t offset, enum gpio_pin pin)
{
    return (g->words[offset / 4 + (unsigned)pin / 32] >> (unsigned)pin % 32 & 1) != 0;
}

bool gpio_is_driven(const struct gpio *g, enum gpio_pin pin)
{
    return bit(g, GPIO_PAD_DIR, pin) && bit(g, GPIO_DATA, pin);
}
