#include "delegated.h"

#include "flow/flow_world.h"
#include "keyblock.h"

enum { FIRST_PORT = 4000, FOREVER_MS = 3600000 };

struct watch {
    struct flow_world *world;
    struct flow_client *client;
    struct radio *radio;
    uint64_t begin_ms; /* 0: nothing has been sent to the node yet */
    uint64_t released_ms;
};

static bool is_joined(void *arg)
{
    return flow_node_is_joined(arg, FLOW_THERMO);
}

/* Loses what the radio loses, and notes the first key block and the release. An idle node is sent nothing
 * else. */
static bool on_datagram(void *arg, enum flow_leg leg, const uint8_t *datagram, size_t len)
{
    struct watch *w = arg;

    switch (leg) {
    case FLOW_FROM_PEER:
        return false;
    case FLOW_TO_PEER:
        if (datagram[0] == RECORD_CHANGE_CIPHER_SPEC)
            w->released_ms = flow_now(w->world);
        return false;
    case FLOW_TO_NODE:
        if (w->begin_ms == 0)
            w->begin_ms = flow_now(w->world);
        break;
    case FLOW_FROM_NODE:
        break;
    }
    return !radio_send(w->radio, len);
}

static bool is_try_over(void *arg)
{
    const struct watch *w = arg;

    return w->released_ms != 0 || flow_is_over(w->client);
}

static bool may_try(const struct watch *w, unsigned tries)
{
    return tries == 0 || (tries < FLOW_CLIENTS_MAX && flow_now(w->world) - w->begin_ms < PATIENCE_MS);
}

struct outcome delegated_run(struct radio *radio)
{
    const struct flow_network network = {.link = {.delay_ms = radio_air_ms(radio->hops, KEYBLOCK_LEN)}};
    struct watch w = {.world = flow_create(&peer_mbedtls, &network), .radio = radio};
    struct outcome outcome = {0};

    flow_node_start(w.world, FLOW_THERMO);
    (void)flow_run(w.world, FOREVER_MS, is_joined, w.world);
    (void)flow_run(w.world, 1000, NULL, NULL); /* the live list is acknowledged */
    flow_set_filter(w.world, on_datagram, &w);
    while (w.released_ms == 0 && may_try(&w, outcome.tries)) {
        uint16_t port = (uint16_t)(FIRST_PORT + outcome.tries++); /* a new socket */
        w.client = flow_connect(w.world, "alice", FLOW_ALICE_KEY, port, FLOW_THERMO);
        (void)flow_run(w.world, FOREVER_MS, is_try_over, &w);
    }
    outcome.is_complete = w.released_ms != 0;
    outcome.ms = (outcome.is_complete ? w.released_ms : flow_now(w.world)) - w.begin_ms;
    flow_destroy(w.world);
    return outcome;
}
