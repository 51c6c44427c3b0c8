/*
 * The admin socket with everything behind it replaced: a store and a delegator in memory, recorded messages,
 * clocks that stand still, and callers in the same process. The gateway's own CA is the real one.
 */
#ifndef ADMIN_WORLD_H
#define ADMIN_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "admin.h"
#include "ca_world.h"

#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { WORLD_ROWS = 8, WORLD_MESSAGES = 32 };

struct world {
    struct config config;
    struct event_base *base;
    struct admin *admin;
    char path[64]; /* of the socket */
    uint64_t now_ms;
    uint64_t wall_s;
    struct ca_world own;
    struct expiry expiry;
    size_t ca_changes;
    size_t destinations_added;
    /* the store */
    bool store_fails;
    size_t node_count;
    struct node_row nodes[WORLD_ROWS];
    size_t subscriber_count;
    struct subscriber_row subscribers[WORLD_ROWS];
    size_t grant_count[WORLD_ROWS];
    uint32_t grants[WORLD_ROWS][WORLD_ROWS];
    size_t destination_count;
    struct destination_row destinations[WORLD_ROWS];
    /* the delegator */
    bool delegator_full;
    size_t view_count;
    struct node_view views[WORLD_ROWS];
    uint32_t removed_subscriber;
    uint32_t removed_destination;
    uint32_t closed_node;
    uint16_t closed_handle;
    /* what was sent */
    size_t relay_count;
    struct message to_relay[WORLD_MESSAGES];
    size_t parent_count;
    struct message to_parent[WORLD_MESSAGES];
};

/* ---- the delegator ---- */

static struct world *delegator_world; /* one at a time */

const char *delegator_counter_name(enum delegator_counter counter)
{
    return counter == DELEGATOR_ASSOCIATIONS ? "associations" : "other";
}

uint64_t delegator_counter(const struct delegator *d, enum delegator_counter counter)
{
    (void)d;
    return counter == DELEGATOR_ASSOCIATIONS ? 17 : 0;
}

enum status delegator_add_node(struct delegator *d, const struct node_row *row)
{
    struct world *w = delegator_world;

    (void)d;
    if (w->delegator_full)
        return SSM_NO_ROOM;
    w->views[w->view_count++] = (struct node_view){.id = row->id, .name = row->name, .port = row->port};
    return SSM_OK;
}

void delegator_remove_node(struct delegator *d, uint32_t node, uint64_t now_ms)
{
    struct world *w = delegator_world;

    (void)d;
    (void)now_ms;
    for (size_t i = 0; i < w->view_count; i++)
        if (w->views[i].id == node)
            w->views[i] = w->views[--w->view_count];
}

void delegator_remove_subscriber(struct delegator *d, uint32_t subscriber, uint64_t now_ms)
{
    (void)d;
    (void)now_ms;
    delegator_world->removed_subscriber = subscriber;
}

void delegator_remove_destination(struct delegator *d, uint32_t node, uint32_t destination, uint64_t now_ms)
{
    (void)d;
    (void)node;
    (void)now_ms;
    delegator_world->removed_destination = destination;
}

enum status delegator_close_session(struct delegator *d, uint32_t node, uint16_t handle, uint64_t now_ms)
{
    (void)d;
    (void)now_ms;
    if (handle != 7)
        return SSM_NOT_FOUND;
    delegator_world->closed_node = node;
    delegator_world->closed_handle = handle;
    return SSM_OK;
}

uint32_t delegator_resumable_sessions(const struct delegator *d)
{
    (void)d;
    return 3;
}

bool delegator_view_node(const struct delegator *d, size_t index, struct node_view *out)
{
    (void)d;
    if (index >= delegator_world->view_count)
        return false;
    *out = delegator_world->views[index];
    return true;
}

enum status delegator_find_node(const struct delegator *d, const char *name, size_t len,
                                struct node_view *out)
{
    for (size_t i = 0; delegator_view_node(d, i, out); i++)
        if (out->name.len == len && memcmp(out->name.text, name, len) == 0)
            return SSM_OK;
    return SSM_NOT_FOUND;
}

/* ---- the store ---- */

static bool names_equal(const struct assoc_name *a, const struct assoc_name *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static enum status store_add_node(void *ctx, struct node_row *row)
{
    struct world *w = ctx;

    if (w->store_fails)
        return SSM_IO;
    for (size_t i = 0; i < w->node_count; i++)
        if (names_equal(&w->nodes[i].name, &row->name))
            return SSM_EXISTS;
    row->id = 100 + (uint32_t)w->node_count;
    w->nodes[w->node_count++] = *row;
    return SSM_OK;
}

static enum status store_remove_node(void *ctx, uint32_t node)
{
    struct world *w = ctx;

    if (w->store_fails)
        return SSM_IO;
    for (size_t i = 0; i < w->node_count; i++)
        if (w->nodes[i].id == node) {
            w->nodes[i] = w->nodes[--w->node_count];
            bytes_wipe(&w->nodes[w->node_count], sizeof w->nodes[0]);
        }
    return SSM_OK;
}

static enum status store_each_node(void *ctx, enum status (*row)(void *arg, const struct node_row *),
                                   void *arg)
{
    struct world *w = ctx;

    for (size_t i = 0; i < w->node_count; i++)
        if (row(arg, &w->nodes[i]) != SSM_OK)
            return SSM_IO;
    return w->store_fails ? SSM_IO : SSM_OK;
}

static enum status store_add_subscriber(void *ctx, struct subscriber_row *row, const uint32_t *nodes,
                                        size_t count)
{
    struct world *w = ctx;

    if (w->store_fails)
        return SSM_IO;
    for (size_t i = 0; i < w->subscriber_count; i++)
        if (names_equal(&w->subscribers[i].name, &row->name))
            return SSM_EXISTS;
    row->id = 500 + (uint32_t)w->subscriber_count;
    memcpy(w->grants[w->subscriber_count], nodes, count * sizeof *nodes);
    w->grant_count[w->subscriber_count] = count;
    w->subscribers[w->subscriber_count++] = *row;
    return SSM_OK;
}

static enum status store_remove_subscriber(void *ctx, uint32_t subscriber)
{
    struct world *w = ctx;

    if (w->store_fails || w->subscriber_count == 0 ||
        w->subscribers[w->subscriber_count - 1].id != subscriber)
        return SSM_IO;
    bytes_wipe(&w->subscribers[--w->subscriber_count], sizeof w->subscribers[0]);
    return SSM_OK;
}

static enum status store_find_subscriber(void *ctx, const char *name, size_t len, struct subscriber_row *out)
{
    struct world *w = ctx;

    for (size_t i = 0; i < w->subscriber_count; i++)
        if (w->subscribers[i].name.len == len && memcmp(w->subscribers[i].name.text, name, len) == 0) {
            *out = w->subscribers[i];
            return SSM_OK;
        }
    return SSM_NOT_FOUND;
}

static enum status store_find_certificate(void *ctx, const uint8_t fingerprint[HANDSHAKE_FINGERPRINT_LEN],
                                          struct subscriber_row *out)
{
    struct world *w = ctx;

    for (size_t i = 0; i < w->subscriber_count; i++)
        if (w->subscribers[i].credential == SUBSCRIBER_CERTIFICATE &&
            memcmp(w->subscribers[i].fingerprint, fingerprint, HANDSHAKE_FINGERPRINT_LEN) == 0) {
            *out = w->subscribers[i];
            return SSM_OK;
        }
    return SSM_NOT_FOUND;
}

static enum status store_find_subject(void *ctx, const char *subject, size_t len, struct subscriber_row *out)
{
    struct world *w = ctx;

    for (size_t i = 0; i < w->subscriber_count; i++)
        if (w->subscribers[i].credential == SUBSCRIBER_SUBJECT && w->subscribers[i].subject_len == len &&
            memcmp(w->subscribers[i].subject, subject, len) == 0) {
            *out = w->subscribers[i];
            return SSM_OK;
        }
    return SSM_NOT_FOUND;
}

static enum status
store_each_subscriber(void *ctx, enum status (*row)(void *arg, const struct subscriber_row *), void *arg)
{
    struct world *w = ctx;

    for (size_t i = 0; i < w->subscriber_count; i++)
        if (row(arg, &w->subscribers[i]) != SSM_OK)
            return SSM_IO;
    return w->store_fails ? SSM_IO : SSM_OK;
}

static enum status store_grants(void *ctx, uint32_t subscriber, uint32_t node, uint32_t *nodes, size_t cap,
                                size_t *count)
{
    struct world *w = ctx;
    size_t i = subscriber - 500;

    assert_int_equal(node, 0);
    *count = w->grant_count[i];
    memcpy(nodes, w->grants[i], (*count < cap ? *count : cap) * sizeof *nodes);
    return SSM_OK;
}

static bool is_destination(const struct destination_row *row, uint32_t node, const struct uri *server)
{
    return row->node == node && row->server.port == server->port &&
           strcmp(row->server.host, server->host) == 0;
}

static enum status store_find_destination(void *ctx, uint32_t node, const struct uri *server,
                                          struct destination_row *out)
{
    struct world *w = ctx;

    for (size_t i = 0; i < w->destination_count; i++)
        if (is_destination(&w->destinations[i], node, server)) {
            *out = w->destinations[i];
            return SSM_OK;
        }
    return SSM_NOT_FOUND;
}

static enum status store_add_destination(void *ctx, struct destination_row *row)
{
    struct world *w = ctx;

    if (w->store_fails)
        return SSM_IO;
    for (size_t i = 0; i < w->destination_count; i++)
        if (is_destination(&w->destinations[i], row->node, &row->server))
            return SSM_EXISTS;
    row->id = 900 + (uint32_t)w->destination_count;
    w->destinations[w->destination_count++] = *row;
    return SSM_OK;
}

static enum status store_remove_destination(void *ctx, uint32_t destination)
{
    struct world *w = ctx;

    for (size_t i = 0; i < w->destination_count && !w->store_fails; i++)
        if (w->destinations[i].id == destination) {
            w->destinations[i] = w->destinations[--w->destination_count];
            bytes_wipe(&w->destinations[w->destination_count], sizeof w->destinations[0]);
            return SSM_OK;
        }
    return SSM_IO;
}

static enum status store_each_destination(void *ctx, uint32_t node,
                                          enum status (*row)(void *arg, const struct destination_row *),
                                          void *arg)
{
    struct world *w = ctx;

    for (size_t i = 0; i < w->destination_count; i++)
        if ((node == 0 || w->destinations[i].node == node) && row(arg, &w->destinations[i]) != SSM_OK)
            return SSM_IO;
    return w->store_fails ? SSM_IO : SSM_OK;
}

/* ---- the siblings ---- */

static void record_for_relay(void *ctx, const struct message *m)
{
    struct world *w = ctx;

    w->to_relay[w->relay_count++] = *m;
}

static void record_for_parent(void *ctx, const struct message *m)
{
    struct world *w = ctx;

    w->to_parent[w->parent_count++] = *m;
}

static uint64_t world_now(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static uint64_t world_wall_s(void *ctx)
{
    return ((struct world *)ctx)->wall_s;
}

static void count_ca_change(void *ctx)
{
    ((struct world *)ctx)->ca_changes++;
}

static void count_destination(void *ctx)
{
    ((struct world *)ctx)->destinations_added++;
}

/* ---- the world ---- */

static int world_listen(struct world *w)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(w->path, sizeof w->path, "/tmp/ssm-admin-test-%d.sock", (int)getpid());
    strcpy(address.sun_path, w->path);
    unlink(w->path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 32), 0);
    assert_int_equal(chmod(w->path, 0666), 0); /* so that strangers reach the check of callers */
    return fd;
}

static void world_start(struct world *w, const char *admin_group)
{
    static struct keys_store store;

    memset(w, 0, sizeof *w);
    delegator_world = w;
    store = (struct keys_store){.ctx = w,
                                .add_node = store_add_node,
                                .remove_node = store_remove_node,
                                .each_node = store_each_node,
                                .add_subscriber = store_add_subscriber,
                                .remove_subscriber = store_remove_subscriber,
                                .find_subscriber = store_find_subscriber,
                                .find_certificate = store_find_certificate,
                                .find_subject = store_find_subject,
                                .each_subscriber = store_each_subscriber,
                                .grants = store_grants,
                                .add_destination = store_add_destination,
                                .remove_destination = store_remove_destination,
                                .find_destination = store_find_destination,
                                .each_destination = store_each_destination};
    assert_int_equal(assoc_name_set(&w->config.gateway_id, "gw", 2), SSM_OK);
    snprintf(w->config.admin_group, sizeof w->config.admin_group, "%s", admin_group);
    w->config.peer_address.port = 5684;
    w->config.link_address.port = 20001;
    w->config.node_port_first = 20000;
    w->config.node_port_last = 20003;
    w->config.max_nodes = 256;
    w->now_ms = 1000000;
    w->wall_s = NOW_S;
    ca_world_open(&w->own);
    w->expiry = (struct expiry){.config = &w->config, .store = &store, .ca = w->own.ca.store};
    w->base = event_base_new();
    w->admin = admin_create(&(struct admin_context){.base = w->base,
                                                    .config = &w->config,
                                                    .store = &store,
                                                    .ca = &w->own.ca,
                                                    .expiry = &w->expiry,
                                                    .ctx = w,
                                                    .to_relay = record_for_relay,
                                                    .to_parent = record_for_parent,
                                                    .ca_changed = count_ca_change,
                                                    .destination_added = count_destination,
                                                    .now_ms = world_now,
                                                    .wall_s = world_wall_s},
                            world_listen(w));
    assert_non_null(w->admin);
}

static void world_stop(struct world *w)
{
    admin_destroy(w->admin);
    event_base_free(w->base);
    ca_world_close(&w->own);
    unlink(w->path);
}

/* Lets the admin socket do what it can, for at least 10 ms. */
static void world_turn(struct world *w)
{
    event_base_loop(w->base, EVLOOP_NONBLOCK);
    poll(NULL, 0, 10);
    event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static int caller_connect(const struct world *w)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, w->path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* JSON with ' for ", and a newline behind it. */
static void caller_send(int fd, const char *text)
{
    char line[4096];
    size_t len = strlen(text);

    assert_true(len < sizeof line);
    for (size_t i = 0; i < len; i++)
        line[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    line[len] = '\n';
    assert_int_equal(send(fd, line, len + 1, MSG_NOSIGNAL), len + 1);
    bytes_wipe(line, sizeof line);
}

/* Turns the world until a line has arrived. NULL: the connection was closed first, or nothing came for 5 s.
 */
static json_t *caller_receive(struct world *w, int fd)
{
    char line[4096];
    size_t len = 0;
    json_t *reply = NULL;

    for (int turns = 0; turns < 500 && (len == 0 || line[len - 1] != '\n'); turns++) {
        ssize_t got = recv(fd, line + len, 1, MSG_DONTWAIT);

        if (got == 0 || (got < 0 && errno != EAGAIN))
            return NULL;
        if (got > 0)
            len++, turns = 0;
        else
            world_turn(w);
        assert_true(len < sizeof line);
    }
    if (len > 0)
        reply = json_loadb(line, len, 0, NULL);
    bytes_wipe(line, sizeof line);
    return reply;
}

/* One request on a connection of its own. */
static json_t *ask(struct world *w, const char *text)
{
    int fd = caller_connect(w);
    json_t *reply;

    caller_send(fd, text);
    reply = caller_receive(w, fd);
    close(fd);
    world_turn(w);
    assert_non_null(reply);
    return reply;
}

static inline void assert_done(struct world *w, const char *text)
{
    json_t *reply = ask(w, text);

    if (!json_is_true(json_object_get(reply, "ok")))
        fail_msg("%s: %s", text, json_string_value(json_object_get(reply, "error")));
    json_decref(reply);
}

/* "ok" is false and the sentence has the needle in it. */
static void assert_refusal(json_t *reply, const char *needle)
{
    const char *error = json_string_value(json_object_get(reply, "error"));

    assert_true(json_is_false(json_object_get(reply, "ok")));
    assert_non_null(error);
    if (strstr(error, needle) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error, needle);
    json_decref(reply);
}

static inline void assert_refused(struct world *w, const char *text, const char *needle)
{
    assert_refusal(ask(w, text), needle);
}

#endif
