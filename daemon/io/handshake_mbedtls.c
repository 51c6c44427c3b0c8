#include "handshake_mbedtls.h"

#include "certificate.h"
#include "handshake_config.h"
#include "handshake_filter.h"
#include "handshake_session.h"
#include "handshake_verdict.h"
#include "random_mbedtls.h"
#include "record.h"
#include "store.h"

#include <mbedtls/ssl_cookie.h>
#include <mbedtls/version.h>
#include <stdlib.h>

enum {
    HANDSHAKE_MTU = 1200, /* bytes of UDP payload: passes every IPv6 path (1280) */
    MASTER_SECRET_LEN = 48,
    RANDOM_LEN = 32,
    KEY_BLOCK_LEN = 2 * (RECORD_KEY_LEN + RECORD_IV_LEN), /* RFC 5246 6.3, no MAC keys with an AEAD */
    IPV6_LEN = 16,
    IPV4_LEN = 4,
    PEER_ID_LEN = IPV6_LEN + 2,
    PLAIN_ALERT_LEN = RECORD_HEADER_LEN + 2,
};

struct handshake_mbedtls {
    mbedtls_ssl_cookie_ctx cookies; /* used by ClientHellos alone, hence on one thread */
    uint8_t lanes;
    struct handshake_config *configs[]; /* what the next handshake of each lane begins with */
};

struct handshake {
    mbedtls_ssl_context ssl;
    struct handshake_config *config;
    const struct handshake_callbacks *callbacks;
    void *owner;
    bool is_admitted;
    const uint8_t *record; /* the one being fed, or NULL */
    size_t record_len;
    uint64_t now_ms;
    uint64_t intermediate_ms;
    uint64_t final_ms; /* UINT64_MAX: no timer runs */
    bool is_client;
    uint8_t address[IPV6_LEN]; /* of a client: which the server's certificate has to name; none: its name */
    uint8_t address_len;
    uint64_t not_after_s;                    /* of the peer's certificate; UINT64_MAX: it has shown none */
    const struct handshake_session *resumed; /* what the ServerHello being written may resume, or NULL */
    bool has_keys;                           /* they have been derived */
    uint32_t chain_flags;   /* of the peer's certificates, as far as they have been looked at */
    uint8_t received_alert; /* the peer's last, in clear */
    uint8_t proposed_alert; /* which the library wanted to send; the engine chooses */
    bool is_alert_chosen;
    enum handshake_fault fault;
};

/* Whose turn it is on this thread: on 2.28 callbacks belong to the configuration, not to a context. */
static _Thread_local struct handshake *current;

/* ---- what the library calls ---- */

/* Takes down a fatal alert in clear and tells whether it was one. Those under keys leave as they are. */
static bool keep_alert(struct handshake *h, const unsigned char *records, size_t len)
{
    if (h->is_alert_chosen || len != PLAIN_ALERT_LEN || records[0] != RECORD_ALERT ||
        records[RECORD_HEADER_LEN] != MBEDTLS_SSL_ALERT_LEVEL_FATAL)
        return false;
    h->proposed_alert = records[RECORD_HEADER_LEN + 1];
    return true;
}

static int records_send(void *context, const unsigned char *records, size_t len)
{
    struct handshake *h = context;

    if (!keep_alert(h, records, len))
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

/* It was checked before there was a context; the library asks while it reads the ClientHello. */
static int cookie_accept(void *unused, const unsigned char *cookie, size_t cookie_len,
                         const unsigned char *peer, size_t peer_len)
{
    (void)unused, (void)cookie, (void)cookie_len, (void)peer, (void)peer_len;
    current->is_admitted = true;
    return 0;
}

/* RFC 7925 14: "Implementing the Server Name Indication extension is REQUIRED". */
static int name_take(void *unused, mbedtls_ssl_context *ssl, const unsigned char *name, size_t len)
{
    const struct handshake *h = current;

    (void)unused, (void)ssl;
    h->callbacks->name(h->owner, (const char *)name, len);
    return 0;
}

static int psk_find(void *unused, mbedtls_ssl_context *ssl, const unsigned char *identity,
                    size_t identity_len)
{
    const struct handshake *h = current;
    uint8_t psk[SUBSCRIBER_PSK_MAX];
    size_t psk_len = 0;
    int failed = MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY;

    (void)unused;
    if (h->callbacks->psk(h->owner, identity, identity_len, psk, &psk_len))
        failed = mbedtls_ssl_set_hs_psk(ssl, psk, psk_len);
    bytes_wipe(psk, sizeof psk);
    return failed;
}

static bool certificate_ask(struct handshake *h, const mbedtls_x509_crt *crt)
{
    struct certificate certificate = {.len = crt->raw.len};
    struct certificate_facts facts;

    if (crt->raw.len > sizeof certificate.der) {
        h->chain_flags |= MBEDTLS_X509_BADCERT_BAD_KEY; /* whoever it is */
        return false;
    }
    bytes_copy(certificate.der, crt->raw.p, crt->raw.len);
    if (certificate_read(&certificate, &facts) != SSM_OK)
        return false;
    h->not_after_s = facts.not_after_s;

    struct handshake_certificate claim = {
        .common_name = facts.common_name_len > 0 ? facts.common_name : NULL,
        .common_name_len = facts.common_name_len,
        .is_trusted = h->config->has_client_ca && handshake_verdict_is_trusted(h->chain_flags),
    };
    bytes_copy(claim.fingerprint, facts.fingerprint, sizeof claim.fingerprint);
    return h->callbacks->certificate(h->owner, &claim);
}

/* Called from the end of the peer's chain to its first certificate, whose verdict is that of the chain. */
static int certificate_verify(void *unused, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    struct handshake *h = current;

    (void)unused;
    h->chain_flags |= handshake_verdict_forged(crt, &h->config->client_ca, *flags);
    *flags = 0;
    if (depth == 0) {
        const bool is_accepted = certificate_ask(h, crt);
        *flags = handshake_verdict_flags(h->chain_flags, is_accepted);
    }
    return 0;
}

/* The same of a server's chain. */
static int server_verify(void *unused, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    struct handshake *h = current;

    (void)unused;
    h->chain_flags |= *flags;
    if (depth == 0) {
        h->chain_flags |= handshake_verdict_first(crt, h->address, h->address_len);
        *flags |= h->chain_flags & MBEDTLS_X509_BADCERT_CN_MISMATCH;
    }
    return 0;
}

/* Derives the key block (RFC 5246 6.3) with the library's public PRF, the one way that both versions share.
 */
static int keys_derive(struct handshake *h, mbedtls_tls_prf_types prf, const unsigned char *master_secret,
                       const unsigned char *client_random, const unsigned char *server_random)
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
        h->has_keys = true;
    }
    bytes_wipe(&keys, sizeof keys);
    bytes_wipe(block, sizeof block);
    bytes_wipe(randoms, sizeof randoms);
    return failed;
}

/* ---- resumption ---- */

/* The library looks for the session that a ClientHello asks to resume. Any error: there is none. */
static int session_find(mbedtls_ssl_session *out)
{
    const struct handshake *h = current;
    bool is_found = h->resumed != NULL && handshake_session_load(h->resumed, out) == SSM_OK;

    return is_found ? 0 : MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
}

/* The library has ended a full handshake. */
static int session_keep(const mbedtls_ssl_session *session, const uint8_t *id, size_t id_len)
{
    const struct handshake *h = current;
    struct handshake_session *out = h->callbacks->session != NULL ? h->callbacks->session(h->owner) : NULL;

    if (out != NULL)
        handshake_session_save(session, id, id_len, h->not_after_s, out);
    return 0;
}

/* ---- the two versions of the library ---- */

#if MBEDTLS_VERSION_MAJOR < 3

static int keys_export(void *unused, const unsigned char *master_secret, const unsigned char *block,
                       size_t mac_len, size_t key_len, size_t iv_len,
                       const unsigned char client_random[RANDOM_LEN],
                       const unsigned char server_random[RANDOM_LEN], mbedtls_tls_prf_types prf)
{
    (void)unused, (void)block, (void)mac_len, (void)key_len, (void)iv_len;
    return keys_derive(current, prf, master_secret, client_random, server_random);
}

static void config_export_keys(mbedtls_ssl_config *ssl)
{
    mbedtls_ssl_conf_export_keys_ext_cb(ssl, keys_export, NULL);
}

static void context_export_keys(struct handshake *h)
{
    (void)h; /* set once for the configuration */
}

static int cache_get(void *unused, mbedtls_ssl_session *session)
{
    (void)unused;
    return session_find(session);
}

static int cache_set(void *unused, const mbedtls_ssl_session *session)
{
    (void)unused;
    return session_keep(session, session->id, session->id_len);
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

static void config_export_keys(mbedtls_ssl_config *ssl)
{
    (void)ssl; /* set for each context */
}

static void context_export_keys(struct handshake *h)
{
    mbedtls_ssl_set_export_keys_cb(&h->ssl, keys_export, h);
}

static int cache_get(void *unused, const unsigned char *id, size_t id_len, mbedtls_ssl_session *session)
{
    (void)unused, (void)id, (void)id_len;
    return session_find(session);
}

static int cache_set(void *unused, const unsigned char *id, size_t id_len, const mbedtls_ssl_session *session)
{
    (void)unused;
    return session_keep(session, id, id_len);
}

#endif

/* ---- cookies ---- */

static void peer_id(const struct endpoint *peer, uint8_t out[PEER_ID_LEN])
{
    bytes_copy(out, peer->addr, sizeof peer->addr);
    bytes_put_u16(out + sizeof peer->addr, peer->port);
}

static enum status cookie_write(void *context, const struct endpoint *peer,
                                uint8_t cookie[HANDSHAKE_COOKIE_LEN])
{
    struct handshake_mbedtls *library = context;
    uint8_t id[PEER_ID_LEN];
    uint8_t *at = cookie;

    peer_id(peer, id);
    int failed =
        mbedtls_ssl_cookie_write(&library->cookies, &at, cookie + HANDSHAKE_COOKIE_LEN, id, sizeof id);
    return failed == 0 && at == cookie + HANDSHAKE_COOKIE_LEN ? SSM_OK : SSM_IO;
}

static bool cookie_check(void *context, const struct endpoint *peer, const uint8_t *cookie, size_t len)
{
    struct handshake_mbedtls *library = context;
    uint8_t id[PEER_ID_LEN];

    peer_id(peer, id);
    return mbedtls_ssl_cookie_check(&library->cookies, cookie, len, id, sizeof id) == 0;
}

/* ---- contexts ---- */

static bool context_open(struct handshake *h)
{
    handshake_config_hold(h->config);
    mbedtls_ssl_init(&h->ssl);
    if (mbedtls_ssl_setup(&h->ssl, &h->config->ssl) != 0)
        return false;
    mbedtls_ssl_set_bio(&h->ssl, h, records_send, record_receive, NULL);
    mbedtls_ssl_set_timer_cb(&h->ssl, h, timer_set, timer_get);
    mbedtls_ssl_set_mtu(&h->ssl, HANDSHAKE_MTU);
    context_export_keys(h);
    return true;
}

static void handshake_destroy(struct handshake *h)
{
    mbedtls_ssl_free(&h->ssl); /* overwrites buffers, secrets and key schedules before it frees them */
    handshake_config_release(h->config);
    bytes_wipe(h, sizeof *h);
    free(h);
}

static struct handshake *handshake_create(void *context, uint8_t lane,
                                          const struct handshake_callbacks *callbacks, void *owner)
{
    const struct handshake_mbedtls *library = context;
    struct handshake *h = calloc(1, sizeof *h);

    if (h == NULL)
        return NULL;
    h->config = library->configs[lane];
    h->callbacks = callbacks;
    h->owner = owner;
    h->final_ms = UINT64_MAX;
    h->not_after_s = UINT64_MAX;
    if (!context_open(h)) {
        handshake_destroy(h);
        return NULL;
    }
    return h;
}

/* ---- the client's role ---- */

static enum status client_configure(struct handshake *h, struct handshake_config *server,
                                    const struct handshake_destination *to)
{
    enum status status = handshake_config_create_client(to, server, &h->config);

    if (status != SSM_OK)
        return status;
    mbedtls_ssl_conf_verify(&h->config->ssl, server_verify, NULL);
    config_export_keys(&h->config->ssl);
    return SSM_OK;
}

/* The name goes into the ClientHello, an address must not (RFC 6066 3); this library knows no addresses in
 * certificates. */
static bool server_expect(struct handshake *h, const struct handshake_destination *to)
{
    const uint8_t *address = to->peer.addr;

    if (to->name == NULL) {
        h->address_len = endpoint_is_ipv4(&to->peer) ? IPV4_LEN : IPV6_LEN;
        bytes_copy(h->address, address + IPV6_LEN - h->address_len, h->address_len);
    }
    return mbedtls_ssl_set_hostname(&h->ssl, to->name) == 0;
}

static struct handshake *handshake_create_client(void *context, uint8_t lane,
                                                 const struct handshake_destination *to,
                                                 const struct handshake_callbacks *callbacks, void *owner)
{
    const struct handshake_mbedtls *library = context;
    struct handshake *h = calloc(1, sizeof *h);
    bool is_open;

    if (h == NULL || client_configure(h, library->configs[lane], to) != SSM_OK) {
        free(h);
        return NULL;
    }
    h->callbacks = callbacks;
    h->owner = owner;
    h->final_ms = UINT64_MAX;
    h->is_client = true;
    h->is_admitted = true;
    is_open = context_open(h) && server_expect(h, to);
    handshake_config_release(h->config); /* the context holds it */
    if (is_open)
        return h;
    handshake_destroy(h);
    return NULL;
}

/* ---- turns ---- */

static void alert_send(struct handshake *h, uint8_t alert)
{
    if (alert == HANDSHAKE_ALERT_NONE)
        return;
    h->is_alert_chosen = true;
    (void)mbedtls_ssl_send_alert_message(&h->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert);
    h->is_alert_chosen = false;
}

static enum handshake_result handshake_end(struct handshake *h, int error)
{
    const struct handshake_verdict verdict =
        h->is_client ? handshake_verdict_of_server(&h->ssl, error, h->proposed_alert, h->received_alert,
                                                   h->chain_flags)
                     : handshake_verdict_of(&h->ssl, error, h->proposed_alert);

    h->fault = verdict.fault;
    alert_send(h, verdict.alert);
    return HANDSHAKE_FAILED;
}

/* One call of the library after the other, until it has read the record. An overdue timer makes it retransmit
 * first. */
static int library_run(struct handshake *h, uint64_t now_ms, int (*call)(mbedtls_ssl_context *ssl))
{
    int result;

    h->now_ms = now_ms;
    current = h;
    do
        result = call(&h->ssl);
    while (result == MBEDTLS_ERR_SSL_WANT_READ && h->record != NULL);
    current = NULL;
    h->record = NULL;
    return result;
}

static enum handshake_result handshake_run(struct handshake *h, uint64_t now_ms)
{
    const int result = library_run(h, now_ms, mbedtls_ssl_handshake);

    if (result == 0)
        return HANDSHAKE_DONE;
    return result == MBEDTLS_ERR_SSL_WANT_READ ? HANDSHAKE_CONTINUE : handshake_end(h, result);
}

/* Steps no farther than the ChangeCipherSpec has been read: the library computes what Finished must hold each
 * time that it looks for it, so it looks once it is there. */
static int cipher_change_read(mbedtls_ssl_context *ssl)
{
    int result;

    do
        result = mbedtls_ssl_handshake_step(ssl);
    while (result == 0 && current->record != NULL);
    return result;
}

static enum handshake_result handshake_change_cipher(struct handshake *h, uint64_t now_ms)
{
    const int result = library_run(h, now_ms, cipher_change_read);

    return result == 0 || result == MBEDTLS_ERR_SSL_WANT_READ ? HANDSHAKE_CONTINUE : handshake_end(h, result);
}

/* Steps no farther than the ClientHello has been read: the ServerHello and all that costs is a later step. */
static int hello_read(mbedtls_ssl_context *ssl)
{
    int result;

    do
        result = mbedtls_ssl_handshake_step(ssl);
    while (result == 0 && !current->is_admitted);
    return result;
}

static enum handshake_result handshake_begin(struct handshake *h, uint64_t now_ms)
{
    const int result = library_run(h, now_ms, hello_read);

    if (result == 0)
        return HANDSHAKE_ADMITTED;
    return result == MBEDTLS_ERR_SSL_WANT_READ ? HANDSHAKE_CONTINUE : handshake_end(h, result);
}

/* Writes the ServerHello, where the library derives the keys of a session that it resumes. */
static enum handshake_result handshake_resume(struct handshake *h, const struct handshake_session *session,
                                              uint64_t now_ms)
{
    int result;

    h->resumed = session;
    result = library_run(h, now_ms, mbedtls_ssl_handshake_step);
    h->resumed = NULL;
    if (result != 0)
        return handshake_end(h, result);
    return h->has_keys ? HANDSHAKE_RESUMED : HANDSHAKE_ADMITTED;
}

static enum handshake_result handshake_feed(struct handshake *h, const uint8_t *record, size_t len,
                                            uint64_t now_ms)
{
    if (record != NULL && !handshake_filter_pass(record, len))
        return HANDSHAKE_CONTINUE;
    if (record != NULL && record[0] == RECORD_ALERT && len == PLAIN_ALERT_LEN)
        h->received_alert = record[RECORD_HEADER_LEN + 1];
    h->record = record;
    h->record_len = len;
    if (!h->is_admitted)
        return handshake_begin(h, now_ms);
    if (record != NULL && record[0] == RECORD_CHANGE_CIPHER_SPEC)
        return handshake_change_cipher(h, now_ms);
    return handshake_run(h, now_ms);
}

static uint64_t handshake_deadline(const struct handshake *h)
{
    return h->final_ms;
}

static enum handshake_fault handshake_fault(const struct handshake *h)
{
    return h->fault;
}

struct handshake_engine handshake_mbedtls_engine(struct handshake_mbedtls *library)
{
    return (struct handshake_engine){
        .ctx = library,
        .write_cookie = cookie_write,
        .check_cookie = cookie_check,
        .create = handshake_create,
        .create_client = handshake_create_client,
        .feed = handshake_feed,
        .resume = handshake_resume,
        .deadline = handshake_deadline,
        .on_timer = handshake_run,
        .fault = handshake_fault,
        .destroy = handshake_destroy,
    };
}

/* ---- the library ---- */

static enum status lane_configure(const struct credentials *credentials, struct handshake_config **out)
{
    enum status status = handshake_config_create(credentials, out);

    if (status != SSM_OK)
        return status;
    mbedtls_ssl_config *ssl = &(*out)->ssl;
    mbedtls_ssl_conf_dtls_cookies(ssl, NULL, cookie_accept, NULL);
    mbedtls_ssl_conf_sni(ssl, name_take, NULL);
    mbedtls_ssl_conf_psk_cb(ssl, psk_find, NULL);
    mbedtls_ssl_conf_verify(ssl, certificate_verify, NULL);
    mbedtls_ssl_conf_session_cache(ssl, NULL, cache_get, cache_set);
    config_export_keys(ssl);
    return SSM_OK;
}

/* All lanes or none. */
static enum status library_configure(struct handshake_mbedtls *library, const struct credentials *credentials)
{
    struct handshake_config *made[UINT8_MAX];
    enum status status = SSM_OK;
    unsigned count = 0;

    while (count < library->lanes && status == SSM_OK) {
        status = lane_configure(credentials, &made[count]);
        count += status == SSM_OK;
    }
    for (unsigned lane = 0; lane < count; lane++) {
        struct handshake_config *unwanted = made[lane];

        if (status == SSM_OK) {
            unwanted = library->configs[lane];
            library->configs[lane] = made[lane];
        }
        if (unwanted != NULL)
            handshake_config_release(unwanted);
    }
    return status;
}

struct handshake_mbedtls *handshake_mbedtls_create(uint8_t lanes)
{
    struct handshake_mbedtls *library =
        calloc(1, sizeof *library + lanes * sizeof(struct handshake_config *));

    if (library == NULL)
        return NULL;
    library->lanes = lanes;
    mbedtls_ssl_cookie_init(&library->cookies);
    if (mbedtls_ssl_cookie_setup(&library->cookies, random_mbedtls, NULL) != 0 ||
        library_configure(library, &(struct credentials){0}) != SSM_OK) {
        handshake_mbedtls_destroy(library);
        return NULL;
    }
    return library;
}

enum status handshake_mbedtls_set_credentials(struct handshake_mbedtls *library,
                                              const struct credentials *credentials)
{
    enum status status = handshake_config_check(credentials);

    return status == SSM_OK ? library_configure(library, credentials) : status;
}

void handshake_mbedtls_destroy(struct handshake_mbedtls *library)
{
    for (unsigned lane = 0; lane < library->lanes; lane++)
        if (library->configs[lane] != NULL)
            handshake_config_release(library->configs[lane]);
    mbedtls_ssl_cookie_free(&library->cookies);
    bytes_wipe(library, sizeof *library);
    free(library);
}
