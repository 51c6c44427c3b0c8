#include "nodes.h"

enum {
    SESSION_NUMBERS_RESERVED =
        256, /* at a time: so many numbers are lost in a crash, and one write serves so many */
    SESSION_NUMBER_MAX = 0xFFFF,
    SESSION_NUMBERS_LOW = 0x8000, /* beyond it, numbers start again when the node has lost all sessions */
};

/* ---- the table ---- */

static int name_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    for (size_t i = 0; i < a_len && i < b_len; i++)
        if (a[i] != b[i])
            return (unsigned char)a[i] < (unsigned char)b[i] ? -1 : 1;
    return a_len == b_len ? 0 : a_len < b_len ? -1 : 1;
}

/* Where the name stands in by_name, or would stand. */
static uint32_t name_position(const struct nodes *nodes, const char *name, size_t len)
{
    uint32_t low = 0;
    uint32_t high = nodes->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const struct assoc_name *there = &nodes->by_name[middle]->row.name;
        if (name_compare(there->text, there->len, name, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct node *nodes_find_name(const struct nodes *nodes, const char *name, size_t len)
{
    uint32_t at = name_position(nodes, name, len);

    if (at == nodes->count)
        return NULL;
    struct node *node = nodes->by_name[at];
    return name_compare(node->row.name.text, node->row.name.len, name, len) == 0 ? node : NULL;
}

struct node *nodes_find_server_name(const struct nodes *nodes, const char *name, size_t len)
{
    struct node *longest = NULL;

    for (uint32_t i = 0; i < nodes->count; i++) {
        struct node *node = nodes->by_name[i];
        const struct assoc_name *own = &node->row.name;
        if (server_name_matches(name, len, own->text, own->len) &&
            (longest == NULL || own->len > longest->row.name.len))
            longest = node;
    }
    return longest;
}

struct node *nodes_find(const struct nodes *nodes, uint32_t id)
{
    for (uint32_t i = 0; i < nodes->count; i++)
        if (nodes->by_name[i]->row.id == id)
            return nodes->by_name[i];
    return NULL;
}

static struct node *pool_take(const struct nodes *nodes)
{
    for (uint32_t i = 0; i < nodes->env->config.max_nodes; i++)
        if (nodes->pool[i].row.name.len == 0)
            return &nodes->pool[i];
    return NULL;
}

enum status nodes_add(struct nodes *nodes, const struct node_row *row)
{
    const struct assoc_name *name = &row->name;
    uint32_t at = name_position(nodes, name->text, name->len);
    struct node *node = pool_take(nodes);

    if (nodes_find(nodes, row->id) != NULL || nodes_find_name(nodes, name->text, name->len) != NULL)
        return SSM_EXISTS;
    if (node == NULL)
        return SSM_NO_ROOM;
    bytes_fill(node, 0, sizeof *node);
    node->row = *row;
    node->next_session = row->session_limit + 1u;
    bytes_move(nodes->by_name + at + 1, nodes->by_name + at, (nodes->count - at) * sizeof *nodes->by_name);
    nodes->by_name[at] = node;
    nodes->count++;
    return SSM_OK;
}

void nodes_remove(struct nodes *nodes, struct node *node)
{
    uint32_t at = name_position(nodes, node->row.name.text, node->row.name.len);

    nodes->count--;
    bytes_move(nodes->by_name + at, nodes->by_name + at + 1, (nodes->count - at) * sizeof *nodes->by_name);
    bytes_wipe(node, sizeof *node);
}

/* ---- session numbers ---- */

static enum status session_numbers_reserve(const struct nodes *nodes, struct node *node, uint32_t limit)
{
    if (limit > SESSION_NUMBER_MAX)
        limit = SESSION_NUMBER_MAX;
    enum status status =
        nodes->env->store.set_session_limit(nodes->env->store.ctx, node->row.id, (uint16_t)limit);
    if (status == SSM_OK)
        node->row.session_limit = (uint16_t)limit;
    return status;
}

enum status nodes_take_session_number(struct nodes *nodes, struct node *node, uint16_t *number)
{
    enum status status = SSM_OK;

    if (node->next_session > SESSION_NUMBER_MAX)
        return SSM_EXHAUSTED;
    if (node->next_session > node->row.session_limit)
        status = session_numbers_reserve(nodes, node, node->next_session + SESSION_NUMBERS_RESERVED - 1);
    if (status == SSM_OK)
        *number = (uint16_t)node->next_session++;
    return status;
}

void nodes_forget_sessions(struct nodes *nodes, struct node *node)
{
    bytes_fill(node->slots, 0, sizeof node->slots);
    if (node->next_session > SESSION_NUMBERS_LOW && session_numbers_reserve(nodes, node, 0) == SSM_OK)
        node->next_session = 1;
}

/* ---- slots ---- */

uint8_t nodes_choose_slot(const struct nodes *nodes, const struct node *node, const struct endpoint *peer,
                          const struct endpoint *local)
{
    uint8_t free_slot = NODE_NO_SLOT;

    for (uint8_t i = 0; i < nodes->env->config.node_slots; i++) {
        const struct node_slot *slot = &node->slots[i];
        if (slot->handle == 0) {
            if (free_slot == NODE_NO_SLOT || (node->slots[free_slot].is_stale && !slot->is_stale))
                free_slot = i;
        } else if (endpoint_equal(&slot->peer, peer) && endpoint_equal(&slot->local, local)) {
            return i;
        }
    }
    return free_slot;
}

bool nodes_slot_replaces(const struct node_slot *slot)
{
    return slot->handle != 0 || slot->is_stale;
}

void nodes_restore_slot(struct node *node, const struct session_row *row)
{
    if (row->slot >= KEYBLOCK_SLOTS)
        return;
    node->slots[row->slot] = (struct node_slot){.handle = row->handle,
                                                .is_outbound = row->is_outbound,
                                                .subscriber = row->subscriber,
                                                .peer = row->peer,
                                                .local = row->local,
                                                .is_stale = true};
    if (row->handle >= node->next_session)
        node->next_session = row->handle + 1u;
}

struct node_slot *nodes_find_slot(struct node *node, uint16_t handle)
{
    for (uint8_t i = 0; i < KEYBLOCK_SLOTS; i++)
        if (handle != 0 && node->slots[i].handle == handle)
            return &node->slots[i];
    return NULL;
}

void nodes_free_slot(struct nodes *nodes, struct node *node, uint16_t handle, bool node_knows)
{
    struct node_slot *slot = nodes_find_slot(node, handle);

    if (slot == NULL)
        return;
    /* That the node has dropped this session does not say that it holds no other there, of a hand-over given
     * up. */
    *slot = (struct node_slot){.is_stale = slot->is_stale || !node_knows};
    if (node->exchange.kind == NODE_EXCHANGE_LIVE) /* the list that is out still names it */
        node->exchange.slots &= (uint8_t)~(1u << (slot - node->slots));
    nodes->is_work_due = true;
}

uint8_t nodes_session_count(const struct node *node)
{
    uint8_t count = 0;

    for (uint8_t i = 0; i < KEYBLOCK_SLOTS; i++)
        if (node->slots[i].handle != 0)
            count++;
    return count;
}

bool nodes_has_session_of(const struct node *node, uint32_t subscriber)
{
    for (uint8_t i = 0; i < KEYBLOCK_SLOTS; i++)
        if (node->slots[i].handle != 0 && !node->slots[i].is_outbound &&
            node->slots[i].subscriber == subscriber)
            return true;
    return false;
}

/* ---- the exchange in flight ---- */

void nodes_exchange_begin(struct node *node, enum node_exchange_kind kind, uint32_t connection, uint8_t slots)
{
    SSM_ASSERT(node->exchange.kind == NODE_EXCHANGE_NONE);
    node->exchange = (struct node_exchange){
        .kind = kind, .connection = connection, .message_id = node->message_id, .slots = slots};
}

void nodes_exchange_end(struct nodes *nodes, struct node *node, bool settled)
{
    for (uint8_t i = 0; i < KEYBLOCK_SLOTS; i++)
        if ((node->exchange.slots >> i & 1) != 0)
            node->slots[i].is_stale = !settled;
    node->exchange = (struct node_exchange){.kind = NODE_EXCHANGE_NONE};
    nodes->is_work_due = true;
}
