/*
 * The pins of the MC13224V: direction, data and function. The Econotag's LEDs hang on 44 (red) and 45
 * (green).
 *
 * Owns the registers at 0x80000000.
 */
#ifndef EMU_GPIO_H
#define EMU_GPIO_H

#include <stdbool.h>
#include <stdint.h>

enum gpio_register {
    GPIO_PAD_DIR = 0x00, /* two words, as all but FUNC_SEL */
    GPIO_DATA = 0x08,
    GPIO_PAD_PU_EN = 0x10,
    GPIO_FUNC_SEL = 0x18, /* four words: two bits a pin */
    GPIO_DATA_SEL = 0x28,
    GPIO_PAD_PU_SEL = 0x30,
    GPIO_PAD_HYST_EN = 0x38,
    GPIO_PAD_KEEP = 0x40,
    GPIO_DATA_SET = 0x48,
    GPIO_DATA_RESET = 0x50,
    GPIO_PAD_DIR_SET = 0x58,
    GPIO_PAD_DIR_RESET = 0x60,
    GPIO_END = 0x68,
};

enum gpio_pin { GPIO_UART1_TX = 14, GPIO_UART1_RX = 15, GPIO_LED_RED = 44, GPIO_LED_GREEN = 45 };

struct gpio {
    uint32_t words[GPIO_DATA_SET / 4]; /* the registers that hold something */
};

void gpio_reset(struct gpio *g);
uint32_t gpio_read(const struct gpio *g, uint32_t offset);
void gpio_write(struct gpio *g, uint32_t offset, uint32_t value);
/* The two bits of FUNC_SEL. */
unsigned gpio_function(const struct gpio *g, enum gpio_pin pin);
/* The pin is an output and high. */
bool gpio_is_driven(const struct gpio *g, enum gpio_pin pin);

#endif
