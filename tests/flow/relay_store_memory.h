/* The relay's store in memory: changes are seen at once and survive a restart of relay only if they were
 * flushed. */
#ifndef SSM_TEST_RELAY_STORE_MEMORY_H
#define SSM_TEST_RELAY_STORE_MEMORY_H

#include "store.h"

enum { RELAY_MEMORY_SESSIONS_MAX = 64, RELAY_MEMORY_NODES_MAX = 4 };

struct relay_memory_rows {
    struct relay_session_row sessions[RELAY_MEMORY_SESSIONS_MAX];
    size_t session_count;
    struct relay_node_row nodes[RELAY_MEMORY_NODES_MAX];
    size_t node_count;
};

struct relay_memory {
    struct relay_memory_rows now;
    struct relay_memory_rows durable;
};

static inline enum status relay_memory_remove_session(void *ctx, uint32_t node, uint16_t handle)
{
    struct relay_memory_rows *rows = &((struct relay_memory *)ctx)->now;

    for (size_t i = 0; i < rows->session_count; i++) {
        if (rows->sessions[i].node == node && rows->sessions[i].handle == handle) {
            rows->sessions[i] = rows->sessions[--rows->session_count];
            return SSM_OK;
        }
    }
    return SSM_OK;
}

static inline enum status relay_memory_put_session(void *ctx, const struct relay_session_row *row)
{
    struct relay_memory_rows *rows = &((struct relay_memory *)ctx)->now;

    SSM_ASSERT(rows->session_count < RELAY_MEMORY_SESSIONS_MAX);
    rows->sessions[rows->session_count++] = *row;
    return SSM_OK;
}

static inline enum status relay_memory_remove_node(void *ctx, uint32_t node)
{
    struct relay_memory_rows *rows = &((struct relay_memory *)ctx)->now;

    for (size_t i = rows->session_count; i-- > 0;)
        if (rows->sessions[i].node == node)
            rows->sessions[i] = rows->sessions[--rows->session_count];
    for (size_t i = rows->node_count; i-- > 0;)
        if (rows->nodes[i].node == node)
            rows->nodes[i] = rows->nodes[--rows->node_count];
    return SSM_OK;
}

static inline enum status relay_memory_put_node(void *ctx, const struct relay_node_row *row)
{
    struct relay_memory_rows *rows = &((struct relay_memory *)ctx)->now;
    size_t at = 0;

    while (at < rows->node_count && rows->nodes[at].node != row->node)
        at++;
    SSM_ASSERT(at < RELAY_MEMORY_NODES_MAX);
    rows->nodes[at] = *row;
    rows->node_count += at == rows->node_count;
    return SSM_OK;
}

static inline enum status relay_memory_flush(void *ctx)
{
    struct relay_memory *m = ctx;

    m->durable = m->now;
    return SSM_OK;
}

static inline enum status
relay_memory_each_session(void *ctx, enum status (*row)(void *arg, const struct relay_session_row *),
                          void *arg)
{
    const struct relay_memory *m = ctx;
    enum status status = SSM_OK;

    for (size_t i = 0; i < m->now.session_count && status == SSM_OK; i++)
        status = row(arg, &m->now.sessions[i]);
    return status;
}

static inline enum status
relay_memory_each_node(void *ctx, enum status (*row)(void *arg, const struct relay_node_row *), void *arg)
{
    const struct relay_memory *m = ctx;
    enum status status = SSM_OK;

    for (size_t i = 0; i < m->now.node_count && status == SSM_OK; i++)
        status = row(arg, &m->now.nodes[i]);
    return status;
}

static inline struct relay_store relay_memory_table(struct relay_memory *m)
{
    return (struct relay_store){
        .ctx = m,
        .put_session = relay_memory_put_session,
        .replace_session = relay_memory_remove_session,
        .remove_session = relay_memory_remove_session,
        .put_node = relay_memory_put_node,
        .remove_node = relay_memory_remove_node,
        .flush = relay_memory_flush,
        .each_session = relay_memory_each_session,
        .each_node = relay_memory_each_node,
    };
}

#endif
