/*
 * The other end of UART1: a pseudo terminal in raw mode, or the standard output.
 *
 * Like a line without flow control: what nobody takes is lost.
 */
#ifndef EMU_LINE_H
#define EMU_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_BUFFER = 256 };

struct line {
    int fd; /* the pseudo terminal's master; -1: standard output, and nothing to hear */
    const char *link;
    uint64_t dropped; /* bytes that nobody had the terminal open for */
    uint8_t heard[LINE_BUFFER];
    size_t next, count;
};

/* A pseudo terminal, with a symbolic link to it at `link`, which may exist already. NULL: standard output.
 * False: errno says why. */
bool line_open(struct line *l, const char *link);
void line_close(struct line *l);

void line_send(struct line *l, uint8_t byte);
/* The next byte that has come, or -1. */
int line_take(struct line *l);
/* Waits until something may be heard or a signal comes, `ns` at most. */
void line_wait(struct line *l, uint64_t ns);

#endif
