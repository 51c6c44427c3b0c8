#include "line.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

enum { NS_PER_S = 1000000000 };

static bool make_link(const char *target, const char *link)
{
    return symlink(target, link) == 0 || (errno == EEXIST && unlink(link) == 0 && symlink(target, link) == 0);
}

/* The slave side has been open once and is closed again, so that the master tells whether anybody has it
 * open. */
bool line_open(struct line *l, const char *link)
{
    struct termios raw = {0};
    int slave_fd;
    bool is_good;

    *l = (struct line){.fd = -1, .link = link};
    if (link == NULL)
        return true;
    cfmakeraw(&raw);
    if (openpty(&l->fd, &slave_fd, NULL, &raw, NULL) != 0)
        return false;
    is_good = fcntl(l->fd, F_SETFL, O_NONBLOCK) == 0 && make_link(ttyname(slave_fd), link);
    close(slave_fd);
    return is_good;
}

static bool is_open(const struct line *l)
{
    struct pollfd fd = {.fd = l->fd, .events = POLLIN};

    return l->fd >= 0 && poll(&fd, 1, 0) >= 0 && (fd.revents & POLLHUP) == 0;
}

void line_close(struct line *l)
{
    if (l->fd < 0)
        return;
    unlink(l->link);
    close(l->fd);
}

void line_send(struct line *l, uint8_t byte)
{
    if (l->fd < 0) {
        putchar(byte);
        fflush(stdout);
    } else if (!is_open(l) || write(l->fd, &byte, 1) != 1) {
        l->dropped++;
    }
}

int line_take(struct line *l)
{
    if (l->next == l->count && l->fd >= 0) { /* an error: nobody has it open */
        ssize_t len = read(l->fd, l->heard, sizeof l->heard);
        l->next = 0;
        l->count = len > 0 ? (size_t)len : 0;
    }
    return l->next < l->count ? l->heard[l->next++] : -1;
}

void line_wait(struct line *l, uint64_t ns)
{
    struct timespec wait = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
    struct pollfd fd = {.fd = is_open(l) ? l->fd : -1, .events = POLLIN};
    sigset_t none;

    sigemptyset(&none);
    ppoll(&fd, 1, &wait, &none);
}
