#include "mailbox.h"

#include "must.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct letter {
    struct letter *next;
    size_t len;
    uint8_t bytes[];
};

struct mailbox {
    pthread_mutex_t lock;
    struct letter *first;
    struct letter **end;
    int fd;
    bool is_watched; /* its thread may be asleep: a letter must wake it */
};

struct mailbox *mailbox_create(void)
{
    struct mailbox *box = calloc(1, sizeof *box);

    must(box != NULL, "no memory");
    box->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    must(box->fd >= 0 && pthread_mutex_init(&box->lock, NULL) == 0, "no descriptor for a mailbox");
    box->end = &box->first;
    box->is_watched = true;
    return box;
}

/* Takes all letters off the box. */
static struct letter *empty(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    struct letter *first = box->first;
    box->first = NULL;
    box->end = &box->first;
    pthread_mutex_unlock(&box->lock);
    return first;
}

static bool has_letters(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    bool has = box->first != NULL;
    pthread_mutex_unlock(&box->lock);
    return has;
}

void mailbox_destroy(struct mailbox *box)
{
    struct letter *next;

    for (struct letter *l = empty(box); l != NULL; l = next) {
        next = l->next;
        free(l);
    }
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

void mailbox_put(struct mailbox *box, const struct message *m)
{
    struct letter *l =
        malloc(sizeof *l + MESSAGE_HEADER_LEN + m->data[0].len + m->data[1].len + m->data[2].len);

    must(l != NULL, "no memory");
    l->next = NULL;
    l->len = message_encode(m, l->bytes);
    pthread_mutex_lock(&box->lock);
    bool must_wake = box->is_watched && box->first == NULL;
    *box->end = l;
    box->end = &l->next;
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

void mailbox_take(struct mailbox *box, void (*take)(void *ctx, const struct message *m), void *ctx)
{
    uint64_t count;
    struct message m;
    struct letter *next;

    (void)!read(box->fd, &count, sizeof count);
    for (struct letter *l = empty(box); l != NULL; l = next) {
        next = l->next;
        must(message_decode(l->bytes, l->len, &m) == SSM_OK, "a message does not decode");
        take(ctx, &m);
        free(l);
    }
}
