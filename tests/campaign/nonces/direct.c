#include "direct.h"

#include <stdlib.h>

enum { TO_CLIENT, TO_SERVER, PSK_LEN = 16, POLL_MS = 100 };

/* An end and where its datagrams go. */
struct end {
    struct run *run;
    const struct peer_library *library;
    struct peer_config config;
    struct peer *peer;
    int leg;
};

struct run {
    const struct impairment *network;
    struct impaired *impaired;
    uint64_t now_ms;
    struct end client;
    struct end server;
};

static void on_output(void *ctx, const uint8_t *datagram, size_t len)
{
    const struct end *e = ctx;
    const struct under_way header = {.leg = e->leg};

    impaired_send(e->run->impaired, e->run->network, e->run->now_ms, &header, datagram, len);
}

static void end_open(struct end *e, struct run *r, const struct peer_library *library, bool is_server)
{
    static const uint8_t PSK[PSK_LEN] = {1};

    *e = (struct end){.run = r, .library = library, .leg = is_server ? TO_CLIENT : TO_SERVER};
    e->config = (struct peer_config){.is_server = is_server,
                                     .identity = "alice",
                                     .psk = PSK,
                                     .psk_len = sizeof PSK,
                                     .ctx = e,
                                     .output = on_output};
    e->peer = library->create(&e->config);
    e->peer->now_ms = r->now_ms;
}

static void end_run(struct end *e)
{
    e->library->run(e->peer, e->run->now_ms);
}

static void end_close(struct end *e)
{
    e->library->destroy(e->peer);
}

static void deliver(struct run *r, struct under_way *u)
{
    peer_deliver(u->leg == TO_CLIENT ? r->client.peer : r->server.peer, u->bytes + IMPAIRED_HEADROOM, u->len);
    free(u);
}

/* A server that has given up waits for the next ClientHello. */
static void server_run(struct run *r)
{
    end_run(&r->server);
    if (r->server.peer->is_over) {
        end_close(&r->server);
        end_open(&r->server, r, r->server.library, true);
    }
}

/* Lets what is due happen, and the clock go on to what is due next. */
static void step(struct run *r)
{
    uint64_t next = r->now_ms + POLL_MS;
    struct under_way *u;

    if (impaired_next_ms(r->impaired) < next)
        next = impaired_next_ms(r->impaired);
    r->now_ms = next;
    while ((u = impaired_take(r->impaired, r->now_ms)) != NULL)
        deliver(r, u);
    server_run(r);
    end_run(&r->client);
}

uint64_t direct_handshake(const struct peer_library *library, const struct impairment *network,
                          uint64_t limit_ms)
{
    struct run r = {.network = network, .impaired = impaired_create(), .now_ms = 1000};
    const uint64_t begin_ms = r.now_ms;
    const struct peer *client;
    uint64_t took_ms;

    end_open(&r.server, &r, &peer_mbedtls, true);
    end_open(&r.client, &r, library, false);
    client = r.client.peer;
    end_run(&r.client);
    while (!client->is_up && !client->is_over && r.now_ms - begin_ms <= limit_ms)
        step(&r);
    took_ms = client->is_up ? r.now_ms - begin_ms : UINT64_MAX;
    end_close(&r.client);
    end_close(&r.server);
    impaired_destroy(r.impaired);
    return took_ms;
}
