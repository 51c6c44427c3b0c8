/*
 * Handshakes by the thousand on bad networks, on a virtual clock, in three tables: does a (key, nonce) pair
 * ever seal twice; does a peer get its session when the node's link loses; is the gateway in the way of a
 * client whose Internet loses? See --help.
 */
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "direct.h"
#include "flow_world.h"
#include "seals.h"
#include "unit/seeded.h"

enum {
    HANDSHAKES = 2000, /* of a cell */
    PER_WORLD = 10,
    PORTS = 3, /* few, so that handshakes come back on a 5-tuple */
    FIRST_PORT = 4000,
    DUPLICATE_PERCENT = 10,
    REORDER_PERCENT = 20,
    MINUTE_MS = 60000,
    PUT_MS = 10 * MINUTE_MS, /* enough to find out that the server has lost the session */
    JOIN_MS = 60 * MINUTE_MS,
    LIBRARIES = 3,
};

static const struct peer_library *const LIBRARY[LIBRARIES] = {&peer_mbedtls, &peer_openssl, &peer_gnutls};
static const unsigned NONCE_LOSSES[] = {0, 10, 30, 50};
static const unsigned SETUP_LOSSES[] = {0, 10, 20, 30, 50};

enum { NONCE_CELLS = sizeof NONCE_LOSSES / sizeof *NONCE_LOSSES };
enum { SETUP_CELLS = sizeof SETUP_LOSSES / sizeof *SETUP_LOSSES };

static const struct impairment GOOD = {0};

static struct impairment bad_network(unsigned loss_percent)
{
    return (struct impairment){.loss_percent = loss_percent,
                               .duplicate_percent = DUPLICATE_PERCENT,
                               .reorder_percent = REORDER_PERCENT};
}

static bool claim(bool holds, const char *text)
{
    if (!holds)
        printf("FAILED: %s\n", text);
    return holds;
}

/* ---- a world ---- */

static bool is_joined(void *world)
{
    return flow_node_is_joined(world, FLOW_THERMO);
}

/* With a node that has joined, and whose first list of sessions is settled. */
static struct flow_world *world_begin(const struct peer_library *library, const struct flow_network *network)
{
    struct flow_world *w = flow_create(library, network);

    flow_node_start(w, FLOW_THERMO);
    assert_true(flow_run(w, JOIN_MS, is_joined, w));
    (void)flow_run(w, MINUTE_MS, NULL, NULL);
    return w;
}

static struct flow_client *connect_to(struct flow_world *w, uint16_t port)
{
    return flow_connect(w, "alice", FLOW_ALICE_KEY, (uint16_t)(FIRST_PORT + port), FLOW_THERMO);
}

/* ---- no pair seals twice ---- */

/* One handshake of a client, left alone or disturbed at any moment; returns whether it came to its end. */
static bool disturbed_handshake(struct flow_world *w)
{
    struct flow_client *c = connect_to(w, (uint16_t)(seeded_u32() % PORTS));
    bool is_up = false;

    (void)flow_run(w, seeded_u32() % 5000, flow_is_settled, c);
    flow_restart_at_random(w);
    if (flow_run(w, MINUTE_MS, flow_is_settled, c) && c->peer->is_up) {
        is_up = true;
        (void)flow_read_temperature(c, 4000);
        flow_restart_at_random(w);
        (void)flow_read_temperature(c, 4000);
    }
    flow_forget_client(c);
    return is_up;
}

/* The same with the node as client of a server that has just lost its session. */
static bool disturbed_call(struct flow_world *w, struct flow_server *s)
{
    bool is_up;

    flow_server_forget(s);
    (void)flow_run(w, seeded_u32() % 5000, NULL, NULL);
    flow_restart_at_random(w);
    is_up = flow_put_temperature(w, PUT_MS);
    flow_restart_at_random(w);
    (void)flow_put_temperature(w, 4000);
    return is_up;
}

/* Turns a node's memory back by a minute, in which it has reported a session that nobody used: it must seal
 * that report again under the same counter. */
static bool is_rollback_found(void)
{
    const struct flow_network network = {.internet = GOOD, .link = GOOD};
    struct flow_world *w = world_begin(&peer_mbedtls, &network);

    seals_forget();
    (void)flow_run(w, MINUTE_MS, flow_is_settled, connect_to(w, 0));
    const struct node before = *flow_node_memory(w, FLOW_THERMO);
    (void)flow_run(w, MINUTE_MS, NULL, NULL);
    *flow_node_memory(w, FLOW_THERMO) = before;
    (void)flow_run(w, MINUTE_MS, NULL, NULL);
    flow_destroy(w);
    return seals_count()->repeats > 0;
}

/* How many handshakes came to their end, by the gateway's role. */
struct done {
    unsigned as_server;
    unsigned as_client;
};

static void cell_run(unsigned loss_percent, unsigned handshakes, struct done *done)
{
    const struct impairment both = bad_network(loss_percent);
    const struct flow_network network = {.internet = both, .link = both};

    for (unsigned i = 0; i < handshakes; i += PER_WORLD) {
        struct flow_world *w = world_begin(LIBRARY[i / PER_WORLD % LIBRARIES], &network);
        struct flow_server *s = flow_serve(w, false);

        for (unsigned j = 0; j < PER_WORLD; j += 2) {
            done->as_server += disturbed_handshake(w);
            done->as_client += disturbed_call(w, s);
        }
        flow_destroy(w);
    }
}

static bool nonces_are_unique(unsigned handshakes)
{
    uint64_t repeats = 0;
    struct done all = {0};

    printf("\n(key, nonce) pairs that seal, with loss on both legs, %d %% duplicates, %d %% reordered, and\n"
           "restarts of keys, relay and node in between; the gateway is server and client by turns\n",
           DUPLICATE_PERCENT, REORDER_PERCENT);
    printf("                    done          Finished\n"
           "  loss  handshakes  server client   server client  tombstone  record  control down  control up  "
           "association  repeats\n");
    for (size_t cell = 0; cell < NONCE_CELLS; cell++) {
        struct done done = {0};

        seals_forget();
        cell_run(NONCE_LOSSES[cell], handshakes, &done);
        const struct seal_counts *n = seals_count();
        printf("  %3u%%  %10u  %6u %6u   %6lu %6lu  %9lu  %6lu  %12lu  %10lu  %11lu  %7lu\n",
               NONCE_LOSSES[cell], handshakes, done.as_server, done.as_client, n->pairs[SEAL_FINISHED],
               n->pairs[SEAL_CLIENT_FINISHED], n->pairs[SEAL_TOMBSTONE], n->pairs[SEAL_RECORD],
               n->pairs[SEAL_CONTROL_DOWN], n->pairs[SEAL_CONTROL_UP], n->pairs[SEAL_ASSOCIATION],
               n->repeats);
        repeats += n->repeats;
        all.as_server += done.as_server;
        all.as_client += done.as_client;
    }
    bool were_held =
        claim(all.as_server > 0 && all.as_client > 0, "in one role no handshake came to its end");
    return claim(repeats == 0, "a (key, nonce) pair was used twice") && were_held;
}

/* ---- how long it takes ---- */

struct times {
    unsigned runs;
    unsigned in_time; /* within a minute */
    uint64_t total_ms;
    uint64_t worst_ms;
};

static void times_note(struct times *t, uint64_t ms)
{
    t->runs++;
    if (ms > MINUTE_MS)
        return;
    t->in_time++;
    t->total_ms += ms;
    if (ms > t->worst_ms)
        t->worst_ms = ms;
}

static double share_of(const struct times *t)
{
    return (double)t->in_time / t->runs;
}

static double mean_of(const struct times *t)
{
    return t->in_time == 0 ? 0 : (double)t->total_ms / t->in_time;
}

/* Milliseconds from the first ClientHello; UINT64_MAX: not within a minute. */
static uint64_t gateway_handshake(const struct peer_library *library, const struct flow_network *network)
{
    const struct flow_network calm = {.internet = GOOD, .link = network->link};
    struct flow_world *w = world_begin(library, &calm);
    const uint64_t begin_ms = flow_now(w);
    uint64_t took_ms = UINT64_MAX;

    flow_set_network(w, network);
    struct flow_client *c = connect_to(w, 0);
    if (flow_run(w, MINUTE_MS, flow_is_settled, c) && c->peer->is_up)
        took_ms = flow_now(w) - begin_ms;
    flow_destroy(w);
    return took_ms;
}

static bool node_link_is_bridged(unsigned handshakes)
{
    bool holds = true;

    printf("\nPSK session set up within 60 s when the node's link loses, one handshake of Mbed TLS\n");
    printf("  loss    runs   within 60 s  mean s  worst s\n");
    for (size_t cell = 0; cell < SETUP_CELLS; cell++) {
        const struct flow_network network = {.internet = GOOD, .link = bad_network(SETUP_LOSSES[cell])};
        struct times t = {0};

        for (unsigned i = 0; i < handshakes; i++)
            times_note(&t, gateway_handshake(&peer_mbedtls, &network));
        printf("  %3u%%  %6u  %10.2f %%  %6.2f  %7.2f\n", SETUP_LOSSES[cell], t.runs, 100 * share_of(&t),
               mean_of(&t) / 1000, (double)t.worst_ms / 1000);
        if (SETUP_LOSSES[cell] == 0)
            holds &= claim(t.in_time == t.runs, "not every set-up came to its end without loss");
        if (SETUP_LOSSES[cell] == 20)
            holds &= claim(share_of(&t) >= 0.99, "fewer than 99 % of set-ups came to their end in time");
    }
    return holds;
}

/* Three standard deviations of the difference of two shares of `runs` each. */
static double chance_of_shares(const struct times *a, const struct times *b)
{
    double mean = (share_of(a) + share_of(b)) / 2;

    return 3 * sqrt(2 * mean * (1 - mean) / a->runs);
}

/* The same network for the same client, with the gateway and without. */
struct comparison {
    struct times gateway;
    struct times direct;
};

static void times_add(struct times *sum, const struct times *t)
{
    sum->runs += t->runs;
    sum->in_time += t->in_time;
    sum->total_ms += t->total_ms;
}

static struct comparison compare(const struct peer_library *library, unsigned loss_percent,
                                 unsigned handshakes)
{
    const struct flow_network network = {.internet = bad_network(loss_percent), .link = GOOD};
    struct comparison c = {0};

    for (unsigned i = 0; i < handshakes; i++) {
        times_note(&c.gateway, gateway_handshake(library, &network));
        times_note(&c.direct, direct_handshake(library, &network.internet, MINUTE_MS));
    }
    return c;
}

static void comparison_print(unsigned loss_percent, const char *client, const struct comparison *c)
{
    printf("  %3u%%  %-8s  %6u  %9.2f %%  %8.2f %%  %9.2f  %8.2f\n", loss_percent, client, c->gateway.runs,
           100 * share_of(&c->gateway), 100 * share_of(&c->direct), mean_of(&c->gateway) / 1000,
           mean_of(&c->direct) / 1000);
}

/* The key block's way to the node and back takes time, too: so much, and a tenth for chance. */
static bool is_as_fast(const struct comparison *c)
{
    return mean_of(&c->gateway) <= 1.1 * mean_of(&c->direct) + 4 * IMPAIRED_DELAY_MS;
}

static bool internet_is_no_worse(unsigned handshakes)
{
    bool holds = true;

    printf(
        "\nPSK handshake within 60 s when the peer's leg loses: with the gateway, and the same client direct "
        "with Mbed TLS's server\n");
    printf("  loss  client      runs      gateway      direct  mean s: gw    direct\n");
    for (size_t cell = 0; cell < SETUP_CELLS; cell++) {
        struct comparison all = {0};

        for (size_t i = 0; i < LIBRARIES; i++) {
            struct comparison one = compare(LIBRARY[i], SETUP_LOSSES[cell], handshakes);
            comparison_print(SETUP_LOSSES[cell], LIBRARY[i]->name, &one);
            times_add(&all.gateway, &one.gateway);
            times_add(&all.direct, &one.direct);
        }
        comparison_print(SETUP_LOSSES[cell], "all", &all);
        holds &= claim(share_of(&all.gateway) >=
                           share_of(&all.direct) - chance_of_shares(&all.gateway, &all.direct),
                       "fewer handshakes come to their end than directly");
        holds &= claim(handshakes < HANDSHAKES || is_as_fast(&all), "handshakes take longer than directly");
    }
    return holds;
}

/* ---- the command line ---- */

static void usage(int status)
{
    printf("campaign_nonces [--handshakes N] [--seed S]\n"
           "  N: handshakes of a cell (%d), in multiples of %d\n",
           HANDSHAKES, PER_WORLD);
    exit(status);
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"handshakes", required_argument, NULL, 'n'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    unsigned handshakes = HANDSHAKES;
    int option;

    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == 'n')
            handshakes = (unsigned)strtoul(optarg, NULL, 10);
        else if (option == 's')
            setenv("SSM_TEST_SEED", optarg, 1);
        else
            usage(option == 'h' ? 0 : 2);
    }
    if (handshakes == 0 || handshakes % PER_WORLD != 0 || optind != argc)
        usage(2);
    setvbuf(stdout, NULL, _IOLBF, 0);
    seeded_start();
    bool holds = claim(is_rollback_found(), "a node whose memory was turned back was not found out");
    holds &= nonces_are_unique(handshakes);
    holds &= node_link_is_bridged(handshakes);
    holds &= internet_is_no_worse(handshakes);
    return holds ? 0 : 1;
}
