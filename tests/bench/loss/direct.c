#include "direct.h"

#include "bytes.h"
#include "identity.h"

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MTU = 1232, /* UDP payload of an IPv6 packet of 1280 bytes, which every link carries (RFC 8200 5) */
    UNDER_WAY_MAX = 64,
    TUNED_RETRY_MS = 250, /* as link_retry_ms by default, and as far as that doubles */
    TUNED_RETRY_LAST_MS = 4000,
    PSK_LEN = 16,
};

struct direct {
    enum direct_kind kind;
    enum direct_tuning tuning;
    uint64_t random;
    mbedtls_ssl_config client;
    mbedtls_ssl_config server;
    mbedtls_ssl_cookie_ctx cookies;
    struct identity authority;
    struct identity client_identity;
    struct identity server_identity;
};

struct run;

struct end {
    struct run *run;
    struct end *other;
    mbedtls_ssl_context ssl;
    bool is_server;
    bool is_up;
    bool is_over;
    const struct datagram *arrived; /* being fed, or NULL */
    uint64_t intermediate_ms;
    uint64_t final_ms; /* UINT64_MAX: no timer runs */
};

struct datagram {
    struct end *to;
    uint64_t due_ms;
    size_t len;
    uint8_t bytes[MTU];
};

struct run {
    struct radio *radio;
    size_t mtu;
    uint64_t now_ms;
    uint64_t free_ms; /* when the radio has sent what it was given */
    struct end client;
    struct end server;
    struct datagram under_way[UNDER_WAY_MAX]; /* in order */
    size_t under_way_count;
};

static void expect_success(int result)
{
    if (result == 0)
        return;
    fprintf(stderr, "loss_bench: Mbed TLS error -0x%04x\n", (unsigned)-result);
    exit(1);
}

/* ---- what the library calls ---- */

/* One radio channel: datagrams leave one after the other, and are lost if too many wait. */
static int on_send(void *context, const unsigned char *bytes, size_t len)
{
    struct end *e = context;
    struct run *r = e->run;
    struct datagram *d = &r->under_way[r->under_way_count];

    SSM_ASSERT(len <= MTU);
    r->free_ms = (r->free_ms > r->now_ms ? r->free_ms : r->now_ms) + radio_air_ms(r->radio->hops, len);
    if (!radio_send(r->radio, len) || r->under_way_count == UNDER_WAY_MAX)
        return (int)len;
    d->to = e->other;
    d->due_ms = r->free_ms;
    d->len = len;
    memcpy(d->bytes, bytes, len);
    r->under_way_count++;
    return (int)len;
}

static int on_receive(void *context, unsigned char *out, size_t cap)
{
    struct end *e = context;
    const struct datagram *d = e->arrived;

    e->arrived = NULL;
    if (d == NULL || d->len > cap)
        return MBEDTLS_ERR_SSL_WANT_READ;
    memcpy(out, d->bytes, d->len);
    return (int)d->len;
}

static void timer_set(void *context, uint32_t intermediate_ms, uint32_t final_ms)
{
    struct end *e = context;

    e->intermediate_ms = e->run->now_ms + intermediate_ms;
    e->final_ms = final_ms == 0 ? UINT64_MAX : e->run->now_ms + final_ms;
}

static int timer_get(void *context)
{
    const struct end *e = context;

    if (e->final_ms == UINT64_MAX)
        return -1;
    if (e->run->now_ms >= e->final_ms)
        return 2;
    return e->run->now_ms >= e->intermediate_ms ? 1 : 0;
}

/* ---- an end ---- */

/* The node knows nothing of a client yet, or again. */
static void server_listen(struct end *e)
{
    static const unsigned char ADDRESS[] = "client";

    expect_success(mbedtls_ssl_session_reset(&e->ssl));
    expect_success(mbedtls_ssl_set_client_transport_id(&e->ssl, ADDRESS, sizeof ADDRESS));
    e->is_up = false;
}

static void end_start(struct end *e, struct run *r, struct end *other, const mbedtls_ssl_config *config)
{
    *e = (struct end){.run = r, .other = other, .is_server = e == &r->server, .final_ms = UINT64_MAX};
    mbedtls_ssl_init(&e->ssl);
    expect_success(mbedtls_ssl_setup(&e->ssl, config));
    mbedtls_ssl_set_bio(&e->ssl, e, on_send, on_receive, NULL);
    mbedtls_ssl_set_timer_cb(&e->ssl, e, timer_set, timer_get);
    mbedtls_ssl_set_mtu(&e->ssl, (uint16_t)r->mtu);
}

/* Lets the library do what its timer or the datagram asks for; once the node is up, reading makes it repeat
 * its last flight for a client that asks. */
static void end_step(struct end *e)
{
    unsigned char unused[1];
    int result;

    do
        result = e->is_up ? mbedtls_ssl_read(&e->ssl, unused, sizeof unused) : mbedtls_ssl_handshake(&e->ssl);
    while (result == MBEDTLS_ERR_SSL_WANT_READ && e->arrived != NULL);
    e->arrived = NULL;
    if (result == 0)
        e->is_up = true;
    else if (result != MBEDTLS_ERR_SSL_WANT_READ && e->is_server)
        server_listen(e);
    else if (result != MBEDTLS_ERR_SSL_WANT_READ)
        e->is_over = true;
}

/* ---- a run ---- */

static uint64_t next_due(const struct run *r)
{
    uint64_t next = r->client.final_ms < r->server.final_ms ? r->client.final_ms : r->server.final_ms;

    if (r->under_way_count > 0 && r->under_way[0].due_ms < next)
        next = r->under_way[0].due_ms;
    return next;
}

static void deliver(struct run *r)
{
    struct datagram d = r->under_way[0];

    memmove(r->under_way, r->under_way + 1, --r->under_way_count * sizeof *r->under_way);
    d.to->arrived = &d;
    end_step(d.to);
}

/* One client's handshake, to its end: the library's client gives up by itself. */
static bool run_try(struct direct *d, struct run *r)
{
    r->under_way_count = 0;
    end_start(&r->server, r, &r->client, &d->server);
    server_listen(&r->server);
    end_start(&r->client, r, &r->server, &d->client);
    if (d->kind != DIRECT_PSK)
        expect_success(mbedtls_ssl_set_hostname(&r->client.ssl, "node"));
    end_step(&r->client);
    while (!r->client.is_up && !r->client.is_over) {
        r->now_ms = next_due(r);
        SSM_ASSERT(r->now_ms < UINT64_MAX);
        if (r->client.final_ms <= r->now_ms)
            end_step(&r->client);
        else if (r->server.final_ms <= r->now_ms)
            end_step(&r->server);
        else
            deliver(r);
    }
    mbedtls_ssl_free(&r->client.ssl);
    mbedtls_ssl_free(&r->server.ssl);
    return r->client.is_up;
}

struct outcome direct_run(struct direct *d, struct radio *radio)
{
    struct run *r = calloc(1, sizeof *r);
    struct outcome outcome = {0};

    SSM_ASSERT(r != NULL);
    r->radio = radio;
    r->mtu = d->tuning == DIRECT_STOCK ? MTU : radio_frame_payload(radio->hops);
    while (!outcome.is_complete && r->now_ms < PATIENCE_MS) {
        outcome.tries++;
        outcome.is_complete = run_try(d, r);
    }
    outcome.ms = r->now_ms;
    free(r);
    return outcome;
}

/* ---- both configurations ---- */

static void config_common(struct direct *d, mbedtls_ssl_config *config, int endpoint)
{
    static const int PSK_SUITES[] = {MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, 0};
    static const int X509_SUITES[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, 0};

    mbedtls_ssl_config_init(config);
    expect_success(mbedtls_ssl_config_defaults(config, endpoint, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                               MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_rng(config, identity_random, &d->random);
    if (d->tuning == DIRECT_TUNED)
        mbedtls_ssl_conf_handshake_timeout(config, TUNED_RETRY_MS, TUNED_RETRY_LAST_MS);
    mbedtls_ssl_conf_ciphersuites(config, d->kind == DIRECT_PSK ? PSK_SUITES : X509_SUITES);
#if MBEDTLS_VERSION_MAJOR < 3
    static const mbedtls_ecp_group_id P256[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE};

    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_curves(config, P256);
#else
    static const uint16_t P256[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};

    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_groups(config, P256);
#endif
}

static void config_psk(mbedtls_ssl_config *config)
{
    static const unsigned char PSK[PSK_LEN] = {1};
    static const unsigned char IDENTITY[] = {'a', 'l', 'i', 'c', 'e'};

    expect_success(mbedtls_ssl_conf_psk(config, PSK, sizeof PSK, IDENTITY, sizeof IDENTITY));
}

static void config_x509(struct direct *d)
{
    bool is_mutual = d->kind == DIRECT_X509_MUTUAL;

    mbedtls_ssl_conf_ca_chain(&d->client, &d->authority.crt, NULL);
    mbedtls_ssl_conf_ca_chain(&d->server, &d->authority.crt, NULL);
    mbedtls_ssl_conf_authmode(&d->client, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_authmode(&d->server, is_mutual ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    expect_success(mbedtls_ssl_conf_own_cert(&d->server, &d->server_identity.crt, &d->server_identity.key));
    if (is_mutual)
        expect_success(
            mbedtls_ssl_conf_own_cert(&d->client, &d->client_identity.crt, &d->client_identity.key));
}

struct direct *direct_create(enum direct_kind kind, enum direct_tuning tuning, uint64_t seed)
{
    struct direct *d = calloc(1, sizeof *d);

    SSM_ASSERT(d != NULL);
    d->kind = kind;
    d->tuning = tuning;
    d->random = seed;
    identity_make(&d->authority, NULL, NULL, &d->random);
    identity_make(&d->client_identity, "CN=client", &d->authority, &d->random);
    identity_make(&d->server_identity, "CN=node", &d->authority, &d->random);
    config_common(d, &d->client, MBEDTLS_SSL_IS_CLIENT);
    config_common(d, &d->server, MBEDTLS_SSL_IS_SERVER);
    mbedtls_ssl_cookie_init(&d->cookies);
    expect_success(mbedtls_ssl_cookie_setup(&d->cookies, identity_random, &d->random));
    mbedtls_ssl_conf_dtls_cookies(&d->server, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check,
                                  &d->cookies);
    if (kind == DIRECT_PSK) {
        config_psk(&d->client);
        config_psk(&d->server);
    } else {
        config_x509(d);
    }
    return d;
}

void direct_destroy(struct direct *d)
{
    mbedtls_ssl_config_free(&d->client);
    mbedtls_ssl_config_free(&d->server);
    mbedtls_ssl_cookie_free(&d->cookies);
    identity_free(&d->authority);
    identity_free(&d->client_identity);
    identity_free(&d->server_identity);
    free(d);
}
