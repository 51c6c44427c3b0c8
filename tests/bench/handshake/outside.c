#include "outside.h"

#include "must.h"
#include "played_node.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TICK_MS = 100, PEER_PORT = 40000, LOCAL_PORT = 5683, DATA_LEN = 5 };

static const uint8_t data[DATA_LEN] = "hello";

/* A client or a server, and its node. */
struct visit {
    struct outside *outside;
    struct played_node node;
    struct endpoint peer;
    struct endpoint local;
    struct stock *other; /* NULL: between two handshakes */
    uint32_t connection;
    struct keyblock block;
    uint8_t flight[MESSAGE_FLIGHT_MAX];
    size_t flight_len;
    bool is_up;
};

struct outside_thread {
    struct outside *outside;
    struct mailbox *box;
    pthread_t thread;
    uint32_t number;
};

struct outside {
    const struct node_row *rows;
    struct visit *visits; /* of node ids 1, 2, ...; thread i has those that leave i */
    uint32_t count;
    struct outside_thread *threads;
    uint32_t thread_count;
    struct mailbox *keys;
    const struct stock_library *library;
    const char *uri; /* of servers; NULL: clients */
    atomic_int to_associate;
    atomic_int to_start;
    atomic_int unfinished;
    atomic_bool is_ending;
};

static void finish_one(struct outside *o)
{
    const struct message stop = {.type = MSG_STOP};

    if (atomic_fetch_sub(&o->unfinished, 1) == 1)
        mailbox_put(o->keys, &stop);
}

/* Takes one of what is left; false: nothing is. */
static bool take_one(atomic_int *left)
{
    return atomic_load(left) > 0 && atomic_fetch_sub(left, 1) > 0;
}

/* ---- a client or a server ---- */

/* As relay does: one record a message. */
static void send_records(const struct visit *v, const uint8_t *datagram, size_t len)
{
    struct message m = {.type = MSG_DGRAM_IN, .connection = v->connection, .node = v->node.id};

    m.peer = v->peer;
    m.local = v->local;
    while (len >= RECORD_HEADER_LEN) {
        size_t used = RECORD_HEADER_LEN + (size_t)(datagram[11] << 8 | datagram[12]);

        must(used <= len, "a peer's record is cut");
        m.data[0] = (struct span){.at = datagram, .len = used};
        mailbox_put(v->outside->keys, &m);
        datagram += used;
        len -= used;
    }
}

/* What the peer says in its session opens with the keys that the node was given. */
static void check_data(const struct visit *v, const uint8_t *datagram, size_t len)
{
    const bool is_server = v->block.role == KEYBLOCK_CLIENT;
    uint8_t copy[RECORD_SEALED_HEADER_LEN + DATA_LEN + RECORD_TAG_LEN];
    struct record r;
    size_t used;

    must(len == sizeof copy, "a peer's data have another length");
    memcpy(copy, datagram, len);
    must(record_peek(copy, len, &r, &used) == SSM_OK &&
             record_open(is_server ? &v->block.server : &v->block.client, &r) == SSM_OK &&
             r.body_len == DATA_LEN && memcmp(r.body, data, DATA_LEN) == 0,
         "the node's keys are not the peer's");
}

static void on_stock_send(void *ctx, const uint8_t *datagram, size_t len)
{
    const struct visit *v = ctx;

    if (v->is_up)
        check_data(v, datagram, len);
    else
        send_records(v, datagram, len);
}

static void visit_place(struct visit *v)
{
    v->peer = (struct endpoint){.addr = {[10] = 0xFF, [11] = 0xFF, [12] = 10}, .port = PEER_PORT};
    bytes_put_u16(v->peer.addr + 13, (uint16_t)v->node.id); /* a prefix of its own */
    v->peer.addr[15] = 20;
    v->local = (struct endpoint){.addr = {[10] = 0xFF, [11] = 0xFF, [12] = 10, [15] = 1}};
    v->local.port = (uint16_t)(LOCAL_PORT + v->node.id);
}

static void visit_begin(struct visit *v)
{
    visit_place(v);
    v->connection = 0;
    v->is_up = false;
    v->other = stock_create(v->outside->library, on_stock_send, v);
    if (v->outside->uri != NULL)
        played_node_ask(&v->node, v->outside->uri);
    else
        must(stock_run(v->other, NULL, 0) == STOCK_CONNECTING, "a client cannot begin");
}

static void visit_end(struct visit *v)
{
    must(stock_run(v->other, v->flight, v->flight_len) == STOCK_UP, "a client refuses the last flight");
    v->is_up = true;
    stock_write(v->other, data, DATA_LEN);
    stock_destroy(v->other);
    v->other = NULL;
    finish_one(v->outside);
}

/* ---- messages of keys ---- */

static void on_datagram(struct visit *v, const struct message *m)
{
    if (m->connection != 0)
        v->connection = m->connection;
    v->peer = m->peer;
    v->local = m->local;
    if (v->other != NULL)
        must(stock_run(v->other, m->data[0].at, m->data[0].len) != STOCK_OVER, "a peer's handshake failed");
}

/* Every server is where the node's visitors come from. */
static void on_resolve(const struct visit *v, const struct message *m)
{
    struct message resolved = {.type = MSG_RESOLVED, .node = m->node, .request = m->request};
    const struct resolved found = {v->peer, v->local};
    uint8_t address[RESOLVED_LEN];

    resolved_encode(&found, address);
    resolved.data[0] = (struct span){.at = address, .len = sizeof address};
    mailbox_put(v->outside->keys, &resolved);
}

static void on_prepare(struct visit *v, const struct message *m)
{
    v->block = played_node_install(&v->node, m->data[0]);
    v->flight_len = m->data[2].len;
    memcpy(v->flight, m->data[2].at, v->flight_len);
}

static void on_commit(struct visit *v, const struct message *m)
{
    struct message durable = *m;

    durable.type = MSG_SESSION_DURABLE;
    mailbox_put(v->outside->keys, &durable);
    visit_end(v);
}

static void on_list_request(struct outside *o, const struct message *m)
{
    const struct message none = {.type = MSG_SESSION_LIST, .request = m->request};

    mailbox_put(o->keys, &none);
}

static void on_message(void *ctx, const struct message *m)
{
    struct outside *o = ctx;
    struct visit *v = m->node > 0 && m->node <= o->count ? &o->visits[m->node - 1] : NULL;

    if (m->type == MSG_SESSION_LIST) {
        on_list_request(o, m);
        return;
    }
    must(m->type != MSG_SESSION_ABORT && v != NULL, "keys ended a handshake");
    switch (m->type) {
    case MSG_DGRAM_OUT:
        on_datagram(v, m);
        break;
    case MSG_NODE_CTRL_OUT:
        if (played_node_take(&v->node, m->data[0]))
            finish_one(o);
        break;
    case MSG_SESSION_PREPARE:
        on_prepare(v, m);
        break;
    case MSG_RESOLVE:
        on_resolve(v, m);
        break;
    case MSG_SESSION_COMMIT:
        on_commit(v, m);
        break;
    default: /* what only a real relay has a use for */
        break;
    }
}

/* ---- threads ---- */

static void begin_what_is_due(const struct outside_thread *t)
{
    struct outside *o = t->outside;

    for (uint32_t i = t->number; i < o->count; i += o->thread_count) {
        struct visit *v = &o->visits[i];

        if (v->node.id == 0 && take_one(&o->to_associate))
            played_node_start(&v->node, &o->rows[i], o->keys);
        if (v->other == NULL && take_one(&o->to_start))
            visit_begin(v);
    }
}

static void run_timers(const struct outside_thread *t)
{
    for (uint32_t i = t->number; i < t->outside->count; i += t->outside->thread_count)
        if (t->outside->visits[i].other != NULL)
            (void)stock_run(t->outside->visits[i].other, NULL, 0);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void *thread_main(void *arg)
{
    const struct outside_thread *t = arg;
    uint64_t tick_ms = now_ms();

    while (!atomic_load(&t->outside->is_ending)) {
        mailbox_wait(t->box, TICK_MS);
        mailbox_take(t->box, on_message, t->outside);
        begin_what_is_due(t);
        if (now_ms() - tick_ms >= TICK_MS) {
            run_timers(t);
            tick_ms = now_ms();
        }
        mailbox_flush(t->outside->keys);
    }
    return NULL;
}

static void wake_all(struct outside *o)
{
    for (uint32_t i = 0; i < o->thread_count; i++)
        mailbox_wake(o->threads[i].box);
}

void outside_put(struct outside *o, const struct message *m)
{
    mailbox_put(o->threads[m->node > 0 ? (m->node - 1) % o->thread_count : 0].box, m);
}

void outside_flush(struct outside *o)
{
    for (uint32_t i = 0; i < o->thread_count; i++)
        mailbox_flush(o->threads[i].box);
}

void outside_associate(struct outside *o)
{
    atomic_store(&o->unfinished, (int)o->count);
    atomic_store(&o->to_associate, (int)o->count);
    wake_all(o);
}

void outside_handshake(struct outside *o, const struct stock_library *library, const char *uri,
                       uint32_t count)
{
    o->library = library;
    o->uri = uri;
    atomic_store(&o->unfinished, (int)count);
    atomic_store(&o->to_start, (int)count);
    wake_all(o);
}

/* ---- life ---- */

struct outside *outside_create(const struct node_row *rows, uint32_t count, uint32_t threads,
                               struct mailbox *keys)
{
    struct outside *o = calloc(1, sizeof *o);

    must(o != NULL, "no memory");
    o->rows = rows;
    o->count = count;
    o->keys = keys;
    o->thread_count = threads;
    o->visits = calloc(count, sizeof *o->visits);
    o->threads = calloc(threads, sizeof *o->threads);
    must(o->visits != NULL && o->threads != NULL, "no memory");
    for (uint32_t i = 0; i < count; i++)
        o->visits[i].outside = o;
    for (uint32_t i = 0; i < threads; i++) {
        struct outside_thread *t = &o->threads[i];

        *t = (struct outside_thread){.outside = o, .box = mailbox_create(), .number = i};
        must(pthread_create(&t->thread, NULL, thread_main, t) == 0, "no thread for the peers");
    }
    return o;
}

void outside_destroy(struct outside *o)
{
    atomic_store(&o->is_ending, true);
    wake_all(o);
    for (uint32_t i = 0; i < o->thread_count; i++) {
        pthread_join(o->threads[i].thread, NULL);
        mailbox_destroy(o->threads[i].box);
    }
    free(o->threads);
    free(o->visits);
    free(o);
}

double outside_cpu_s(const struct outside *o)
{
    double cpu_s = 0;

    for (uint32_t i = 0; i < o->thread_count; i++) {
        struct timespec used;
        clockid_t clock;

        must(pthread_getcpuclockid(o->threads[i].thread, &clock) == 0 && clock_gettime(clock, &used) == 0,
             "no clock of a thread");
        cpu_s += (double)used.tv_sec + (double)used.tv_nsec / 1e9;
    }
    return cpu_s;
}
