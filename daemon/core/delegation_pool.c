#include "delegation_pool.h"

#include "slots.h"

enum { PREFIX_LEN_IPV4 = 15, PREFIX_LEN_IPV6 = 7 }; /* bytes of an address: a mapped /24 and a /56 */

static struct delegation *end_of(const struct delegations *all)
{
    return all->pool + all->end;
}

struct delegation *delegations_take(struct delegations *all)
{
    struct delegation *d = all->pool;

    if (all->count == all->env->config.max_handshakes)
        return NULL;
    while (d->state != DELEGATION_FREE)
        d++;
    all->count++;
    if (d == end_of(all))
        all->end++;
    d->all = all;
    d->state = DELEGATION_ARRIVING;
    d->work.owner = d;
    d->work.env = all->env;
    d->work.buffers = &all->buffers[d - all->pool];
    d->work.wake_ms = UINT64_MAX;
    return d;
}

struct delegation *delegations_find(const struct delegations *all, uint32_t connection)
{
    for (struct delegation *d = all->pool; d < end_of(all); d++)
        if (d->state >= DELEGATION_HANDSHAKE && d->connection == connection)
            return d;
    return NULL;
}

struct delegation *delegations_find_by_endpoints(const struct delegations *all, const struct endpoint *peer,
                                                 const struct endpoint *local)
{
    for (struct delegation *d = all->pool; d < end_of(all); d++)
        if (d->state >= DELEGATION_HANDSHAKE && d->state < DELEGATION_COMMITTING &&
            endpoint_equal(&d->peer, peer) && endpoint_equal(&d->local, local))
            return d;
    return NULL;
}

struct delegation *delegations_find_in_state(const struct delegations *all, enum delegation_state state)
{
    for (struct delegation *d = all->pool; d < end_of(all); d++)
        if (d->state == state)
            return d;
    return NULL;
}

uint32_t delegations_take_connection(struct delegations *all)
{
    do
        all->last_connection++;
    while (all->last_connection == 0 || delegations_find(all, all->last_connection) != NULL);
    return all->last_connection;
}

uint16_t delegations_bucket_of(const struct delegations *all, const struct endpoint *peer)
{
    size_t len = endpoint_is_ipv4(peer) ? PREFIX_LEN_IPV4 : PREFIX_LEN_IPV6;

    return (uint16_t)(slot_hash(all->hash_seed, peer->addr, len) % DELEGATION_BUCKETS);
}

/* Is `a` before `b`? Numbers wrap around. */
static bool is_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

struct delegation *delegations_choose_turn(const struct delegations *all, uint8_t lane)
{
    struct delegation *best = NULL;

    for (struct delegation *d = all->pool; d < end_of(all); d++) {
        if (!d->is_due || d->is_busy || d->lane != lane)
            continue;
        uint32_t served = all->served[d->bucket];
        if (best == NULL || is_before(served, all->served[best->bucket]) ||
            (served == all->served[best->bucket] && is_before(d->order, best->order)))
            best = d;
    }
    return best;
}

struct delegation *delegations_choose_victim(const struct delegations *all, const struct delegation *newcomer)
{
    uint16_t count[DELEGATION_BUCKETS] = {0};
    struct delegation *victim = NULL;

    for (const struct delegation *d = all->pool; d < end_of(all); d++)
        if (d->state == DELEGATION_HANDSHAKE)
            count[d->bucket]++;
    for (struct delegation *d = all->pool; d < end_of(all); d++) {
        if (d->state != DELEGATION_HANDSHAKE || d->is_busy || d == newcomer)
            continue;
        if (victim == NULL || count[d->bucket] > count[victim->bucket] ||
            (count[d->bucket] == count[victim->bucket] && is_before(d->order, victim->order)))
            victim = d;
    }
    return victim;
}

uint8_t delegations_take_lane(struct delegations *all)
{
    all->last_lane++;
    if (all->last_lane >= all->env->io.executor.lanes)
        all->last_lane = 0;
    return all->last_lane;
}

void delegation_abandon(struct delegation *d)
{
    d->is_busy = false;
    delegation_free(d);
}

enum alert delegation_refusal(const struct delegation *d)
{
    return d->is_certified ? ALERT_ACCESS_DENIED : ALERT_HANDSHAKE_FAILURE;
}

bool delegation_ends_with_peer(const struct delegation *d)
{
    return d->is_outbound || d->work.is_resumed;
}

const struct record_key *delegation_own_key(const struct delegation *d)
{
    return d->is_outbound ? &d->work.keys.client : &d->work.keys.server;
}

void delegation_forget_session(struct delegation *d)
{
    if (d->work.session != NULL && d->work.session->len > 0)
        bytes_wipe(d->work.session, sizeof *d->work.session);
}

void delegation_free(struct delegation *d)
{
    struct delegations *all = d->all;
    struct node *node = nodes_find(all->nodes, d->node);

    SSM_ASSERT(!d->is_busy);
    if (node != NULL && node->exchange.kind != NODE_EXCHANGE_NONE &&
        node->exchange.connection == d->connection)
        nodes_exchange_end(all->nodes, node, false);
    all->nodes->is_work_due = true; /* the next in the queue */
    if (d->state > DELEGATION_ARRIVING)
        all->env->counters[DELEGATOR_HANDSHAKES]--;
    if (d->work.library != NULL)
        all->env->engine.destroy(d->work.library);
    delegation_forget_session(d);
    bytes_wipe(d, sizeof *d); /* which makes it free */
    all->count--;
    while (all->end > 0 && all->pool[all->end - 1].state == DELEGATION_FREE)
        all->end--;
}
