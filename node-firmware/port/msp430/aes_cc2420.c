/*
 * AES-128 by the radio: the CC2420's stand-alone encryption behind aes.h, over USART0 as SPI.
 *
 * The radio's crystal is started with the first block and left running. The key of the last call stays in the
 * radio's RAM until the next one or a loss of power.
 */
#include "aes.h"

#include "clock.h"
#include "f1611.h"

#include <stdbool.h>

enum {                   /* pins */
       SPI_PINS = 0x0E,  /* P3.1 to P3.3 */
       SELECT = 0x04,    /* P4.2, low */
       REGULATOR = 0x20, /* P4.5 */
       RESET = 0x40,     /* P4.6, low */
};

enum {                   /* of the CC2420's data sheet */
       REGULATOR_MS = 1, /* 0.6 ms */
       SNOP = 0x00,      /* command strobes */
       SXOSCON = 0x01,
       SAES = 0x0E,
       SECCTRL0 = 0x19,   /* a register: 0 chooses key 0 */
       RAM_ACCESS = 0x80, /* in the first byte of an address; in the second one: */
       RAM_READ = 0x20,
       RAM_KEY0 = 0x100, /* last byte first */
       RAM_SABUF = 0x120,
       STATUS_BUSY = 0x10, /* ENC_BUSY */
       STATUS_XOSC = 0x40,
};

static bool is_on;

static uint8_t spi_exchange(uint8_t byte)
{
    U0TXBUF = byte;
    while ((IFG1 & URXIFG0) == 0)
        ;
    return U0RXBUF;
}

static void radio_select(void)
{
    P4OUT &= (uint8_t)~SELECT;
}

static void radio_deselect(void)
{
    P4OUT |= SELECT;
}

/* Returns the status byte. */
static uint8_t radio_strobe(uint8_t command)
{
    radio_select();
    uint8_t status = spi_exchange(command);
    radio_deselect();
    return status;
}

/* Selects the radio and begins an access to its RAM. */
static void ram_begin(uint16_t address, uint8_t direction)
{
    radio_select();
    spi_exchange((uint8_t)(RAM_ACCESS | (address & 0x7F)));
    spi_exchange((uint8_t)((address >> 1 & 0xC0) | direction));
}

static void radio_start(void)
{
    P3SEL |= SPI_PINS;
    U0CTL = SWRST | CHAR_8 | SYNC | MM;
    U0TCTL = CKPH | USSEL_SMCLK | STC;
    U0BR0 = 2; /* the fastest that the USART has */
    U0BR1 = 0;
    U0MCTL = 0;
    ME1 |= USPIE0;
    U0CTL = CHAR_8 | SYNC | MM;

    P4OUT &= (uint8_t)~RESET;
    P4OUT |= REGULATOR;
    P4DIR |= REGULATOR | RESET;
    clock_wait_ms(REGULATOR_MS);
    P4OUT |= RESET;
    radio_strobe(SXOSCON);
    while ((radio_strobe(SNOP) & STATUS_XOSC) == 0)
        ;
    radio_select();
    spi_exchange(SECCTRL0);
    spi_exchange(0);
    spi_exchange(0);
    radio_deselect();
    is_on = true;
}

/* Without an answer from the radio the watchdog resets the board. */
void aes128_encrypt(const uint8_t key[AES_KEY_LEN], uint8_t block[AES_BLOCK_LEN])
{
    if (!is_on)
        radio_start();
    ram_begin(RAM_KEY0, 0);
    for (uint8_t i = AES_KEY_LEN; i-- > 0;)
        spi_exchange(key[i]);
    radio_deselect();
    ram_begin(RAM_SABUF, 0);
    for (uint8_t i = 0; i < AES_BLOCK_LEN; i++)
        spi_exchange(block[i]);
    radio_deselect();
    radio_strobe(SAES);
    while ((radio_strobe(SNOP) & STATUS_BUSY) != 0)
        ;
    ram_begin(RAM_SABUF, RAM_READ);
    for (uint8_t i = 0; i < AES_BLOCK_LEN; i++)
        block[i] = spi_exchange(0);
    radio_deselect();
}
