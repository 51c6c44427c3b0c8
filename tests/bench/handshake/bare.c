#include "bare.h"

#include "gateway.h"
#include "must.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/version.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MTU = 1200, DATAGRAM_MAX = 2048, QUEUE_MAX = 32 };

struct datagram {
    size_t len;
    uint8_t bytes[DATAGRAM_MAX];
};

/* One direction. */
struct queue {
    struct datagram list[QUEUE_MAX];
    size_t first;
    size_t end;
};

struct bare_end {
    bool is_client;
    mbedtls_ssl_config config;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    mbedtls_x509_crt ca;
    mbedtls_ssl_cookie_ctx cookies;
    struct queue to_us;
    struct queue to_stock;
    double began_s;
    double ours_s;
    const struct stock_library *others;
    uint32_t left; /* handshakes of this run */
};

struct bare {
    uint8_t count; /* of ends, each with a thread of its own */
    struct bare_end ends[];
};

/* ---- processor time ---- */

static double thread_s(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void clock_begin(struct bare_end *b)
{
    b->began_s = thread_s();
}

static void clock_end(struct bare_end *b)
{
    b->ours_s += thread_s() - b->began_s;
}

/* ---- datagrams ---- */

static void queue_put(struct queue *q, const uint8_t *bytes, size_t len)
{
    must(q->end < QUEUE_MAX && len <= DATAGRAM_MAX, "too many datagrams in a handshake");
    memcpy(q->list[q->end].bytes, bytes, len);
    q->list[q->end++].len = len;
}

static const struct datagram *queue_take(struct queue *q)
{
    if (q->first == q->end) {
        q->first = q->end = 0;
        return NULL;
    }
    return &q->list[q->first++];
}

static void on_stock_send(void *ctx, const uint8_t *datagram, size_t len)
{
    queue_put(&((struct bare_end *)ctx)->to_us, datagram, len);
}

static int on_send(void *ctx, const unsigned char *datagram, size_t len)
{
    queue_put(&((struct bare_end *)ctx)->to_stock, datagram, len);
    return (int)len;
}

static int on_receive(void *ctx, unsigned char *out, size_t cap)
{
    const struct datagram *d = queue_take(&((struct bare_end *)ctx)->to_us);

    if (d == NULL || d->len > cap)
        return MBEDTLS_ERR_SSL_WANT_READ;
    memcpy(out, d->bytes, d->len);
    return (int)d->len;
}

/* Nothing is lost. */
static void on_timer_set(void *ctx, uint32_t intermediate_ms, uint32_t final_ms)
{
    (void)ctx, (void)intermediate_ms, (void)final_ms;
}

static int on_timer_get(void *ctx)
{
    (void)ctx;
    return 0;
}

/* ---- configuration ---- */

static void set_versions(mbedtls_ssl_config *config)
{
#if MBEDTLS_VERSION_MAJOR < 3
    static const mbedtls_ecp_group_id CURVES[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE};

    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_curves(config, CURVES);
#else
    static const uint16_t GROUPS[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};

    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_groups(config, GROUPS);
#endif
}

static int parse_key(struct bare_end *b, const char *pem)
{
    const unsigned char *text = (const unsigned char *)pem;

#if MBEDTLS_VERSION_MAJOR < 3
    return mbedtls_pk_parse_key(&b->key, text, strlen(pem) + 1, NULL, 0);
#else
    return mbedtls_pk_parse_key(&b->key, text, strlen(pem) + 1, NULL, 0, mbedtls_ctr_drbg_random, &b->random);
#endif
}

static void set_psk(struct bare_end *b)
{
    static const int SUITES[] = {MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, 0};

    mbedtls_ssl_conf_ciphersuites(&b->config, SUITES);
    must(mbedtls_ssl_conf_psk(&b->config, gateway_psk, GATEWAY_PSK_LEN,
                              (const unsigned char *)GATEWAY_SUBSCRIBER_PSK,
                              sizeof GATEWAY_SUBSCRIBER_PSK - 1) == 0,
         "Mbed TLS refuses the PSK");
}

static void set_cookies(struct bare_end *b)
{
    must(mbedtls_ssl_cookie_setup(&b->cookies, mbedtls_ctr_drbg_random, &b->random) == 0,
         "no key for cookies");
    mbedtls_ssl_conf_dtls_cookies(&b->config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check,
                                  &b->cookies);
}

static void set_certificates(struct bare_end *b, bool is_asking, const struct pki *pki)
{
    static const int SUITES[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, 0};
    const struct pki_identity *own = b->is_client ? &pki->client : &pki->server;
    const char *ca = pki->ca.certificate;

    must(mbedtls_x509_crt_parse(&b->certificate, (const unsigned char *)own->certificate,
                                strlen(own->certificate) + 1) == 0 &&
             mbedtls_x509_crt_parse(&b->ca, (const unsigned char *)ca, strlen(ca) + 1) == 0 &&
             parse_key(b, own->key) == 0 &&
             mbedtls_ssl_conf_own_cert(&b->config, &b->certificate, &b->key) == 0,
         "Mbed TLS refuses the certificates");
    mbedtls_ssl_conf_ciphersuites(&b->config, SUITES);
    mbedtls_ssl_conf_ca_chain(&b->config, &b->ca, NULL);
    mbedtls_ssl_conf_authmode(&b->config, is_asking ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
}

static void end_open(struct bare_end *b, enum bare_kind kind, const struct pki *pki)
{
    b->is_client = kind == BARE_CLIENT_PSK || kind == BARE_CLIENT_MUTUAL;
    mbedtls_ssl_config_init(&b->config);
    mbedtls_entropy_init(&b->entropy);
    mbedtls_ctr_drbg_init(&b->random);
    mbedtls_x509_crt_init(&b->certificate);
    mbedtls_pk_init(&b->key);
    mbedtls_x509_crt_init(&b->ca);
    mbedtls_ssl_cookie_init(&b->cookies);
    must(mbedtls_ctr_drbg_seed(&b->random, mbedtls_entropy_func, &b->entropy, NULL, 0) == 0 &&
             mbedtls_ssl_config_defaults(&b->config,
                                         b->is_client ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER,
                                         MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT) == 0,
         "Mbed TLS cannot start");
    set_versions(&b->config);
    mbedtls_ssl_conf_rng(&b->config, mbedtls_ctr_drbg_random, &b->random);
    mbedtls_ssl_conf_dtls_cookies(&b->config, NULL, NULL, NULL);
    if (kind == BARE_PSK_COOKIES)
        set_cookies(b);
    if (kind == BARE_PSK || kind == BARE_PSK_COOKIES || kind == BARE_CLIENT_PSK)
        set_psk(b);
    else
        set_certificates(b, kind != BARE_SERVER_ONLY, pki);
}

static void end_close(struct bare_end *b)
{
    mbedtls_ssl_config_free(&b->config);
    mbedtls_x509_crt_free(&b->certificate);
    mbedtls_pk_free(&b->key);
    mbedtls_x509_crt_free(&b->ca);
    mbedtls_ssl_cookie_free(&b->cookies);
    mbedtls_ctr_drbg_free(&b->random);
    mbedtls_entropy_free(&b->entropy);
}

struct bare *bare_create(enum bare_kind kind, const struct pki *pki, uint8_t ends)
{
    struct bare *bare = calloc(1, sizeof *bare + ends * sizeof *bare->ends);

    must(bare != NULL, "no memory");
    bare->count = ends;
    for (uint8_t i = 0; i < ends; i++)
        end_open(&bare->ends[i], kind, pki);
    return bare;
}

void bare_destroy(struct bare *bare)
{
    for (uint8_t i = 0; i < bare->count; i++)
        end_close(&bare->ends[i]);
    free(bare);
}

/* ---- handshakes ---- */

static void set_client(mbedtls_ssl_context *ssl)
{
    static const unsigned char ADDRESS[] = {10, 0, 0, 20};

    must(mbedtls_ssl_set_client_transport_id(ssl, ADDRESS, sizeof ADDRESS) == 0, "no memory for an address");
}

static void end_setup(struct bare_end *b, mbedtls_ssl_context *ssl)
{
    mbedtls_ssl_init(ssl);
    must(mbedtls_ssl_setup(ssl, &b->config) == 0, "no memory for a context");
    mbedtls_ssl_set_bio(ssl, b, on_send, on_receive, NULL);
    mbedtls_ssl_set_timer_cb(ssl, b, on_timer_set, on_timer_get);
    mbedtls_ssl_set_mtu(ssl, MTU);
    if (b->is_client)
        must(mbedtls_ssl_set_hostname(ssl, PKI_SERVER_NAME) == 0, "no memory for a name");
    else
        set_client(ssl);
}

/* True: the handshake is done. */
static bool end_run(struct bare_end *b, mbedtls_ssl_context *ssl)
{
    clock_begin(b);
    int result = mbedtls_ssl_handshake(ssl);
    const bool is_cookie_asked = result == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED;
    if (is_cookie_asked) {
        must(mbedtls_ssl_session_reset(ssl) == 0, "a context cannot begin again");
        set_client(ssl);
    }
    clock_end(b);
    must(is_cookie_asked || result == 0 || result == MBEDTLS_ERR_SSL_WANT_READ,
         "a handshake with bare Mbed TLS failed");
    return result == 0;
}

static void stock_take_all(struct bare_end *b, struct stock *other)
{
    const struct datagram *d;

    while ((d = queue_take(&b->to_stock)) != NULL)
        must(stock_run(other, d->bytes, d->len) != STOCK_OVER, "the other end of bare Mbed TLS failed");
}

static void handshake(struct bare_end *b)
{
    mbedtls_ssl_context ssl;
    struct stock *other = stock_create(b->others, on_stock_send, b);

    clock_begin(b);
    end_setup(b, &ssl);
    clock_end(b);
    if (!b->is_client)
        (void)stock_run(other, NULL, 0);
    while (!end_run(b, &ssl))
        stock_take_all(b, other);
    stock_take_all(b, other); /* the last flight, if it is ours */
    must(stock_run(other, NULL, 0) == STOCK_UP, "the other end of bare Mbed TLS is not up");
    clock_begin(b);
    mbedtls_ssl_free(&ssl);
    clock_end(b);
    stock_destroy(other);
}

static void *thread_main(void *arg)
{
    struct bare_end *b = arg;

    for (; b->left > 0; b->left--)
        handshake(b);
    return NULL;
}

double bare_handshake(struct bare *bare, const struct stock_library *others, uint32_t count)
{
    pthread_t threads[UINT8_MAX];
    double ours_s = 0;

    for (uint8_t i = 0; i < bare->count; i++) {
        struct bare_end *b = &bare->ends[i];

        b->others = others;
        b->left = count / bare->count + (i < count % bare->count);
        b->ours_s = 0;
        must(pthread_create(&threads[i], NULL, thread_main, b) == 0, "no thread for bare Mbed TLS");
    }
    for (uint8_t i = 0; i < bare->count; i++) {
        pthread_join(threads[i], NULL);
        ours_s += bare->ends[i].ours_s;
    }
    return ours_s;
}
