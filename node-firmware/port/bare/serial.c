#include "serial.h"

#include "bare.h"
#include "bytes.h"
#include "linkframe.h"
#include "slip.h"

static struct slot {
    volatile uint16_t len; /* 0: free, or being filled */
    uint8_t bytes[LINK_MTU_ONE_HOP];
} slots[2];

static struct slot *filling = slots; /* the interrupt's */
static struct slot *oldest = slots;  /* the main loop's */
static struct slip_reader reader;    /* over filling->bytes */
static uint16_t errors;

static struct slot *slot_after(const struct slot *slot)
{
    return slot == slots ? slots + 1 : slots;
}

/* Keeps the compiler from moving what is done to a buffer across its change of hands. */
static void hand_over(void)
{
    __asm__ volatile("" ::: "memory");
}

void serial_start(void)
{
    slip_reader_init(&reader, filling->bytes, sizeof filling->bytes);
}

void serial_on_byte(uint8_t byte)
{
    if (filling->len != 0 && byte != SLIP_END) { /* both slots are the main loop's */
        slip_spoil(&reader);
        return;
    }
    uint16_t len = slip_take(&reader, byte);
    if (len == 0)
        return;
    hand_over();
    filling->len = len;
    filling = slot_after(filling);
    reader.buffer = filling->bytes;
}

void serial_on_error(void)
{
    slip_spoil(&reader);
    if (errors != UINT16_MAX)
        errors++;
}

bool serial_is_waiting(void)
{
    return oldest->len != 0;
}

size_t serial_take(uint8_t **datagram)
{
    size_t len = oldest->len;

    hand_over();
    *datagram = oldest->bytes;
    return len;
}

void serial_release(void)
{
    bytes_wipe(oldest->bytes, sizeof oldest->bytes);
    hand_over();
    oldest->len = 0;
    oldest = slot_after(oldest);
}

/* Byte by byte: a node has no room for the whole frame. */
void serial_send(const uint8_t *datagram, size_t len)
{
    bare_uart_put(SLIP_END);
    for (; len > 0; len--, datagram++) {
        uint8_t byte = *datagram;
        if (byte == SLIP_END || byte == SLIP_ESC) {
            bare_uart_put(SLIP_ESC);
            byte = byte == SLIP_END ? SLIP_ESC_END : SLIP_ESC_ESC;
        }
        bare_uart_put(byte);
    }
    bare_uart_put(SLIP_END);
}

uint16_t serial_dropped(void)
{
    return reader.dropped;
}

uint16_t serial_errors(void)
{
    return errors;
}
