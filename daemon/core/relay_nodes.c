#include "relay_nodes.h"

static uint64_t hash_of_id(const struct relay_nodes *nodes, uint32_t id)
{
    return slot_hash(nodes->hash_seed, &id, sizeof id);
}

static uint64_t hash_of_endpoint(const struct relay_nodes *nodes, const struct endpoint *endpoint)
{
    return slot_hash(nodes->hash_seed, endpoint, sizeof *endpoint);
}

static uint32_t number_of(const struct relay_nodes *nodes, const struct relay_node *node)
{
    return (uint32_t)(node - nodes->all) + 1;
}

void relay_nodes_init(struct relay_nodes *nodes, struct arena *a, uint32_t cap, uint64_t hash_seed)
{
    nodes->all = arena_take(a, cap, sizeof *nodes->all);
    slots_init(&nodes->slots, a, cap);
    slot_index_init(&nodes->by_id, a, cap);
    slot_index_init(&nodes->by_endpoint, a, cap);
    nodes->hash_seed = hash_seed;
}

struct relay_node *relay_nodes_add(struct relay_nodes *nodes, uint32_t id)
{
    uint32_t number = slots_take(&nodes->slots);

    SSM_ASSERT(id != 0);
    if (number == 0)
        return NULL;
    nodes->all[number - 1].id = id;
    slot_index_add(&nodes->by_id, hash_of_id(nodes, id), number);
    return &nodes->all[number - 1];
}

void relay_nodes_remove(struct relay_nodes *nodes, struct relay_node *node)
{
    uint32_t number = number_of(nodes, node);

    relay_node_move(nodes, node, &(struct endpoint){.port = 0});
    slot_index_remove(&nodes->by_id, hash_of_id(nodes, node->id), number);
    bytes_wipe(node, sizeof *node);
    slots_give(&nodes->slots, number);
}

struct relay_node *relay_nodes_find(const struct relay_nodes *nodes, uint32_t id)
{
    uint64_t hash = hash_of_id(nodes, id);
    uint32_t at = slot_index_first(&nodes->by_id, hash);

    for (; at != 0; at = slot_index_next(&nodes->by_id, at, hash))
        if (nodes->all[at - 1].id == id)
            return &nodes->all[at - 1];
    return NULL;
}

struct relay_node *relay_nodes_find_endpoint(const struct relay_nodes *nodes, const struct endpoint *endpoint)
{
    uint64_t hash = hash_of_endpoint(nodes, endpoint);
    uint32_t at = slot_index_first(&nodes->by_endpoint, hash);

    for (; at != 0; at = slot_index_next(&nodes->by_endpoint, at, hash))
        if (endpoint_equal(&nodes->all[at - 1].endpoint, endpoint))
            return &nodes->all[at - 1];
    return NULL;
}

struct relay_node *relay_nodes_at(const struct relay_nodes *nodes, uint32_t number)
{
    SSM_ASSERT(number > 0 && number <= nodes->slots.high);
    return nodes->all[number - 1].id != 0 ? &nodes->all[number - 1] : NULL;
}

void relay_node_move(struct relay_nodes *nodes, struct relay_node *node, const struct endpoint *endpoint)
{
    uint32_t number = number_of(nodes, node);

    if (node->endpoint.port != 0)
        slot_index_remove(&nodes->by_endpoint, hash_of_endpoint(nodes, &node->endpoint), number);
    node->endpoint = *endpoint;
    if (endpoint->port != 0)
        slot_index_add(&nodes->by_endpoint, hash_of_endpoint(nodes, endpoint), number);
}

void relay_node_set_key(struct relay_node *node, uint64_t generation, const uint8_t tag_key[LINK_TAG_KEY_LEN])
{
    uint8_t moved = node->tag_key_count < RELAY_TAG_KEYS ? node->tag_key_count : RELAY_TAG_KEYS - 2;

    if (node->tag_key_count > 0 && bytes_equal(node->tag_keys[0], tag_key, LINK_TAG_KEY_LEN))
        return;
    bytes_move(node->tag_keys[1], node->tag_keys[0], (size_t)moved * LINK_TAG_KEY_LEN);
    bytes_copy(node->tag_keys[0], tag_key, LINK_TAG_KEY_LEN);
    node->tag_key_count = node->tag_key_count < RELAY_TAG_KEYS ? node->tag_key_count + 1 : RELAY_TAG_KEYS;
    node->generation = generation;
}

enum status relay_node_check_tag(struct relay_node *node, uint16_t handle, struct record *record)
{
    enum status status = SSM_BAD_TAG;
    uint8_t used = 0;

    while (used < node->tag_key_count &&
           (status = linkframe_check_tag(node->tag_keys[used], handle, record)) == SSM_BAD_TAG)
        used++;
    if (status == SSM_OK && used + 1 < node->tag_key_count) {
        bytes_wipe(node->tag_keys[used + 1], (size_t)(node->tag_key_count - used - 1) * LINK_TAG_KEY_LEN);
        node->tag_key_count = used + 1;
    }
    return status;
}

void relay_node_repeat(struct relay_node *node, uint32_t connection, struct span datagram,
                       uint32_t interval_ms, uint64_t now_ms)
{
    struct relay_repeat *repeat = &node->repeat;

    relay_node_repeat_end(node);
    repeat->connection = connection;
    repeat->len = (uint16_t)datagram.len;
    bytes_copy(repeat->datagram, datagram.at, datagram.len);
    repeat->interval_ms = interval_ms;
    repeat->due_ms = now_ms + interval_ms;
}

void relay_node_repeat_end(struct relay_node *node)
{
    bytes_wipe(&node->repeat, sizeof node->repeat);
}
