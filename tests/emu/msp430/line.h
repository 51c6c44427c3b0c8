/*
 * The serial line between the board's UART1 and the outside: a pseudo terminal that others open as a serial
 * device, or standard output. Holds what has come in until the UART has received it, and line faults.
 *
 * Bytes travel at the line's own rate. What a transmitter sends at a rate too far off arrives garbled.
 */
#ifndef EMU_LINE_H
#define EMU_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_FRAME_BITS = 10, LINE_QUEUE_LEN = 4096 };

/* What one character time on the line holds: a byte, and what is wrong with it. */
enum line_fault { LINE_BREAK = 0x100, LINE_BAD_STOP = 0x200 };

struct line {
    uint64_t frame_ps; /* how long a byte takes */
    int fd;            /* the terminal's master side, or standard output */
    bool is_terminal;
    const char *link; /* the name under which the slave side is found, or NULL */
    uint16_t queue[LINE_QUEUE_LEN];
    size_t first, count;
    uint64_t dropped; /* bytes that nobody had the terminal open for */
};

/* A line of `baud` to standard output. */
void line_init(struct line *line, unsigned baud);
/* Makes a pseudo terminal and the symbolic link `link` to its slave side. False: errno says why. */
bool line_open(struct line *line, const char *link);
/* Removes the symbolic link. */
void line_close(struct line *line);

/* Takes what has come from outside, as much as fits. */
void line_poll(struct line *line);
/* The board's receiver sees a line fault or a byte next. */
void line_push(struct line *line, uint16_t unit);
bool line_is_waiting(const struct line *line);
/* The next unit: a byte or a fault. Call only while one waits. */
uint16_t line_take(struct line *line);
/* The board has sent `byte`, which took it `took_ps`. */
void line_send(struct line *line, uint8_t byte, uint64_t took_ps);

/* Whether a transmitter or receiver whose byte takes `a` understands one whose byte takes `b`: 4.5 %. */
bool line_rates_agree(uint64_t a, uint64_t b);

#endif
