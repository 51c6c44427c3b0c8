/*
 * The other end of a board's serial line: a pseudo terminal that others open as a serial device, or standard
 * output. Holds what has come in until the UART has received it, and line faults.
 *
 * Like a line without flow control: what nobody takes is lost. Knows no time: how long a byte takes is the
 * UART's affair.
 */
#ifndef EMU_LINE_H
#define EMU_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_FRAME_BITS = 10, LINE_BAUD = 115200, LINE_QUEUE_LEN = 4096 };

/* What one character time on the line holds: a byte, and what is wrong with it. */
enum line_fault { LINE_BREAK = 0x100, LINE_BAD_STOP = 0x200 };

struct line {
    int fd; /* the terminal's master side, or standard output */
    bool is_terminal;
    const char *link; /* the name under which the slave side is found */
    uint16_t queue[LINE_QUEUE_LEN];
    size_t first, count;
    uint64_t dropped; /* bytes that nobody had the terminal open for */
};

/* To standard output, and nothing comes from there. */
void line_init(struct line *line);
/* Makes a pseudo terminal in raw mode, and a symbolic link to its slave side at `link`, where one may stand
 * already. False: errno says why. */
bool line_open(struct line *line, const char *link);
/* Removes the terminal and its link. */
void line_close(struct line *line);

/* Takes what has come from outside, as much as fits. */
void line_poll(struct line *line);
/* The board's receiver sees a line fault or a byte next. */
void line_push(struct line *line, uint16_t unit);
bool line_is_waiting(const struct line *line);
/* The next unit: a byte or a fault. Call only while one waits. */
uint16_t line_take(struct line *line);
/* The board has sent a byte. */
void line_send(struct line *line, uint8_t byte);

/* Waits until there is something to poll or a signal comes, `ns` at most. */
void line_wait(const struct line *line, uint64_t ns);

#endif
