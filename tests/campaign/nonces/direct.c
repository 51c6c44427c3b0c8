#include "direct.h"

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/seeded.h"

enum { TO_CLIENT, TO_SERVER, MTU = 1200, PSK_LEN = 16, POLL_MS = 100 };

struct server {
    struct run *run;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_ssl_cookie_ctx cookies;
    bool is_up;
    const struct under_way *arrived; /* being fed, or NULL */
    uint64_t intermediate_ms;
    uint64_t final_ms; /* UINT64_MAX: no timer runs */
};

struct run {
    const struct impairment *network;
    struct impaired *impaired;
    uint64_t now_ms;
    struct peer *client;
    struct server server;
};

static void expect_success(int result)
{
    if (result == 0)
        return;
    fprintf(stderr, "direct: Mbed TLS error -0x%04x\n", (unsigned)-result);
    exit(1);
}

static void run_send(struct run *r, int leg, const uint8_t *datagram, size_t len)
{
    const struct under_way header = {.leg = leg};

    impaired_send(r->impaired, r->network, r->now_ms, &header, datagram, len);
}

/* ---- the server ---- */

static int on_random(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    seeded_fill(out, len);
    return 0;
}

static int on_send(void *context, const unsigned char *bytes, size_t len)
{
    struct server *s = context;

    run_send(s->run, TO_CLIENT, bytes, len);
    return (int)len;
}

static int on_receive(void *context, unsigned char *out, size_t cap)
{
    struct server *s = context;
    const struct under_way *u = s->arrived;

    s->arrived = NULL;
    if (u == NULL || u->len > cap)
        return MBEDTLS_ERR_SSL_WANT_READ;
    memcpy(out, u->bytes + IMPAIRED_HEADROOM, u->len);
    return (int)u->len;
}

static void timer_set(void *context, uint32_t intermediate_ms, uint32_t final_ms)
{
    struct server *s = context;

    s->intermediate_ms = s->run->now_ms + intermediate_ms;
    s->final_ms = final_ms == 0 ? UINT64_MAX : s->run->now_ms + final_ms;
}

static int timer_get(void *context)
{
    const struct server *s = context;

    if (s->final_ms == UINT64_MAX)
        return -1;
    if (s->run->now_ms >= s->final_ms)
        return 2;
    return s->run->now_ms >= s->intermediate_ms ? 1 : 0;
}

static void server_listen(struct server *s)
{
    static const unsigned char ADDRESS[] = "client";

    expect_success(mbedtls_ssl_session_reset(&s->ssl));
    expect_success(mbedtls_ssl_set_client_transport_id(&s->ssl, ADDRESS, sizeof ADDRESS));
    s->is_up = false;
}

static void server_start(struct server *s, struct run *r, const struct peer_config *client)
{
    static const int SUITES[] = {MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, 0};

    s->run = r;
    s->final_ms = UINT64_MAX;
    mbedtls_ssl_init(&s->ssl);
    mbedtls_ssl_config_init(&s->config);
    mbedtls_ssl_cookie_init(&s->cookies);
    expect_success(mbedtls_ssl_config_defaults(&s->config, MBEDTLS_SSL_IS_SERVER,
                                               MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_rng(&s->config, on_random, NULL);
    mbedtls_ssl_conf_ciphersuites(&s->config, SUITES);
#if MBEDTLS_VERSION_MAJOR >= 3
    mbedtls_ssl_conf_max_tls_version(&s->config, MBEDTLS_SSL_VERSION_TLS1_2);
#endif
    expect_success(mbedtls_ssl_conf_psk(&s->config, client->psk, client->psk_len,
                                        (const unsigned char *)client->identity, strlen(client->identity)));
    expect_success(mbedtls_ssl_cookie_setup(&s->cookies, on_random, NULL));
    mbedtls_ssl_conf_dtls_cookies(&s->config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check,
                                  &s->cookies);
    expect_success(mbedtls_ssl_setup(&s->ssl, &s->config));
    mbedtls_ssl_set_bio(&s->ssl, s, on_send, on_receive, NULL);
    mbedtls_ssl_set_timer_cb(&s->ssl, s, timer_set, timer_get);
    mbedtls_ssl_set_mtu(&s->ssl, MTU);
    server_listen(s);
}

static void server_end(struct server *s)
{
    mbedtls_ssl_free(&s->ssl);
    mbedtls_ssl_config_free(&s->config);
    mbedtls_ssl_cookie_free(&s->cookies);
}

/* Once the server is up, reading makes it repeat its last flight for a client that asks. */
static void server_step(struct server *s)
{
    unsigned char unused[1];
    int result;

    do
        result = s->is_up ? mbedtls_ssl_read(&s->ssl, unused, sizeof unused) : mbedtls_ssl_handshake(&s->ssl);
    while (result == MBEDTLS_ERR_SSL_WANT_READ && s->arrived != NULL);
    s->arrived = NULL;
    if (result == 0)
        s->is_up = true;
    else if (result != MBEDTLS_ERR_SSL_WANT_READ)
        server_listen(s);
}

/* ---- a run ---- */

static void on_client_output(void *ctx, const uint8_t *datagram, size_t len)
{
    run_send(ctx, TO_SERVER, datagram, len);
}

static void deliver(struct run *r, struct under_way *u)
{
    if (u->leg == TO_CLIENT) {
        peer_deliver(r->client, u->bytes + IMPAIRED_HEADROOM, u->len);
    } else {
        r->server.arrived = u;
        server_step(&r->server);
    }
    free(u);
}

/* Lets what is due happen, and the clock go on to what is due next. */
static void step(struct run *r)
{
    uint64_t next = r->now_ms + POLL_MS;
    struct under_way *u;

    if (timer_get(&r->server) == 2)
        server_step(&r->server);
    if (impaired_next_ms(r->impaired) < next)
        next = impaired_next_ms(r->impaired);
    r->now_ms = next;
    while ((u = impaired_take(r->impaired, r->now_ms)) != NULL)
        deliver(r, u);
}

uint64_t direct_handshake(const struct peer_library *library, const struct impairment *network,
                          uint64_t limit_ms)
{
    static const uint8_t PSK[PSK_LEN] = {1};
    struct run r = {.network = network, .impaired = impaired_create(), .now_ms = 1000};
    const struct peer_config config = {
        .identity = "alice", .psk = PSK, .psk_len = sizeof PSK, .ctx = &r, .output = on_client_output};
    const uint64_t begin_ms = r.now_ms;

    server_start(&r.server, &r, &config);
    r.client = library->create(&config);
    for (;;) {
        library->run(r.client, r.now_ms);
        if (r.client->is_up || r.client->is_over || r.now_ms - begin_ms > limit_ms)
            break;
        step(&r);
    }
    uint64_t took_ms = r.client->is_up ? r.now_ms - begin_ms : UINT64_MAX;
    library->destroy(r.client);
    server_end(&r.server);
    impaired_destroy(r.impaired);
    return took_ms;
}
