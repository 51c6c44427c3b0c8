#include "print.h"

#include <stddef.h>

#define UART1 ((volatile uint32_t *)0x80005000)
#define BS_CNTL (*(volatile uint32_t *)0x8000300C)
#define FUNC_SEL0 (*(volatile uint32_t *)0x80000018)

enum { CON = 0, DATA = 2, TXCON = 4, BR = 6, TXE_AND_MASKS = 0x6001, RATE = 767 << 16 | 9999, FIFO = 32 };

void *memcpy(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);

void *memcpy(void *to, const void *from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

void *memset(void *to, int value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((volatile uint8_t *)to)[i] = (uint8_t)value;
    return to;
}

void print_start(void)
{
    UART1[CON] = 0;
    UART1[BR] = RATE;
    UART1[CON] = TXE_AND_MASKS;
    FUNC_SEL0 = 1u << 28;
}

void print(const char *text)
{
    for (; *text != '\0'; text++) {
        while (UART1[TXCON] == 0)
            ;
        UART1[DATA] = (uint8_t)*text;
    }
}

static void print_hex(uint32_t value)
{
    char text[9] = {0};

    for (int i = 0; i < 8; i++)
        text[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
    print(text);
}

void print_check(const char *name, uint32_t is, uint32_t should_be)
{
    print(name);
    if (is == should_be) {
        print(": ok\n");
        return;
    }
    print(": ");
    print_hex(is);
    print(" instead of ");
    print_hex(should_be);
    print("\n");
}

/* The FIFO is empty while its last byte is still on the line. */
void print_flush(void)
{
    while (UART1[TXCON] != FIFO)
        ;
    for (volatile int i = 0; i < 500; i++)
        ;
}

void print_end(void)
{
    print("end\n");
    print_flush();
    for (;;)
        BS_CNTL = 3;
}
