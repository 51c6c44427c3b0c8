#include "serial_line.h"

#include "bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    READ_LEN = 1024, /* a turn: the loop comes back for more */
    FRAME_MAX = SLIP_ENCODED_MAX(SERIAL_DATAGRAM_MAX),
};
_Static_assert(FRAME_MAX <= (int)SERIAL_QUEUE_LEN, "any datagram fits an empty queue");

/* How much of a mark of termios(3) has been read: \377 \0 and a byte for an error, \377 \377 for \377. */
enum mark { MARK_NONE, MARK_BEGUN, MARK_ERROR };

struct serial_line {
    struct loop *loop;
    struct serial_handler handler;
    bool is_marked;
    enum mark mark;
    int fd; /* -1: down */
    struct loop_watch *readable;
    struct loop_watch *writable;
    struct serial_counts counts;
    struct slip_reader reader;
    size_t headroom;
    size_t queued;
    uint8_t queue[SERIAL_QUEUE_LEN];
    uint8_t input[]; /* headroom and one datagram */
};

static void detach(struct serial_line *l)
{
    loop_watch_remove(l->readable);
    loop_watch_remove(l->writable);
    l->readable = NULL;
    l->writable = NULL;
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    l->queued = 0;
}

static void lose(struct serial_line *l)
{
    detach(l);
    l->handler.on_lost(l->handler.ctx);
}

static bool is_passing(int error)
{
    return error == EAGAIN || error == EINTR;
}

/* ---- receiving ---- */

static void take_byte(struct serial_line *l, uint8_t byte, uint64_t now_ms)
{
    uint16_t len = slip_take(&l->reader, byte);

    if (len == 0)
        return;
    l->counts.received++;
    l->handler.on_datagram(l->handler.ctx, l->reader.buffer, len, now_ms);
}

static void take_marked(struct serial_line *l, uint8_t byte, uint64_t now_ms)
{
    if (l->mark == MARK_ERROR) {
        l->mark = MARK_NONE;
        slip_spoil(&l->reader);
    } else if (l->mark == MARK_BEGUN) {
        l->mark = byte == 0xFF ? MARK_NONE : MARK_ERROR;
        if (l->mark == MARK_NONE)
            take_byte(l, byte, now_ms);
    } else if (byte == 0xFF) {
        l->mark = MARK_BEGUN;
    } else {
        take_byte(l, byte, now_ms);
    }
}

static void on_readable(void *ctx)
{
    struct serial_line *l = ctx;
    uint8_t bytes[READ_LEN];
    ssize_t len = read(l->fd, bytes, sizeof bytes);
    uint64_t now_ms = loop_now_ms();

    if (len < 0 && is_passing(errno))
        return;
    if (len <= 0) {
        lose(l);
        return;
    }
    for (ssize_t i = 0; i < len; i++) {
        if (l->is_marked)
            take_marked(l, bytes[i], now_ms);
        else
            take_byte(l, bytes[i], now_ms);
    }
    l->counts.spoiled += l->reader.dropped;
    l->reader.dropped = 0;
}

/* ---- sending ---- */

static void on_writable(void *ctx)
{
    struct serial_line *l = ctx;
    ssize_t len = write(l->fd, l->queue, l->queued);

    if (len < 0 && !is_passing(errno)) {
        lose(l);
        return;
    }
    if (len > 0) {
        l->queued -= (size_t)len;
        memmove(l->queue, l->queue + len, l->queued);
    }
    if (l->queued > 0)
        loop_watch_arm(l->writable);
}

void serial_line_send(struct serial_line *line, const uint8_t *datagram, size_t len)
{
    uint8_t frame[FRAME_MAX];
    size_t frame_len;

    SSM_ASSERT(len <= SERIAL_DATAGRAM_MAX);
    frame_len = slip_encode(datagram, len, frame);
    if (line->fd < 0 || frame_len > sizeof line->queue - line->queued) {
        line->counts.dropped++;
        return;
    }
    if (line->queued == 0)
        loop_watch_arm(line->writable);
    memcpy(line->queue + line->queued, frame, frame_len);
    line->queued += frame_len;
    line->counts.sent++;
}

/* ---- life ---- */

struct serial_line *serial_line_create(struct loop *loop, size_t headroom, bool is_marked,
                                       const struct serial_handler *handler)
{
    struct serial_line *l = calloc(1, sizeof *l + headroom + SERIAL_DATAGRAM_MAX);

    if (l == NULL)
        return NULL;
    l->loop = loop;
    l->headroom = headroom;
    l->is_marked = is_marked;
    l->handler = *handler;
    l->fd = -1;
    return l;
}

void serial_line_destroy(struct serial_line *line)
{
    if (line == NULL)
        return;
    detach(line);
    free(line);
}

void serial_line_attach(struct serial_line *line, int fd)
{
    detach(line);
    line->fd = fd;
    line->mark = MARK_NONE;
    slip_reader_init(&line->reader, line->input + line->headroom, SERIAL_DATAGRAM_MAX);
    line->readable = loop_watch_readable(line->loop, fd, on_readable, line);
    line->writable = loop_watch_writable(line->loop, fd, on_writable, line);
    if (line->readable == NULL || line->writable == NULL)
        lose(line);
}

bool serial_line_is_up(const struct serial_line *line)
{
    return line->fd >= 0;
}

const struct serial_counts *serial_line_counts(const struct serial_line *line)
{
    return &line->counts;
}
