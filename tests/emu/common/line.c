#include "line.h"

#include "pace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

void line_init(struct line *line)
{
    *line = (struct line){.fd = STDOUT_FILENO};
}

/* The slave side has been open once and is closed again, so that the master tells whether anybody has it
 * open. */
bool line_open(struct line *line, const char *link)
{
    struct termios raw = {0};
    int slave_fd;
    bool is_good;

    cfmakeraw(&raw);
    if (openpty(&line->fd, &slave_fd, NULL, &raw, NULL) != 0)
        return false;
    line->is_terminal = true;
    line->link = link;
    is_good = fcntl(line->fd, F_SETFL, O_NONBLOCK) == 0 && (unlink(link) == 0 || errno == ENOENT) &&
              symlink(ttyname(slave_fd), link) == 0;
    close(slave_fd);
    return is_good;
}

void line_close(struct line *line)
{
    if (!line->is_terminal)
        return;
    unlink(line->link);
    close(line->fd);
}

static bool is_open_outside(const struct line *line)
{
    struct pollfd state = {.fd = line->fd, .events = POLLIN};

    return poll(&state, 1, 0) >= 0 && (state.revents & POLLHUP) == 0;
}

void line_poll(struct line *line)
{
    uint8_t bytes[512];
    size_t room = LINE_QUEUE_LEN - line->count;
    ssize_t len;

    if (!line->is_terminal || room == 0)
        return;
    len = read(line->fd, bytes, room < sizeof bytes ? room : sizeof bytes);
    for (ssize_t i = 0; i < len; i++)
        line_push(line, bytes[i]);
}

void line_push(struct line *line, uint16_t unit)
{
    if (line->count == LINE_QUEUE_LEN)
        return;
    line->queue[(line->first + line->count++) % LINE_QUEUE_LEN] = unit;
}

bool line_is_waiting(const struct line *line)
{
    return line->count != 0;
}

uint16_t line_take(struct line *line)
{
    uint16_t unit = line->queue[line->first];

    line->first = (line->first + 1) % LINE_QUEUE_LEN;
    line->count--;
    return unit;
}

void line_send(struct line *line, uint8_t byte)
{
    if ((line->is_terminal && !is_open_outside(line)) || write(line->fd, &byte, 1) != 1)
        line->dropped++;
}

/* A terminal that nobody has open is always ready, and so is one whose bytes have no room here. */
void line_wait(const struct line *line, uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / PACE_SECOND), .tv_nsec = (long)(ns % PACE_SECOND)};
    bool can_poll = line->is_terminal && line->count < LINE_QUEUE_LEN && is_open_outside(line);
    struct pollfd terminal = {.fd = can_poll ? line->fd : -1, .events = POLLIN};

    ppoll(&terminal, 1, &time, NULL);
}
