/* The keys process's store in memory: a few nodes and subscribers, and a switch that makes every change fail.
 */
#ifndef SSM_TEST_KEYS_STORE_MEMORY_H
#define SSM_TEST_KEYS_STORE_MEMORY_H

#include "store.h"

enum { MEMORY_NODES_MAX = 4, MEMORY_SUBSCRIBERS_MAX = 4 };

struct memory_subscriber {
    struct subscriber_row row;
    uint32_t nodes[MEMORY_NODES_MAX];
    size_t node_count;
};

struct keys_memory {
    struct node_row nodes[MEMORY_NODES_MAX]; /* ids 1, 2, ... in order */
    size_t node_count;
    struct memory_subscriber subscribers[MEMORY_SUBSCRIBERS_MAX];
    size_t subscriber_count;
    const struct destination_row *destination; /* the only one, the test's; NULL: none */
    bool is_broken;
};

static inline enum status memory_find_destination(void *ctx, uint32_t node, const struct uri *server,
                                                  struct destination_row *out)
{
    const struct keys_memory *m = ctx;
    char wanted[URI_LEN_MAX + 1];
    char known[URI_LEN_MAX + 1];

    if (m->is_broken)
        return SSM_IO;
    if (m->destination == NULL || m->destination->node != node)
        return SSM_NOT_FOUND;
    size_t len = uri_print(server, wanted);
    if (uri_print(&m->destination->server, known) != len || !bytes_equal(wanted, known, len))
        return SSM_NOT_FOUND;
    *out = *m->destination;
    return SSM_OK;
}

static inline enum status memory_set_association(void *ctx, uint32_t node, uint32_t counter, uint32_t boot_id)
{
    struct keys_memory *m = ctx;

    if (m->is_broken)
        return SSM_IO;
    m->nodes[node - 1].assoc_counter = counter;
    m->nodes[node - 1].boot_id = boot_id;
    return SSM_OK;
}

static inline enum status memory_set_session_limit(void *ctx, uint32_t node, uint16_t limit)
{
    struct keys_memory *m = ctx;

    if (m->is_broken)
        return SSM_IO;
    m->nodes[node - 1].session_limit = limit;
    return SSM_OK;
}

static inline enum status memory_each_node(void *ctx, enum status (*row)(void *arg, const struct node_row *),
                                           void *arg)
{
    struct keys_memory *m = ctx;
    enum status status = SSM_OK;

    for (size_t i = 0; i < m->node_count && status == SSM_OK; i++)
        status = row(arg, &m->nodes[i]);
    return status;
}

static inline enum status memory_find_subscriber(void *ctx, const char *name, size_t name_len,
                                                 struct subscriber_row *out)
{
    struct keys_memory *m = ctx;

    for (size_t i = 0; i < m->subscriber_count; i++) {
        const struct subscriber_row *row = &m->subscribers[i].row;
        if (row->name.len == name_len && bytes_equal(row->name.text, name, name_len)) {
            *out = *row;
            return SSM_OK;
        }
    }
    return SSM_NOT_FOUND;
}

static inline enum status memory_find_certificate(void *ctx,
                                                  const uint8_t fingerprint[HANDSHAKE_FINGERPRINT_LEN],
                                                  struct subscriber_row *out)
{
    struct keys_memory *m = ctx;

    for (size_t i = 0; i < m->subscriber_count; i++) {
        const struct subscriber_row *row = &m->subscribers[i].row;
        if (row->credential == SUBSCRIBER_CERTIFICATE &&
            bytes_equal(row->fingerprint, fingerprint, sizeof row->fingerprint)) {
            *out = *row;
            return SSM_OK;
        }
    }
    return SSM_NOT_FOUND;
}

static inline enum status memory_find_subject(void *ctx, const char *subject, size_t subject_len,
                                              struct subscriber_row *out)
{
    struct keys_memory *m = ctx;

    for (size_t i = 0; i < m->subscriber_count; i++) {
        const struct subscriber_row *row = &m->subscribers[i].row;
        if (row->credential == SUBSCRIBER_SUBJECT && row->subject_len == subject_len &&
            bytes_equal(row->subject, subject, subject_len)) {
            *out = *row;
            return SSM_OK;
        }
    }
    return SSM_NOT_FOUND;
}

static inline enum status memory_grants(void *ctx, uint32_t subscriber, uint32_t node, uint32_t *nodes,
                                        size_t cap, size_t *count)
{
    struct keys_memory *m = ctx;
    const struct memory_subscriber *s = &m->subscribers[subscriber - 1];

    *count = 0;
    for (size_t i = 0; i < s->node_count; i++) {
        if (node != 0 && s->nodes[i] != node)
            continue;
        if (*count < cap)
            nodes[*count] = s->nodes[i];
        ++*count;
    }
    return SSM_OK;
}

/* What the delegator uses of the table. */
static inline struct keys_store memory_table(struct keys_memory *m)
{
    return (struct keys_store){
        .ctx = m,
        .set_association = memory_set_association,
        .set_session_limit = memory_set_session_limit,
        .each_node = memory_each_node,
        .find_subscriber = memory_find_subscriber,
        .find_destination = memory_find_destination,
        .find_certificate = memory_find_certificate,
        .find_subject = memory_find_subject,
        .grants = memory_grants,
    };
}

static inline struct assoc_name memory_name(const char *text)
{
    struct assoc_name name = {0};

    SSM_ASSERT(assoc_name_set(&name, text, __builtin_strlen(text)) == SSM_OK);
    return name;
}

/* Adds a node whose PSK is 16 times `psk`. */
static inline struct node_row *memory_add_node(struct keys_memory *m, const char *name, uint8_t psk)
{
    struct node_row *row = &m->nodes[m->node_count++];

    *row = (struct node_row){.id = (uint32_t)m->node_count, .name = memory_name(name)};
    row->port = (uint16_t)(5683 + row->id);
    bytes_fill(row->psk, psk, sizeof row->psk);
    return row;
}

/* Adds a subscriber whose PSK is 16 times `psk`, granted nothing yet. */
static inline struct memory_subscriber *memory_add_subscriber(struct keys_memory *m, const char *name,
                                                              uint8_t psk)
{
    struct memory_subscriber *s = &m->subscribers[m->subscriber_count++];

    *s = (struct memory_subscriber){.row = {.id = (uint32_t)m->subscriber_count, .name = memory_name(name)}};
    s->row.psk_len = SUBSCRIBER_PSK_MIN;
    bytes_fill(s->row.psk, psk, s->row.psk_len);
    return s;
}

static inline void memory_grant(struct memory_subscriber *s, uint32_t node)
{
    s->nodes[s->node_count++] = node;
}

#endif
