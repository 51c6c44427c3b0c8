/*
 * What tests of the whole way share: a world whose first node has joined, networks, and losses one at a time.
 * SSM_FLOW_RUNS sets how often each test on a bad network is run.
 */
#ifndef SSM_TEST_FLOW_SCENE_H
#define SSM_TEST_FLOW_SCENE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "flow_world.h"
#include "unit/seeded.h"

enum { RUNS = 20, MINUTE_MS = 60000 };

static const struct flow_network GOOD = {0};

struct node_of {
    struct flow_world *world;
    uint32_t node;
};

static inline bool is_joined(void *arg)
{
    const struct node_of *n = arg;

    return flow_node_is_joined(n->world, n->node);
}

static inline void join(struct flow_world *w, uint32_t node)
{
    struct node_of n = {.world = w, .node = node};

    flow_node_start(w, node);
    assert_true(flow_run(w, 30 * MINUTE_MS, is_joined, &n));
}

static inline struct flow_world *world_with_node(const struct flow_network *network)
{
    struct flow_world *w = flow_create(&FLOW_PEER, network);

    join(w, FLOW_THERMO);
    (void)flow_run(w, 200, NULL, NULL); /* the live list is acknowledged */
    return w;
}

/* Alice connects to the first node on a network without loss. */
static inline struct flow_client *connected(struct flow_world *w, uint16_t port)
{
    struct flow_client *c = flow_connect(w, "alice", FLOW_ALICE_KEY, port, FLOW_THERMO);

    assert_true(flow_run(w, MINUTE_MS, flow_is_settled, c));
    assert_true(c->peer->is_up);
    return c;
}

static inline struct flow_network bad_network(unsigned loss_percent)
{
    const struct impairment both = {
        .loss_percent = loss_percent, .duplicate_percent = 10, .reorder_percent = 20};

    return (struct flow_network){.internet = both, .link = both};
}

static inline int runs(void)
{
    const char *given = getenv("SSM_FLOW_RUNS");

    return given != NULL ? atoi(given) : RUNS;
}

/* ---- one loss at a time ---- */

struct loss {
    enum flow_leg leg;
    bool (*is_meant)(const uint8_t *datagram, size_t len);
    unsigned times;
    unsigned seen;
    uint8_t first[256]; /* what was meant, the first time */
    size_t first_len;
    bool is_changed; /* a later one was different */
};

static inline bool loss_filter(void *arg, enum flow_leg leg, const uint8_t *datagram, size_t len)
{
    struct loss *loss = arg;

    if (leg != loss->leg || !loss->is_meant(datagram, len))
        return false;
    if (loss->seen++ == 0) {
        memcpy(loss->first, datagram, len);
        loss->first_len = len;
    }
    loss->is_changed = loss->is_changed || len != loss->first_len || memcmp(loss->first, datagram, len) != 0;
    return loss->seen <= loss->times;
}

static inline bool is_last_flight(const uint8_t *datagram, size_t len)
{
    return len > 0 && datagram[0] == RECORD_CHANGE_CIPHER_SPEC;
}

#endif
