/* The peer over Mbed TLS's client. */
#include "peer.h"

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct peer_of_mbedtls {
    struct peer base;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
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
    explicit_bzero(m, sizeof *m);
    free(m);
}

static struct peer *mbedtls_create(const struct peer_config *config)
{
    static const int SUITES[] = {MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, 0};
    struct peer_of_mbedtls *m = calloc(1, sizeof *m);

    if (m == NULL)
        abort();
    peer_init(&m->base, config);
    m->final_ms = UINT64_MAX;
    mbedtls_ssl_init(&m->ssl);
    mbedtls_ssl_config_init(&m->config);
    if (mbedtls_ssl_config_defaults(&m->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        abort();
    mbedtls_ssl_conf_rng(&m->config, mbedtls_random_fill, NULL);
    mbedtls_ssl_conf_ciphersuites(&m->config, SUITES);
    mbedtls_ssl_conf_authmode(&m->config, MBEDTLS_SSL_VERIFY_NONE);
    if (mbedtls_ssl_conf_psk(&m->config, config->psk, config->psk_len,
                             (const unsigned char *)config->identity, strlen(config->identity)) != 0 ||
        mbedtls_ssl_setup(&m->ssl, &m->config) != 0)
        abort();
    mbedtls_ssl_set_bio(&m->ssl, m, mbedtls_on_send, mbedtls_on_receive, NULL);
    mbedtls_ssl_set_timer_cb(&m->ssl, m, timer_set, timer_get);
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
