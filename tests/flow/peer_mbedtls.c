/* The peer over Mbed TLS. */
#include "peer.h"

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/version.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { MTU = 1200 };

struct peer_of_mbedtls {
    struct peer base;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt ca;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    mbedtls_ssl_cookie_ctx cookies;
    int suites[4];
    uint64_t intermediate_ms;
    uint64_t final_ms;
};

static int mbedtls_random_fill(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    return getrandom(out, len, 0) == (ssize_t)len ? 0 : -1;
}

static int mbedtls_on_send(void *context, const unsigned char *data, size_t len)
{
    struct peer *p = context;

    p->config.output(p->config.ctx, data, len);
    return (int)len;
}

/* Notes a fatal alert in plaintext, which the library would report without its description. */
static void note_alert(struct peer *p, const struct peer_datagram *d)
{
    if (d->len == 15 && d->bytes[0] == MBEDTLS_SSL_MSG_ALERT && d->bytes[4] == 0 && d->bytes[13] == 2)
        p->alert = d->bytes[14];
}

static int mbedtls_on_receive(void *context, unsigned char *out, size_t cap)
{
    struct peer *p = context;
    const struct peer_datagram *d = peer_take(p);

    if (d == NULL || d->len > cap)
        return MBEDTLS_ERR_SSL_WANT_READ;
    note_alert(p, d);
    memcpy(out, d->bytes, d->len);
    return (int)d->len;
}

static void timer_set(void *context, uint32_t intermediate_ms, uint32_t final_ms)
{
    struct peer_of_mbedtls *m = context;

    m->intermediate_ms = m->base.now_ms + intermediate_ms;
    m->final_ms = final_ms == 0 ? UINT64_MAX : m->base.now_ms + final_ms;
}

static int timer_get(void *context)
{
    const struct peer_of_mbedtls *m = context;

    if (m->final_ms == UINT64_MAX)
        return -1;
    if (m->base.now_ms >= m->final_ms)
        return 2;
    return m->base.now_ms >= m->intermediate_ms ? 1 : 0;
}

static void mbedtls_destroy(struct peer *p)
{
    struct peer_of_mbedtls *m = (struct peer_of_mbedtls *)p;

    mbedtls_ssl_free(&m->ssl);
    mbedtls_ssl_config_free(&m->config);
    mbedtls_ssl_cookie_free(&m->cookies);
    mbedtls_pk_free(&m->key);
    mbedtls_x509_crt_free(&m->certificate);
    mbedtls_x509_crt_free(&m->ca);
    explicit_bzero(m, sizeof *m);
    free(m);
}

static int parse_key(mbedtls_pk_context *key, const char *pem)
{
    const unsigned char *text = (const unsigned char *)pem;

#if MBEDTLS_VERSION_MAJOR < 3
    return mbedtls_pk_parse_key(key, text, strlen(pem) + 1, NULL, 0);
#else
    return mbedtls_pk_parse_key(key, text, strlen(pem) + 1, NULL, 0, mbedtls_random_fill, NULL);
#endif
}

static int parse_certificates(mbedtls_x509_crt *list, const char *pem)
{
    return mbedtls_x509_crt_parse(list, (const unsigned char *)pem, strlen(pem) + 1);
}

static void choose_suites(struct peer_of_mbedtls *m)
{
    const unsigned suites = m->base.config.suites;
    int *at = m->suites;

    if ((suites & PEER_RSA) != 0)
        *at++ = MBEDTLS_TLS_RSA_WITH_AES_128_CCM_8;
    if ((suites & PEER_ECDSA) != 0)
        *at++ = MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8;
    if (suites == 0 || (suites & PEER_PSK) != 0)
        *at++ = MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8;
    mbedtls_ssl_conf_ciphersuites(&m->config, m->suites);
}

static void take_credentials(struct peer_of_mbedtls *m)
{
    const struct peer_config *c = &m->base.config;

    mbedtls_ssl_conf_authmode(&m->config,
                              c->ca != NULL ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    if (c->ca != NULL) {
        if (parse_certificates(&m->ca, c->ca) != 0)
            abort();
        mbedtls_ssl_conf_ca_chain(&m->config, &m->ca, NULL);
    }
    if (c->certificate != NULL &&
        (parse_certificates(&m->certificate, c->certificate) != 0 || parse_key(&m->key, c->key) != 0 ||
         mbedtls_ssl_conf_own_cert(&m->config, &m->certificate, &m->key) != 0))
        abort();
    if (c->psk != NULL && mbedtls_ssl_conf_psk(&m->config, c->psk, c->psk_len,
                                               (const unsigned char *)c->identity, strlen(c->identity)) != 0)
        abort();
}

static void take_extensions(struct peer_of_mbedtls *m)
{
    const struct peer_config *c = &m->base.config;
    unsigned char code = MBEDTLS_SSL_MAX_FRAG_LEN_NONE;

    for (size_t len = 512; c->max_fragment_len >= len && len <= 4096; len *= 2)
        code++;
    /* In 3.6 a certificate is checked against a name or, explicitly, against none. */
    if (mbedtls_ssl_conf_max_frag_len(&m->config, code) != 0 ||
        mbedtls_ssl_set_hostname(&m->ssl, c->server_name) != 0)
        abort();
}

/* A server begins, or begins again when it has asked for its cookie. */
static int listen(struct peer_of_mbedtls *m)
{
    static const unsigned char ADDRESS[] = "client";
    int result = mbedtls_ssl_session_reset(&m->ssl);

    return result != 0 ? result : mbedtls_ssl_set_client_transport_id(&m->ssl, ADDRESS, sizeof ADDRESS);
}

static void become_server(struct peer_of_mbedtls *m)
{
    if (mbedtls_ssl_cookie_setup(&m->cookies, mbedtls_random_fill, NULL) != 0 || listen(m) != 0)
        abort();
    mbedtls_ssl_conf_dtls_cookies(&m->config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check,
                                  &m->cookies);
}

static struct peer *mbedtls_create(const struct peer_config *config)
{
    struct peer_of_mbedtls *m = calloc(1, sizeof *m);

    if (m == NULL)
        abort();
    peer_init(&m->base, config);
    m->final_ms = UINT64_MAX;
    mbedtls_ssl_init(&m->ssl);
    mbedtls_ssl_config_init(&m->config);
    mbedtls_x509_crt_init(&m->ca);
    mbedtls_x509_crt_init(&m->certificate);
    mbedtls_pk_init(&m->key);
    mbedtls_ssl_cookie_init(&m->cookies);
    if (mbedtls_ssl_config_defaults(&m->config,
                                    config->is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                                    MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        abort();
    mbedtls_ssl_conf_rng(&m->config, mbedtls_random_fill, NULL);
#if MBEDTLS_VERSION_MAJOR >= 3
    mbedtls_ssl_conf_max_tls_version(&m->config, MBEDTLS_SSL_VERSION_TLS1_2);
#endif
    choose_suites(m);
    take_credentials(m);
    take_extensions(m);
    if (mbedtls_ssl_setup(&m->ssl, &m->config) != 0)
        abort();
    mbedtls_ssl_set_bio(&m->ssl, m, mbedtls_on_send, mbedtls_on_receive, NULL);
    mbedtls_ssl_set_timer_cb(&m->ssl, m, timer_set, timer_get);
    mbedtls_ssl_set_mtu(&m->ssl, MTU);
    if (config->is_server)
        become_server(m);
    return &m->base;
}

static bool is_waiting(int result)
{
    return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE;
}

static void mbedtls_read(struct peer *p)
{
    struct peer_of_mbedtls *m = (struct peer_of_mbedtls *)p;

    while (!p->is_over) {
        int got = mbedtls_ssl_read(&m->ssl, p->read, sizeof p->read);
        if (is_waiting(got))
            return;
        p->is_closed = got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY;
        p->is_over = got <= 0;
        if (got > 0) {
            p->read_len = (size_t)got;
            p->reads++;
        }
    }
}

static void mbedtls_run(struct peer *p, uint64_t now_ms)
{
    struct peer_of_mbedtls *m = (struct peer_of_mbedtls *)p;

    p->now_ms = now_ms;
    if (!p->is_up && !p->is_over) {
        int result = mbedtls_ssl_handshake(&m->ssl);
        if (result == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED)
            result = listen(m) != 0 ? result : MBEDTLS_ERR_SSL_WANT_READ;
        p->is_up = result == 0;
        p->is_over = result != 0 && !is_waiting(result);
    }
    if (p->is_up)
        mbedtls_read(p);
}

static void mbedtls_write(struct peer *p, const uint8_t *data, size_t len)
{
    struct peer_of_mbedtls *m = (struct peer_of_mbedtls *)p;

    (void)mbedtls_ssl_write(&m->ssl, data, len);
}

const struct peer_library peer_mbedtls = {
    .name = "Mbed TLS",
    .create = mbedtls_create,
    .run = mbedtls_run,
    .write = mbedtls_write,
    .destroy = mbedtls_destroy,
};
