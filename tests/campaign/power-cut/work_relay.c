/* relay.db: turns with one or more rows put, removed, replaced, nodes known and gone, each made durable by a
 * flush. */
#include "store_relay.h"
#include "work.h"

#include <stdio.h>
#include <string.h>

enum { NODES = 3, HANDLES = 12, CHANGES_MAX = 4, REOPEN = 40 };

static struct store_relay *open_in(const char *directory)
{
    struct store_relay *s = NULL;
    char path[256];

    snprintf(path, sizeof path, "%s/relay.db", directory);
    return store_relay_open(path, &s) == SSM_OK ? s : NULL;
}

static enum status on_session(void *arg, const struct relay_session_row *row)
{
    state_add(arg, "session %u/%u slot %u subscriber %u opened %llu ", (unsigned)row->node, row->handle,
              row->slot, (unsigned)row->subscriber, (unsigned long long)row->opened_s);
    state_add_bytes(arg, &row->peer, sizeof row->peer);
    state_add_bytes(arg, &row->local, sizeof row->local);
    state_add_bytes(arg, row->tombstone, sizeof row->tombstone);
    state_add(arg, "\n");
    return SSM_OK;
}

static enum status on_node(void *arg, const struct relay_node_row *row)
{
    state_add(arg, "node %u generation %llu ", (unsigned)row->node, (unsigned long long)row->generation);
    state_add_bytes(arg, &row->endpoint, sizeof row->endpoint);
    state_add_bytes(arg, row->tag_key, sizeof row->tag_key);
    state_add_bytes(arg, row->tag_keys_before, row->tag_keys_before_count * sizeof row->tag_keys_before[0]);
    state_add(arg, "\n");
    return SSM_OK;
}

static bool describe(struct store_relay *s, struct state *out)
{
    struct relay_store t = store_relay_table(s);

    return t.each_session(t.ctx, on_session, out) == SSM_OK && t.each_node(t.ctx, on_node, out) == SSM_OK;
}

static void endpoint_draw(struct endpoint *e)
{
    memset(e, 0, sizeof *e);
    draw_bytes(e->addr, sizeof e->addr);
    e->port = (uint16_t)(1 + draw_below(60000));
}

static enum status put_session(const struct relay_store *t, uint32_t node, uint16_t handle)
{
    struct relay_session_row row = {.node = node,
                                    .handle = handle,
                                    .slot = (uint8_t)draw_below(8),
                                    .subscriber = draw_below(100),
                                    .opened_s = draw_below(1000000)};

    endpoint_draw(&row.peer);
    endpoint_draw(&row.local);
    draw_bytes(row.tombstone, sizeof row.tombstone);
    return t->put_session(t->ctx, &row);
}

static enum status put_node(const struct relay_store *t, uint32_t node)
{
    struct relay_node_row row = {.node = node, .generation = draw_below(1000000)};

    endpoint_draw(&row.endpoint);
    draw_bytes(row.tag_key, sizeof row.tag_key);
    row.tag_keys_before_count = (uint8_t)draw_below(RELAY_TAG_KEYS_BEFORE + 1);
    draw_bytes(row.tag_keys_before, sizeof row.tag_keys_before);
    return t->put_node(t->ctx, &row);
}

static enum status change(const struct relay_store *t)
{
    uint32_t node = 1 + draw_below(NODES);
    uint16_t handle = (uint16_t)(1 + draw_below(HANDLES));

    switch (draw_below(8)) {
    case 0:
        return put_node(t, node);
    case 1:
        return draw_below(8) == 0 ? t->remove_node(t->ctx, node) : put_node(t, node);
    case 2:
    case 3:
        return t->remove_session(t->ctx, node, handle);
    case 4:
        return t->replace_session(t->ctx, node, handle);
    default:
        return put_session(t, node, handle);
    }
}

static void run(const char *directory, unsigned steps)
{
    struct store_relay *s = open_in(directory);

    must(s != NULL, "relay.db opens");
    for (unsigned i = 0; i < steps; i++) {
        struct relay_store t = store_relay_table(s);
        struct state now = {0};

        for (uint32_t n = 1 + draw_below(CHANGES_MAX); n > 0; n--)
            must(change(&t) == SSM_OK, "relay.db takes a change");
        must(t.flush(t.ctx) == SSM_OK && describe(s, &now), "relay.db is flushed");
        acknowledge(&now);
        if (draw_below(REOPEN) == 0) {
            store_relay_close(s);
            s = open_in(directory);
            must(s != NULL, "relay.db opens again");
        }
    }
    store_relay_close(s);
}

static bool find(const char *directory, struct state *out)
{
    struct store_relay *s = open_in(directory);
    bool is_found = s != NULL && describe(s, out);

    store_relay_close(s);
    return is_found;
}

const struct work work_relay = {"relay.db", run, find};
