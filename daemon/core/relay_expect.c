#include "relay_expect.h"

#include "relay_state.h"

static size_t least(size_t count)
{
    return count < RELAY_EXPECT_MAX ? count : RELAY_EXPECT_MAX;
}

void relay_expect_from_peers(const struct relay *r, const struct arrival *batch, size_t count)
{
    const struct session_table *t = &r->sessions;
    uint64_t hashes[RELAY_EXPECT_MAX];

    count = least(count);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = session_hash_of_peer(t, &batch[i].local, &batch[i].peer);
        slot_index_prefetch(&t->by_peer, hashes[i]);
    }
    for (size_t i = 0; i < count; i++)
        session_prefetch(t, slot_index_first(&t->by_peer, hashes[i]));
}

/* Nodes are few: they need not be waited for. */
void relay_expect_from_nodes(const struct relay *r, const struct arrival *batch, size_t count)
{
    const struct session_table *t = &r->sessions;
    uint64_t hashes[RELAY_EXPECT_MAX];

    count = least(count);
    for (size_t i = 0; i < count; i++) {
        const struct relay_node *node = relay_nodes_find_endpoint(&r->nodes, &batch[i].peer);
        uint16_t handle = linkframe_handle_of(batch[i].bytes, batch[i].len);

        hashes[i] = session_hash_of_handle(t, node != NULL ? node->id : 0, handle);
        slot_index_prefetch(&t->by_handle, hashes[i]);
    }
    for (size_t i = 0; i < count; i++)
        session_prefetch(t, slot_index_first(&t->by_handle, hashes[i]));
}
