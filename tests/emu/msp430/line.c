#include "line.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { GARBLE = 0xA5, TOLERANCE_PER_MILLE = 45 };

void line_init(struct line *line, unsigned baud)
{
    *line = (struct line){.frame_ps = LINE_FRAME_BITS * CLOCK_SECOND / baud, .fd = STDOUT_FILENO};
}

/* Raw, and opened once, so that the master side tells from now on whether anybody has it open. */
static bool prepare_slave(const char *name)
{
    struct termios settings;
    int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return false;
    if (tcgetattr(fd, &settings) == 0) {
        cfmakeraw(&settings);
        tcsetattr(fd, TCSANOW, &settings);
    }
    return close(fd) == 0;
}

bool line_open(struct line *line, const char *link)
{
    char name[64];
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return false;
    if (grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, name, sizeof name) != 0 ||
        !prepare_slave(name) || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || (unlink(link) < 0 && errno != ENOENT) ||
        symlink(name, link) < 0) {
        close(fd);
        return false;
    }
    line->fd = fd;
    line->is_terminal = true;
    line->link = link;
    return true;
}

void line_close(struct line *line)
{
    if (line->link)
        unlink(line->link);
}

/* A serial line does not keep what is sent while nobody listens. */
static bool is_open_outside(const struct line *line)
{
    struct pollfd state = {.fd = line->fd, .events = POLLOUT};

    return poll(&state, 1, 0) == 1 && (state.revents & POLLHUP) == 0;
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

void line_send(struct line *line, uint8_t byte, uint64_t took_ps)
{
    if (!line_rates_agree(took_ps, line->frame_ps))
        byte ^= GARBLE;
    if ((line->is_terminal && !is_open_outside(line)) || write(line->fd, &byte, 1) != 1)
        line->dropped++;
}

bool line_rates_agree(uint64_t a, uint64_t b)
{
    uint64_t difference = a > b ? a - b : b - a;

    return difference * 1000 <= b * TOLERANCE_PER_MILLE;
}
