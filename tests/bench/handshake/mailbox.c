#include "mailbox.h"

#include "must.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Messages back to back, each behind its length. */
struct bag {
    uint8_t *bytes;
    size_t len;
    size_t cap;
};

struct mailbox {
    pthread_mutex_t lock;
    struct bag put;   /* the lock guards it */
    struct bag taken; /* by the reader, who gives it back empty */
    int fd;
    bool is_watched; /* its thread may be asleep: a letter must wake it */
};

struct mailbox *mailbox_create(void)
{
    struct mailbox *box = calloc(1, sizeof *box);

    must(box != NULL, "no memory");
    box->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    must(box->fd >= 0 && pthread_mutex_init(&box->lock, NULL) == 0, "no descriptor for a mailbox");
    box->is_watched = true;
    return box;
}

static bool has_letters(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    bool has = box->put.len > 0;
    pthread_mutex_unlock(&box->lock);
    return has;
}

void mailbox_destroy(struct mailbox *box)
{
    free(box->put.bytes);
    free(box->taken.bytes);
    close(box->fd);
    pthread_mutex_destroy(&box->lock);
    free(box);
}

int mailbox_descriptor(const struct mailbox *box)
{
    return box->fd;
}

void mailbox_wake(struct mailbox *box)
{
    const uint64_t one = 1;

    (void)!write(box->fd, &one, sizeof one);
}

static void bag_grow(struct bag *bag, size_t len)
{
    while (bag->cap - bag->len < len)
        bag->cap = bag->cap * 2 + MESSAGE_BYTES_MAX;
    bag->bytes = realloc(bag->bytes, bag->cap);
    must(bag->bytes != NULL, "no memory");
}

static void bag_put(struct bag *bag, const struct message *m)
{
    size_t len = MESSAGE_HEADER_LEN + m->data[0].len + m->data[1].len + m->data[2].len;

    if (bag->cap - bag->len < sizeof len + len)
        bag_grow(bag, sizeof len + len);
    len = message_encode(m, bag->bytes + bag->len + sizeof len);
    memcpy(bag->bytes + bag->len, &len, sizeof len);
    bag->len += sizeof len + len;
}

void mailbox_put(struct mailbox *box, const struct message *m)
{
    pthread_mutex_lock(&box->lock);
    bag_put(&box->put, m);
    pthread_mutex_unlock(&box->lock);
}

void mailbox_flush(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    bool must_wake = box->is_watched && box->put.len > 0;
    pthread_mutex_unlock(&box->lock);
    if (must_wake)
        mailbox_wake(box);
}

static void set_watched(struct mailbox *box, bool is_watched)
{
    pthread_mutex_lock(&box->lock);
    box->is_watched = is_watched;
    pthread_mutex_unlock(&box->lock);
}

void mailbox_wait(struct mailbox *box, int timeout_ms)
{
    struct pollfd readable = {.fd = box->fd, .events = POLLIN};

    set_watched(box, true);
    if (!has_letters(box))
        (void)poll(&readable, 1, timeout_ms);
    set_watched(box, false);
}

/* The reader works on its own bag, so that nobody waits for it. */
static void swap_bags(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    const struct bag full = box->put;
    box->put = box->taken;
    box->put.len = 0;
    box->taken = full;
    pthread_mutex_unlock(&box->lock);
}

void mailbox_take(struct mailbox *box, void (*take)(void *ctx, const struct message *m), void *ctx)
{
    uint64_t count;
    struct message m;
    size_t len;

    (void)!read(box->fd, &count, sizeof count);
    swap_bags(box);
    for (size_t at = 0; at < box->taken.len; at += len) {
        memcpy(&len, box->taken.bytes + at, sizeof len);
        at += sizeof len;
        must(message_decode(box->taken.bytes + at, len, &m) == SSM_OK, "a message does not decode");
        take(ctx, &m);
    }
}
