#include "usart.h"

/* UxCTL, UxTCTL, UxRCTL. */
enum { PENA = 0x80, SPB = 0x20, CHAR = 0x10, LISTEN = 0x08, SYNC = 0x04, MM = 0x02, SWRST = 0x01 };
enum { CKPH = 0x80, CKPL = 0x40, SSEL = 0x30, SSEL_ACLK = 0x10, URXSE = 0x08, STC = 0x02, TXEPT = 0x01 };
enum { FE = 0x80, OE = 0x20, BRK = 0x10, URXEIE = 0x08, RXERR = 0x01, ERRORS = 0xF0 };

enum { SPI_BITS = 8, UART_DIVIDER_MIN = 3, SPI_DIVIDER_MIN = 2, PIN_3_SPI = 0x0E, PIN_3_UART_RX = 0x80 };
enum { PIN_3_UART_TX = 0x40, GARBLE = 0x5A, RATE_TOLERANCE_PER_MILLE = 45 };

static enum clock_source baud_clock(const struct usart *usart)
{
    switch (usart->r[USART_TCTL] & SSEL) {
    case 0:
        return CLOCK_UNCONNECTED;
    case SSEL_ACLK:
        return CLOCK_ACLK;
    default:
        return CLOCK_SMCLK;
    }
}

static unsigned divider(const struct usart *usart)
{
    return usart->r[USART_BR0] | (unsigned)usart->r[USART_BR1] << 8;
}

/* Ticks of the baud clock for one byte. The modulation's bits go to start bit, data, stop bit in turn. */
static uint64_t byte_ticks(const struct usart *usart)
{
    uint64_t ticks = (uint64_t)(usart->is_spi ? SPI_BITS : LINE_FRAME_BITS) * divider(usart);

    for (unsigned bit = 0; !usart->is_spi && bit < LINE_FRAME_BITS; bit++)
        ticks += (usart->r[USART_MCTL] >> (bit % 8) & 1u) != 0;
    return ticks;
}

static void check_mode(struct usart *usart)
{
    uint8_t ctl = usart->r[USART_CTL], tctl = usart->r[USART_TCTL];
    bool is_right;

    if (ctl & SWRST)
        return;
    if (usart->is_spi)
        is_right = ctl == (CHAR | SYNC | MM) && (tctl & (CKPH | CKPL | STC)) == (CKPH | STC) &&
                   divider(usart) >= SPI_DIVIDER_MIN;
    else
        is_right = ctl == CHAR && (tctl & CKPL) == 0 && divider(usart) >= UART_DIVIDER_MIN;
    if (!is_right || baud_clock(usart) == CLOCK_UNCONNECTED)
        stop_ask(usart->stop, STOP_FAULT, "USART%d: CTL 0x%02x, TCTL 0x%02x, divider %u is no %s",
                 usart->is_spi ? 0 : 1, ctl, tctl, divider(usart),
                 usart->is_spi ? "SPI master with three wires, 8 bits, CKPH" : "UART with 8 bits, no parity");
}

void usart_init(struct usart *usart, const struct clock *clock, struct sfr *sfr, const struct ports *ports,
                struct line *line, struct cc2420 *cc2420, struct stop *stop)
{
    bool is_spi = cc2420 != NULL;

    *usart = (struct usart){
        .is_spi = is_spi,
        .ie = is_spi ? SFR_IE1 : SFR_IE2,
        .ifg = is_spi ? SFR_IFG1 : SFR_IFG2,
        .me = is_spi ? SFR_ME1 : SFR_ME2,
        .rx_bit = is_spi ? 0x40 : 0x10,
        .tx_bit = is_spi ? 0x80 : 0x20,
        .clock = clock,
        .sfr = sfr,
        .ports = ports,
        .line = line,
        .line_baud = LINE_BAUD,
        .cc2420 = cc2420,
        .stop = stop,
    };
}

/* What SWRST does (SLAU049 13.2.1); flags of both kinds, the receiver's errors, and the shift registers. */
static void clear(struct usart *usart)
{
    usart->sfr->r[usart->ie] &= (uint8_t)~(usart->rx_bit | usart->tx_bit);
    usart->sfr->r[usart->ifg] &= (uint8_t)~usart->rx_bit;
    usart->sfr->r[usart->ifg] |= usart->tx_bit;
    usart->r[USART_RCTL] &= (uint8_t)~(ERRORS | RXERR);
    usart->r[USART_TCTL] |= TXEPT;
    usart->tx_is_full = usart->tx_is_shifting = usart->rx_is_unread = usart->rx_saw_edge = false;
}

void usart_reset(struct usart *usart)
{
    for (unsigned i = 0; i < USART_REGISTERS; i++)
        usart->r[i] = 0;
    usart->r[USART_CTL] = SWRST;
    clear(usart);
}

static bool is_enabled(const struct usart *usart, uint8_t bit)
{
    return (usart->r[USART_CTL] & SWRST) == 0 && (usart->sfr->r[usart->me] & bit) != 0;
}

/* SPI runs on one enable bit, the receiver's. */
static bool can_transmit(const struct usart *usart)
{
    return is_enabled(usart, usart->is_spi ? usart->rx_bit : usart->tx_bit) &&
           ports_are_selected(usart->ports, 3, usart->is_spi ? PIN_3_SPI : PIN_3_UART_TX);
}

static bool can_receive(const struct usart *usart)
{
    return is_enabled(usart, usart->rx_bit) && ports_are_selected(usart->ports, 3, PIN_3_UART_RX);
}

uint8_t usart_read(struct usart *usart, enum usart_offset offset)
{
    if (offset == USART_RXBUF) {
        usart->rx_is_unread = false;
        usart->r[USART_RCTL] &= (uint8_t)~(ERRORS | RXERR);
        usart->sfr->r[usart->ifg] &= (uint8_t)~usart->rx_bit;
    }
    return usart->r[offset];
}

/* Moves a byte from the buffer to the shift register, which makes room for the next. */
static void start_transmission(struct usart *usart, uint64_t now)
{
    usart->tx_shift = usart->r[USART_TXBUF];
    usart->tx_is_full = false;
    usart->tx_is_shifting = true;
    usart->tx_started_ps = now;
    usart->tx_end = clock_ticks(usart->clock, baud_clock(usart), now) + byte_ticks(usart);
    usart->sfr->r[usart->ifg] |= usart->tx_bit;
}

static void write_txbuf(struct usart *usart, uint64_t now)
{
    if (!can_transmit(usart))
        return;
    usart->tx_is_full = true;
    usart->r[USART_TCTL] &= (uint8_t)~TXEPT;
    usart->sfr->r[usart->ifg] &= (uint8_t)~usart->tx_bit;
    if (!usart->tx_is_shifting)
        start_transmission(usart, now);
}

void usart_write(struct usart *usart, enum usart_offset offset, uint8_t value, uint64_t now)
{
    switch (offset) {
    case USART_RXBUF:
        return;
    case USART_TCTL:
        value = (uint8_t)((value & ~TXEPT) | (usart->r[USART_TCTL] & TXEPT));
        if ((value & URXSE) == 0)
            usart->rx_saw_edge = false;
        break;
    default:
        break;
    }
    usart->r[offset] = value;
    if (offset == USART_TXBUF)
        write_txbuf(usart, now);
    else if (usart->r[USART_CTL] & SWRST)
        clear(usart);
    else
        check_mode(usart);
}

/* ---- receiving from the line ---- */

/* How long a byte takes on the line. */
static uint64_t line_frame_ps(const struct usart *usart)
{
    return LINE_FRAME_BITS * CLOCK_SECOND / usart->line_baud;
}

/* Whether one whose byte takes `a` understands one whose byte takes `b`. */
static bool rates_agree(uint64_t a, uint64_t b)
{
    uint64_t difference = a > b ? a - b : b - a;

    return difference * 1000 <= b * RATE_TOLERANCE_PER_MILLE;
}

static void start_reception(struct usart *usart, uint64_t now)
{
    usart->rx_unit = line_take(usart->line);
    usart->rx_is_shifting = true;
    usart->rx_start = clock_ticks(usart->clock, baud_clock(usart), now);
    usart->rx_end_ps = now + line_frame_ps(usart);
    if (can_receive(usart) && (usart->r[USART_TCTL] & URXSE) != 0)
        usart->rx_saw_edge = true;
}

/* The byte is in the shift register; a faulty one goes on only if URXEIE asks for it (SLAU049 13.2.5). */
static void finish_byte(struct usart *usart, uint8_t byte, uint8_t errors)
{
    uint8_t *rctl = &usart->r[USART_RCTL];

    if (errors != 0 && (*rctl & URXEIE) == 0) {
        *rctl |= errors | RXERR;
        return;
    }
    if (usart->rx_is_unread) {
        errors |= OE;
        usart->counts.overruns++;
    }
    if (errors != 0)
        *rctl |= errors | RXERR;
    usart->r[USART_RXBUF] = byte;
    usart->rx_is_unread = true;
    usart->sfr->r[usart->ifg] |= usart->rx_bit;
    usart->counts.received++;
}

static void finish_reception(struct usart *usart, uint64_t now)
{
    uint64_t ticks = clock_ticks(usart->clock, baud_clock(usart), now) - usart->rx_start;
    uint64_t wanted = byte_ticks(usart);
    uint8_t byte = (uint8_t)usart->rx_unit, errors = 0;

    usart->rx_is_shifting = false;
    if (!can_receive(usart) || ticks < wanted / 2) {
        usart->counts.lost++;
        return;
    }
    if (usart->rx_unit & LINE_BREAK)
        errors |= BRK | FE;
    if (usart->rx_unit & LINE_BAD_STOP)
        errors |= FE;
    if (!rates_agree(ticks, wanted)) {
        errors |= FE;
        byte ^= GARBLE;
    }
    if (errors != 0)
        usart->counts.line_errors++;
    finish_byte(usart, byte, errors);
}

/* ---- the end of a transmission ---- */

static void send(struct usart *usart, uint64_t took_ps)
{
    uint8_t byte = usart->tx_shift;

    if (!rates_agree(took_ps, line_frame_ps(usart)))
        byte ^= GARBLE;
    line_send(usart->line, byte);
}

static void exchange(struct usart *usart, uint64_t now)
{
    usart->r[USART_RXBUF] = cc2420_exchange(usart->cc2420, usart->tx_shift, now);
    if (usart->rx_is_unread)
        usart->r[USART_RCTL] |= OE;
    usart->rx_is_unread = true;
    usart->sfr->r[usart->ifg] |= usart->rx_bit;
}

static void finish_transmission(struct usart *usart, uint64_t now)
{
    usart->counts.sent++;
    usart->tx_is_shifting = false;
    if (usart->is_spi)
        exchange(usart, now);
    else
        send(usart, now - usart->tx_started_ps);
    if (usart->tx_is_full)
        start_transmission(usart, now);
    else
        usart->r[USART_TCTL] |= TXEPT;
}

static uint64_t tx_due(const struct usart *usart)
{
    return usart->tx_is_shifting ? clock_time_of(usart->clock, baud_clock(usart), usart->tx_end)
                                 : CLOCK_NEVER;
}

static uint64_t rx_due(const struct usart *usart, uint64_t now)
{
    if (usart->rx_is_shifting)
        return usart->rx_end_ps;
    return !usart->is_spi && line_is_waiting(usart->line) ? now : CLOCK_NEVER;
}

uint64_t usart_due(const struct usart *usart, uint64_t now)
{
    uint64_t tx = tx_due(usart), rx = rx_due(usart, now);

    return tx < rx ? tx : rx;
}

void usart_run(struct usart *usart, uint64_t now)
{
    if (tx_due(usart) <= now)
        finish_transmission(usart, now);
    if (usart->rx_is_shifting && usart->rx_end_ps <= now)
        finish_reception(usart, now);
    if (!usart->rx_is_shifting && rx_due(usart, now) <= now)
        start_reception(usart, now);
}

/* Without its flag the interrupt stands for a start bit that has been seen (SLAU049 13.2.8). */
bool usart_interrupts_receive(const struct usart *usart)
{
    const uint8_t *r = usart->sfr->r;

    return (r[usart->ie] & usart->rx_bit) != 0 &&
           ((r[usart->ifg] & usart->rx_bit) != 0 || usart->rx_saw_edge);
}

bool usart_interrupts_transmit(const struct usart *usart)
{
    return (usart->sfr->r[usart->ie] & usart->sfr->r[usart->ifg] & usart->tx_bit) != 0;
}

void usart_accept_receive(struct usart *usart)
{
    if ((usart->r[USART_TCTL] & URXSE) == 0)
        usart->sfr->r[usart->ifg] &= (uint8_t)~usart->rx_bit;
}

void usart_accept_transmit(struct usart *usart)
{
    usart->sfr->r[usart->ifg] &= (uint8_t)~usart->tx_bit;
}
