#include "handshake_mbedtls.h"

#include "store.h"

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/version.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
    HANDSHAKE_MTU = 1200, /* bytes of UDP payload: passes every IPv6 path (1280) */
    MASTER_SECRET_LEN = 48,
    RANDOM_LEN = 32,
    KEY_BLOCK_LEN = 2 * (RECORD_KEY_LEN + RECORD_IV_LEN), /* RFC 5246 6.3, no MAC keys with an AEAD */
    PEER_ID_LEN = 16 + 2,
};

struct handshake_mbedtls {
    mbedtls_ssl_config config;
    mbedtls_ssl_cookie_ctx cookies;
    struct handshake
        *current; /* whose turn it is: on 2.28 callbacks belong to the configuration, not to a context */
};

struct handshake {
    mbedtls_ssl_context ssl;
    struct handshake_mbedtls *library;
    const struct handshake_callbacks *callbacks;
    void *owner;
    bool is_cookie_valid;  /* until then the context knows nothing of a peer */
    const uint8_t *record; /* the one being fed, or NULL */
    size_t record_len;
    uint64_t now_ms;
    uint64_t intermediate_ms;
    uint64_t final_ms; /* UINT64_MAX: no timer runs */
};

/* ---- what the library calls ---- */

static int random_fill(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    while (len > 0) {
        ssize_t got = getrandom(out, len, 0);
        if (got <= 0)
            return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
        out += got;
        len -= (size_t)got;
    }
    return 0;
}

static int records_send(void *context, const unsigned char *records, size_t len)
{
    struct handshake *h = context;

    h->callbacks->send(h->owner, records, len);
    return (int)len;
}

/* One record a call, because application data may share a datagram with the last handshake record. */
static int record_receive(void *context, unsigned char *out, size_t cap)
{
    struct handshake *h = context;
    const uint8_t *record = h->record;

    h->record = NULL;
    if (record == NULL || h->record_len > cap)
        return MBEDTLS_ERR_SSL_WANT_READ;
    bytes_copy(out, record, h->record_len);
    return (int)h->record_len;
}

static void timer_set(void *context, uint32_t intermediate_ms, uint32_t final_ms)
{
    struct handshake *h = context;

    h->intermediate_ms = h->now_ms + intermediate_ms;
    h->final_ms = final_ms == 0 ? UINT64_MAX : h->now_ms + final_ms;
}

/* -1: no timer runs; 1: the intermediate delay is over; 2: the final one. */
static int timer_get(void *context)
{
    const struct handshake *h = context;

    if (h->final_ms == UINT64_MAX)
        return -1;
    if (h->now_ms >= h->final_ms)
        return 2;
    return h->now_ms >= h->intermediate_ms ? 1 : 0;
}

static int cookie_check(void *context, const unsigned char *cookie, size_t cookie_len,
                        const unsigned char *peer, size_t peer_len)
{
    struct handshake_mbedtls *library = context;
    int failed = mbedtls_ssl_cookie_check(&library->cookies, cookie, cookie_len, peer, peer_len);

    library->current->is_cookie_valid = failed == 0;
    return failed;
}

static int cookie_write(void *context, unsigned char **at, unsigned char *end, const unsigned char *peer,
                        size_t peer_len)
{
    struct handshake_mbedtls *library = context;

    return mbedtls_ssl_cookie_write(&library->cookies, at, end, peer, peer_len);
}

static int psk_find(void *context, mbedtls_ssl_context *ssl, const unsigned char *identity,
                    size_t identity_len)
{
    const struct handshake *h = ((struct handshake_mbedtls *)context)->current;
    uint8_t psk[SUBSCRIBER_PSK_MAX];
    size_t psk_len = 0;
    int failed = MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY;

    if (h->callbacks->psk(h->owner, identity, identity_len, psk, &psk_len))
        failed = mbedtls_ssl_set_hs_psk(ssl, psk, psk_len);
    bytes_wipe(psk, sizeof psk);
    return failed;
}

/* Derives the key block (RFC 5246 6.3) with the library's public PRF, the one way that both versions share.
 */
static int keys_derive(const struct handshake *h, mbedtls_tls_prf_types prf,
                       const unsigned char *master_secret, const unsigned char *client_random,
                       const unsigned char *server_random)
{
    struct handshake_keys keys;
    uint8_t randoms[2 * RANDOM_LEN];
    uint8_t block[KEY_BLOCK_LEN];

    bytes_copy(randoms, server_random, RANDOM_LEN);
    bytes_copy(randoms + RANDOM_LEN, client_random, RANDOM_LEN);
    int failed = mbedtls_ssl_tls_prf(prf, master_secret, MASTER_SECRET_LEN, "key expansion", randoms,
                                     sizeof randoms, block, sizeof block);
    if (failed == 0) {
        struct reader r = reader_over(block, sizeof block);
        reader_copy(&r, keys.client.key, RECORD_KEY_LEN);
        reader_copy(&r, keys.server.key, RECORD_KEY_LEN);
        reader_copy(&r, keys.client.iv, RECORD_IV_LEN);
        reader_copy(&r, keys.server.iv, RECORD_IV_LEN);
        h->callbacks->keys(h->owner, &keys);
    }
    bytes_wipe(&keys, sizeof keys);
    bytes_wipe(block, sizeof block);
    bytes_wipe(randoms, sizeof randoms);
    return failed;
}

/* ---- the two versions of the library ---- */

#if MBEDTLS_VERSION_MAJOR < 3

static int keys_export(void *context, const unsigned char *master_secret, const unsigned char *block,
                       size_t mac_len, size_t key_len, size_t iv_len,
                       const unsigned char client_random[RANDOM_LEN],
                       const unsigned char server_random[RANDOM_LEN], mbedtls_tls_prf_types prf)
{
    const struct handshake_mbedtls *library = context;

    (void)block, (void)mac_len, (void)key_len, (void)iv_len;
    return keys_derive(library->current, prf, master_secret, client_random, server_random);
}

static void config_versions(struct handshake_mbedtls *library)
{
    mbedtls_ssl_config *config = &library->config;

    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_export_keys_ext_cb(config, keys_export, library);
}

static void context_export_keys(struct handshake *h)
{
    (void)h; /* set once for the configuration */
}

#else

static void keys_export(void *context, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                        size_t secret_len, const unsigned char client_random[RANDOM_LEN],
                        const unsigned char server_random[RANDOM_LEN], mbedtls_tls_prf_types prf)
{
    /* A failure leaves the owner without keys, and it then refuses the handshake. */
    if (type == MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET && secret_len == MASTER_SECRET_LEN)
        (void)keys_derive(context, prf, secret, client_random, server_random);
}

static void config_versions(struct handshake_mbedtls *library)
{
    mbedtls_ssl_conf_min_tls_version(&library->config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(&library->config, MBEDTLS_SSL_VERSION_TLS1_2);
}

static void context_export_keys(struct handshake *h)
{
    mbedtls_ssl_set_export_keys_cb(&h->ssl, keys_export, h);
}

#endif

/* ---- the engine ---- */

static void handshake_destroy(struct handshake *h)
{
    mbedtls_ssl_free(&h->ssl); /* overwrites buffers, secrets and key schedules before it frees them */
    bytes_wipe(h, sizeof *h);
    free(h);
}

static struct handshake *handshake_create(void *context, const struct handshake_callbacks *callbacks,
                                          void *owner)
{
    struct handshake_mbedtls *library = context;
    struct handshake *h = calloc(1, sizeof *h);

    if (h == NULL)
        return NULL;
    h->library = library;
    h->callbacks = callbacks;
    h->owner = owner;
    h->final_ms = UINT64_MAX;
    mbedtls_ssl_init(&h->ssl);
    if (mbedtls_ssl_setup(&h->ssl, &library->config) != 0) {
        handshake_destroy(h);
        return NULL;
    }
    mbedtls_ssl_set_bio(&h->ssl, h, records_send, record_receive, NULL);
    mbedtls_ssl_set_timer_cb(&h->ssl, h, timer_set, timer_get);
    mbedtls_ssl_set_mtu(&h->ssl, HANDSHAKE_MTU);
    context_export_keys(h);
    return h;
}

static enum handshake_result handshake_run(struct handshake *h, uint64_t now_ms)
{
    int result;

    h->now_ms = now_ms;
    h->library->current = h;
    do /* an overdue timer makes the library retransmit instead of reading */
        result = mbedtls_ssl_handshake(&h->ssl);
    while (result == MBEDTLS_ERR_SSL_WANT_READ && h->record != NULL);
    h->library->current = NULL;
    h->record = NULL;
    if (result == 0)
        return HANDSHAKE_DONE;
    /* Whatever a stranger without a valid cookie sent leaves no trace. */
    if (!h->is_cookie_valid)
        return mbedtls_ssl_session_reset(&h->ssl) == 0 ? HANDSHAKE_COOKIE_ASKED : HANDSHAKE_FAILED;
    return result == MBEDTLS_ERR_SSL_WANT_READ ? HANDSHAKE_CONTINUE : HANDSHAKE_FAILED;
}

/* Binds the cookie to the peer's address and port (RFC 6347 4.2.1). */
static bool handshake_set_peer(struct handshake *h, const struct endpoint *peer)
{
    uint8_t id[PEER_ID_LEN];
    struct writer w = writer_over(id, sizeof id);

    writer_bytes(&w, peer->addr, sizeof peer->addr);
    writer_u16(&w, peer->port);
    return mbedtls_ssl_set_client_transport_id(&h->ssl, id, w.len) == 0;
}

static enum handshake_result handshake_feed(struct handshake *h, const struct endpoint *peer,
                                            const uint8_t *record, size_t len, uint64_t now_ms)
{
    if (!h->is_cookie_valid && !handshake_set_peer(h, peer))
        return HANDSHAKE_FAILED;
    h->record = record;
    h->record_len = len;
    return handshake_run(h, now_ms);
}

static uint64_t handshake_deadline(const struct handshake *h)
{
    return h->final_ms;
}

struct handshake_engine handshake_mbedtls_engine(struct handshake_mbedtls *library)
{
    return (struct handshake_engine){
        .ctx = library,
        .create = handshake_create,
        .feed = handshake_feed,
        .deadline = handshake_deadline,
        .on_timer = handshake_run,
        .destroy = handshake_destroy,
    };
}

static bool library_configure(struct handshake_mbedtls *library)
{
    static const int SUITES[] = {MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, 0};
    mbedtls_ssl_config *config = &library->config;

    if (mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0 ||
        mbedtls_ssl_cookie_setup(&library->cookies, random_fill, NULL) != 0)
        return false;
    config_versions(library);
    mbedtls_ssl_conf_ciphersuites(config, SUITES);
    mbedtls_ssl_conf_rng(config, random_fill, NULL);
    mbedtls_ssl_conf_psk_cb(config, psk_find, library);
    mbedtls_ssl_conf_dtls_cookies(config, cookie_write, cookie_check, library);
    /* Session cache and tickets are off as long as no callback for them is set. */
    mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    return true;
}

struct handshake_mbedtls *handshake_mbedtls_create(void)
{
    struct handshake_mbedtls *library = calloc(1, sizeof *library);

    if (library == NULL)
        return NULL;
    mbedtls_ssl_config_init(&library->config);
    mbedtls_ssl_cookie_init(&library->cookies);
    if (!library_configure(library)) {
        handshake_mbedtls_destroy(library);
        return NULL;
    }
    return library;
}

void handshake_mbedtls_destroy(struct handshake_mbedtls *library)
{
    mbedtls_ssl_cookie_free(&library->cookies);
    mbedtls_ssl_config_free(&library->config);
    bytes_wipe(library, sizeof *library);
    free(library);
}
