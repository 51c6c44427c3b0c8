/* The peer over OpenSSL. */
#include "peer.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { MTU = 1200 };

struct peer_of_openssl {
    struct peer base;
    SSL_CTX *context;
    SSL *ssl;
    BIO_METHOD *method;
};

/* ---- time ---- */

static uint64_t virtual_ms;

/* Takes the place of the C library's: it is what OpenSSL's retransmission timers read. */
int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    (void)zone;
    now->tv_sec = (time_t)(1000000000 + virtual_ms / 1000);
    now->tv_usec = (suseconds_t)(virtual_ms % 1000 * 1000);
    return 0;
}

/* ---- datagrams ---- */

static int bio_write(BIO *bio, const char *data, int len)
{
    struct peer *p = BIO_get_data(bio);

    p->config.output(p->config.ctx, (const uint8_t *)data, (size_t)len);
    return len;
}

static int bio_read(BIO *bio, char *out, int cap)
{
    const struct peer_datagram *d = peer_take(BIO_get_data(bio));

    BIO_clear_retry_flags(bio);
    if (d == NULL) {
        BIO_set_retry_read(bio);
        return -1;
    }
    int len = d->len < (size_t)cap ? (int)d->len : cap;
    memcpy(out, d->bytes, (size_t)len);
    return len;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return MTU;
    default:
        return 0;
    }
}

/* ---- callbacks ---- */

static unsigned int on_psk(SSL *ssl, const char *hint, char *identity, unsigned int identity_cap,
                           unsigned char *psk, unsigned int psk_cap)
{
    const struct peer *p = SSL_get_app_data(ssl);

    (void)hint;
    if (strlen(p->config.identity) >= identity_cap || p->config.psk_len > psk_cap)
        return 0;
    strcpy(identity, p->config.identity);
    memcpy(psk, p->config.psk, p->config.psk_len);
    return (unsigned int)p->config.psk_len;
}

static unsigned int on_identity(SSL *ssl, const char *identity, unsigned char *psk, unsigned int cap)
{
    const struct peer *p = SSL_get_app_data(ssl);

    if (strcmp(identity, p->config.identity) != 0 || p->config.psk_len > cap)
        return 0;
    memcpy(psk, p->config.psk, p->config.psk_len);
    return (unsigned int)p->config.psk_len;
}

static const uint8_t COOKIE[] = "the only client's";

static int on_cookie_make(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
    (void)ssl;
    memcpy(cookie, COOKIE, sizeof COOKIE);
    *len = sizeof COOKIE;
    return 1;
}

static int on_cookie_check(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
    (void)ssl;
    return len == sizeof COOKIE && memcmp(cookie, COOKIE, len) == 0;
}

static void on_info(const SSL *ssl, int where, int value)
{
    struct peer *p = SSL_get_app_data(ssl);

    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL)
        p->alert = value & 0xFF;
}

/* ---- the library ---- */

static void openssl_destroy(struct peer *p)
{
    struct peer_of_openssl *o = (struct peer_of_openssl *)p;

    SSL_free(o->ssl);
    SSL_CTX_free(o->context);
    BIO_meth_free(o->method);
    free((void *)(uintptr_t)o->base.config.psk);
    free(o);
}

static void bio_attach(struct peer_of_openssl *o)
{
    o->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "datagrams in memory");
    if (o->method == NULL || BIO_meth_set_write(o->method, bio_write) != 1 ||
        BIO_meth_set_read(o->method, bio_read) != 1 || BIO_meth_set_ctrl(o->method, bio_control) != 1)
        abort();
    BIO *bio = BIO_new(o->method);
    if (bio == NULL)
        abort();
    BIO_set_data(bio, o);
    BIO_set_init(bio, 1);
    SSL_set_bio(o->ssl, bio, bio);
}

static X509 *read_certificate(BIO *pem)
{
    return PEM_read_bio_X509(pem, NULL, NULL, NULL);
}

static void take_certificate(struct peer_of_openssl *o)
{
    const struct peer_config *c = &o->base.config;
    BIO *chain = BIO_new_mem_buf(c->certificate, -1);
    BIO *key_text = BIO_new_mem_buf(c->key, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_text, NULL, NULL, NULL);
    X509 *certificate = read_certificate(chain);

    if (SSL_CTX_use_certificate(o->context, certificate) != 1 || SSL_CTX_use_PrivateKey(o->context, key) != 1)
        abort();
    X509_free(certificate);
    while ((certificate = read_certificate(chain)) != NULL)
        if (SSL_CTX_add_extra_chain_cert(o->context, certificate) != 1)
            abort();
    EVP_PKEY_free(key);
    BIO_free(key_text);
    BIO_free(chain);
}

static void take_ca(struct peer_of_openssl *o)
{
    BIO *text = BIO_new_mem_buf(o->base.config.ca, -1);
    X509 *ca = read_certificate(text);

    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(o->context), ca) != 1)
        abort();
    SSL_CTX_set_verify(o->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    X509_free(ca);
    BIO_free(text);
}

static void choose_suites(struct peer_of_openssl *o)
{
    const unsigned suites = o->base.config.suites;
    char list[128] = "@SECLEVEL=0";

    if ((suites & PEER_RSA) != 0)
        strcat(list, ":AES128-CCM8");
    if ((suites & PEER_ECDSA) != 0)
        strcat(list, ":ECDHE-ECDSA-AES128-CCM8");
    if (suites == 0 || (suites & PEER_PSK) != 0)
        strcat(list, ":PSK-AES128-CCM8");
    if (SSL_CTX_set_cipher_list(o->context, list) != 1)
        abort();
}

static void take_extensions(struct peer_of_openssl *o)
{
    const struct peer_config *c = &o->base.config;
    uint8_t code = TLSEXT_max_fragment_length_DISABLED;

    for (size_t len = 512; c->max_fragment_len >= len && len <= 4096; len *= 2)
        code++;
    if (SSL_set_tlsext_max_fragment_length(o->ssl, code) != 1 ||
        (c->server_name != NULL && SSL_set_tlsext_host_name(o->ssl, c->server_name) != 1))
        abort();
}

/* The PSK is asked for during the handshake. */
static void take_psk(struct peer_of_openssl *o)
{
    struct peer_config *c = &o->base.config;
    uint8_t *psk = malloc(c->psk_len);

    if (psk == NULL)
        abort();
    memcpy(psk, c->psk, c->psk_len);
    c->psk = psk;
    SSL_CTX_set_psk_client_callback(o->context, on_psk);
    SSL_CTX_set_psk_server_callback(o->context, on_identity);
}

static struct peer *openssl_create(const struct peer_config *config)
{
    struct peer_of_openssl *o = calloc(1, sizeof *o);

    if (o == NULL)
        abort();
    peer_init(&o->base, config);
    o->context = SSL_CTX_new(DTLS_method());
    if (o->context == NULL)
        abort();
    choose_suites(o);
    if (config->psk != NULL)
        take_psk(o);
    if (config->ca != NULL)
        take_ca(o);
    if (config->certificate != NULL)
        take_certificate(o);
    SSL_CTX_set_info_callback(o->context, on_info);
    o->ssl = SSL_new(o->context);
    if (o->ssl == NULL)
        abort();
    SSL_set_app_data(o->ssl, &o->base);
    SSL_set_options(o->ssl, SSL_OP_NO_QUERY_MTU);
    DTLS_set_link_mtu(o->ssl, MTU);
    take_extensions(o);
    bio_attach(o);
    if (config->is_server) {
        SSL_CTX_set_cookie_generate_cb(o->context, on_cookie_make);
        SSL_CTX_set_cookie_verify_cb(o->context, on_cookie_check);
        SSL_set_options(o->ssl, SSL_OP_COOKIE_EXCHANGE);
        SSL_set_accept_state(o->ssl);
    } else {
        SSL_set_connect_state(o->ssl);
    }
    return &o->base;
}

static bool is_waiting(const struct peer_of_openssl *o, int result)
{
    int error = SSL_get_error(o->ssl, result);

    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void handshake_run(struct peer_of_openssl *o)
{
    struct peer *p = &o->base;

    ERR_clear_error();
    int result = SSL_do_handshake(o->ssl);
    p->is_up = result == 1;
    p->is_over = result != 1 && !is_waiting(o, result);
}

static void openssl_read(struct peer_of_openssl *o)
{
    struct peer *p = &o->base;

    while (!p->is_over) {
        ERR_clear_error();
        int got = SSL_read(o->ssl, p->read, sizeof p->read);
        if (got <= 0 && is_waiting(o, got))
            return;
        p->is_closed = got <= 0 && SSL_get_error(o->ssl, got) == SSL_ERROR_ZERO_RETURN;
        p->is_over = got <= 0;
        if (got > 0) {
            p->read_len = (size_t)got;
            p->reads++;
        }
    }
}

static void openssl_run(struct peer *p, uint64_t now_ms)
{
    struct peer_of_openssl *o = (struct peer_of_openssl *)p;

    virtual_ms = now_ms;
    p->now_ms = now_ms;
    if (!p->is_up && !p->is_over)
        handshake_run(o);
    if (p->is_up)
        openssl_read(o);
}

static void openssl_write(struct peer *p, const uint8_t *data, size_t len)
{
    (void)SSL_write(((struct peer_of_openssl *)p)->ssl, data, (int)len);
}

const struct peer_library peer_openssl = {
    .name = "OpenSSL",
    .create = openssl_create,
    .run = openssl_run,
    .write = openssl_write,
    .destroy = openssl_destroy,
};
