#include "handshake_config.h"

#include "certificate.h"
#include "log.h"
#include "random_mbedtls.h"

#include <mbedtls/oid.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/version.h>
#include <stdlib.h>
#include <string.h>

enum { RSA_BITS_MIN = 2048 };

/* ---- the two versions of the library ---- */

#if MBEDTLS_VERSION_MAJOR < 3

static void restrict_protocol(mbedtls_ssl_config *ssl, bool has_rsa)
{
    static const mbedtls_ecp_group_id CURVES[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE};
    static const int HASHES[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_NONE};

    (void)has_rsa; /* this version asks for RSA signatures in any case; the profile refuses them */
    mbedtls_ssl_conf_min_version(ssl, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(ssl, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_curves(ssl, CURVES);
    mbedtls_ssl_conf_sig_hashes(ssl, HASHES);
}

static int parse_key(mbedtls_pk_context *key, const struct pem *pem)
{
    return mbedtls_pk_parse_key(key, (const unsigned char *)pem->text, pem->len, NULL, 0);
}

#else

static void restrict_protocol(mbedtls_ssl_config *ssl, bool has_rsa)
{
    static const uint16_t GROUPS[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
    static const uint16_t ECDSA[] = {MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_NONE};
    static const uint16_t BOTH[] = {MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
                                    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256, MBEDTLS_TLS1_3_SIG_NONE};

    mbedtls_ssl_conf_min_tls_version(ssl, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(ssl, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_groups(ssl, GROUPS);
    mbedtls_ssl_conf_sig_algs(ssl, has_rsa ? BOTH : ECDSA);
}

static int parse_key(mbedtls_pk_context *key, const struct pem *pem)
{
    return mbedtls_pk_parse_key(key, (const unsigned char *)pem->text, pem->len, NULL, 0, random_mbedtls,
                                NULL);
}

#endif

/* ---- are they fit? ---- */

struct fitness {
    const char *name; /* for the log */
    enum certificate_key key;
    unsigned usage; /* with its suite: RFC 5246 7.4.2 */
};

/* The library would pass over such a certificate in silence (RFC 5280 4.2.1.3, 4.2.1.12). */
static bool is_for_servers(const struct pem *chain, unsigned usage)
{
    mbedtls_x509_crt crt;
    bool is_fit;

    mbedtls_x509_crt_init(&crt);
    is_fit = mbedtls_x509_crt_parse(&crt, (const unsigned char *)chain->text, chain->len) == 0 &&
             mbedtls_x509_crt_check_key_usage(&crt, usage) == 0 &&
             mbedtls_x509_crt_check_extended_key_usage(&crt, MBEDTLS_OID_SERVER_AUTH,
                                                       MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) == 0;
    mbedtls_x509_crt_free(&crt);
    return is_fit;
}

static const char *credential_fault(const struct credential *c, const struct fitness *fitness)
{
    struct certificate_chain chain;

    if (certificate_read_chain(c->chain.text, c->chain.len, &chain) != SSM_OK)
        return "does not hold certificates in PEM form";
    if (chain.first.key != fitness->key)
        return "has a key of another kind";
    if (fitness->key == CERTIFICATE_KEY_RSA && chain.first.key_bits < RSA_BITS_MIN)
        return "has a key that is too short";
    if (!is_for_servers(&c->chain, fitness->usage))
        return "is not for servers: see its key usage";
    if (certificate_check_key(c->chain.text, c->chain.len, c->key.text, c->key.len) != SSM_OK)
        return "does not belong to its key, or the key does not parse";
    return NULL;
}

static enum status credential_check(const struct credential *c, const struct fitness *fitness)
{
    const char *fault = c->chain.text == NULL ? NULL : credential_fault(c, fitness);

    if (fault == NULL)
        return SSM_OK;
    log_line(LOG_ERR, "the gateway's %s certificate %s", fitness->name, fault);
    return SSM_MALFORMED;
}

enum status handshake_config_check(const struct credentials *credentials)
{
    static const struct fitness ECDSA = {"ECDSA", CERTIFICATE_KEY_P256, MBEDTLS_X509_KU_DIGITAL_SIGNATURE};
    static const struct fitness RSA = {"RSA", CERTIFICATE_KEY_RSA, MBEDTLS_X509_KU_KEY_ENCIPHERMENT};
    const struct pem *ca = &credentials->client_ca;
    struct certificate_chain chain;

    if (credential_check(&credentials->ecdsa, &ECDSA) != SSM_OK ||
        credential_check(&credentials->rsa, &RSA) != SSM_OK)
        return SSM_MALFORMED;
    if (ca->text == NULL || certificate_read_chain(ca->text, ca->len, &chain) == SSM_OK)
        return SSM_OK;
    log_line(LOG_ERR, "the CA of subscribers does not hold certificates in PEM form");
    return SSM_MALFORMED;
}

/* ---- making one ---- */

static enum status status_of(int failed)
{
    if (failed == 0)
        return SSM_OK;
    return failed == MBEDTLS_ERR_X509_ALLOC_FAILED || failed == MBEDTLS_ERR_PK_ALLOC_FAILED ? SSM_IO
                                                                                            : SSM_MALFORMED;
}

static int parse_chain(mbedtls_x509_crt *chain, const struct pem *pem)
{
    return mbedtls_x509_crt_parse(chain, (const unsigned char *)pem->text, pem->len);
}

static enum status take_identity(struct handshake_config *config, struct handshake_identity *identity,
                                 const struct credential *c)
{
    int failed;

    if (c->chain.text == NULL)
        return SSM_OK;
    failed = parse_chain(&identity->chain, &c->chain);
    if (failed == 0)
        failed = parse_key(&identity->key, &c->key);
    if (failed == 0)
        failed = mbedtls_ssl_conf_own_cert(&config->ssl, &identity->chain, &identity->key);
    return failed == MBEDTLS_ERR_SSL_ALLOC_FAILED ? SSM_IO : status_of(failed);
}

/* An empty chain is what the library takes for "nobody is trusted": it neither finds a parent in it nor names
 * it to peers. */
static enum status take_client_ca(struct handshake_config *config, const struct pem *pem)
{
    config->has_client_ca = pem->text != NULL;
    mbedtls_ssl_conf_ca_chain(&config->ssl, &config->client_ca, NULL);
    return config->has_client_ca ? status_of(parse_chain(&config->client_ca, pem)) : SSM_OK;
}

/* RFC 7925 4.2: "MUST implement TLS_PSK_WITH_AES_128_CCM_8"; 4.4: "MUST implement
 * TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"; 13: "MUST use AEAD ciphers", with which the library answers neither of
 * the extensions that "MUST NOT be used". PSK first: a client that offers such a suite has a PSK; one that
 * offers the others need not have a certificate. */
static void choose_suites(struct handshake_config *config, bool has_ecdsa, bool has_rsa)
{
    int *at = config->suites;

    *at++ = MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8;
    if (has_ecdsa)
        *at++ = MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8;
    if (has_rsa)
        *at++ = MBEDTLS_TLS_RSA_WITH_AES_128_CCM_8;
    *at = 0;
    mbedtls_ssl_conf_ciphersuites(&config->ssl, config->suites);
}

/* What peers' chains may be made of. RFC 7925 4.4.4: "this profile uses ecdsa-with-SHA256 or stronger". */
static void choose_profile(struct handshake_config *config, bool has_rsa)
{
    mbedtls_x509_crt_profile *profile = &config->profile;

    profile->allowed_mds = MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) | MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
                           MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512);
    profile->allowed_pks = MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECKEY) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECDSA);
    if (has_rsa)
        profile->allowed_pks |= MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_RSA);
    profile->allowed_curves = MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1);
    profile->rsa_min_bitlen = RSA_BITS_MIN;
    mbedtls_ssl_conf_cert_profile(&config->ssl, profile);
}

/* What both roles have in common. */
static enum status config_begin(struct handshake_config *config, int role, bool has_rsa)
{
    mbedtls_ssl_config *ssl = &config->ssl;

    if (mbedtls_ssl_config_defaults(ssl, role, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT) !=
        0)
        return SSM_IO;
    /* RFC 7925 18: "Servers MUST fail the handshake by sending a protocol_version fatal alert if a TLS/DTLS
     * version >= 1.2 cannot be negotiated." 4.4: "the recommended curve is secp256r1". */
    restrict_protocol(ssl, has_rsa);
    choose_profile(config, has_rsa);
    mbedtls_ssl_conf_rng(ssl, random_mbedtls, NULL);
    mbedtls_ssl_conf_authmode(ssl, MBEDTLS_SSL_VERIFY_REQUIRED);
    /* RFC 7925 17: "this specification REQUIRES the TLS renegotiation feature to be disabled." */
    mbedtls_ssl_conf_renegotiation(ssl, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    return SSM_OK;
}

static enum status config_fill(struct handshake_config *config, const struct credentials *credentials)
{
    const bool has_rsa = credentials->rsa.chain.text != NULL;
    enum status status = config_begin(config, MBEDTLS_SSL_IS_SERVER, has_rsa);

    if (status != SSM_OK)
        return status;
    choose_suites(config, credentials->ecdsa.chain.text != NULL, has_rsa);
    /* RFC 5246 7.4.4: a client that is given no name may send any certificate; a pinned one is of no CA. */
    mbedtls_ssl_conf_cert_req_ca_list(&config->ssl, MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);
    /* Tickets are off as long as no callback for them is set. */
    status = take_identity(config, &config->ecdsa, &credentials->ecdsa);
    if (status == SSM_OK)
        status = take_identity(config, &config->rsa, &credentials->rsa);
    return status == SSM_OK ? take_client_ca(config, &credentials->client_ca) : status;
}

static void identity_init(struct handshake_identity *identity)
{
    mbedtls_x509_crt_init(&identity->chain);
    mbedtls_pk_init(&identity->key);
}

static struct handshake_config *config_new(void)
{
    struct handshake_config *config = calloc(1, sizeof *config);

    if (config == NULL)
        return NULL;
    atomic_init(&config->holders, 1);
    mbedtls_ssl_config_init(&config->ssl);
    identity_init(&config->ecdsa);
    identity_init(&config->rsa);
    mbedtls_x509_crt_init(&config->client_ca);
    return config;
}

/* Hands it out, if it was filled. */
static enum status config_finish(struct handshake_config *config, enum status status,
                                 struct handshake_config **out)
{
    if (status == SSM_OK)
        *out = config;
    else
        handshake_config_release(config);
    return status;
}

enum status handshake_config_create(const struct credentials *credentials, struct handshake_config **out)
{
    struct handshake_config *config = config_new();

    return config == NULL ? SSM_IO : config_finish(config, config_fill(config, credentials), out);
}

/* ---- the client's role ---- */

static enum status take_psk(struct handshake_config *config, const struct handshake_destination *to)
{
    static const int SUITES[] = {MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, 0};

    mbedtls_ssl_conf_ciphersuites(&config->ssl, SUITES);
    return mbedtls_ssl_conf_psk(&config->ssl, to->psk, to->psk_len, to->identity, to->identity_len) == 0
               ? SSM_OK
               : SSM_IO;
}

/* The texts are only read. */
static struct pem pem_over(const char *text)
{
    return (struct pem){.text = (char *)(uintptr_t)text, .len = strlen(text) + 1};
}

/* A key is computed with by one lane alone, and a lane's handshakes take turns: so they may share it. */
static enum status borrow_identity(struct handshake_config *config, struct handshake_config *server)
{
    struct handshake_identity *identity = &server->ecdsa;

    if (identity->chain.raw.p == NULL)
        return SSM_OK; /* a server that asks for a certificate is shown none */
    handshake_config_hold(server);
    config->lender = server;
    return mbedtls_ssl_conf_own_cert(&config->ssl, &identity->chain, &identity->key) == 0 ? SSM_OK : SSM_IO;
}

static enum status take_certificates(struct handshake_config *config, const struct handshake_destination *to,
                                     struct handshake_config *server)
{
    static const int SUITES[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, 0};
    const struct pem anchors = pem_over(to->anchors);
    const struct credential own = {.chain = pem_over(to->chain), .key = pem_over(to->key)};
    enum status status = take_client_ca(config, &anchors);

    mbedtls_ssl_conf_ciphersuites(&config->ssl, SUITES);
    if (status != SSM_OK)
        return status;
    return to->chain[0] != '\0' ? take_identity(config, &config->ecdsa, &own)
                                : borrow_identity(config, server);
}

static enum status client_fill(struct handshake_config *config, const struct handshake_destination *to,
                               struct handshake_config *server)
{
    enum status status = config_begin(config, MBEDTLS_SSL_IS_CLIENT, false);

    if (status != SSM_OK)
        return status;
    /* RFC 7925 13: neither extension says anything beside an AEAD. */
    mbedtls_ssl_conf_session_tickets(&config->ssl, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    mbedtls_ssl_conf_encrypt_then_mac(&config->ssl, MBEDTLS_SSL_ETM_DISABLED);
    return to->psk_len > 0 ? take_psk(config, to) : take_certificates(config, to, server);
}

enum status handshake_config_create_client(const struct handshake_destination *to,
                                           struct handshake_config *server, struct handshake_config **out)
{
    struct handshake_config *config = config_new();

    return config == NULL ? SSM_IO : config_finish(config, client_fill(config, to, server), out);
}

/* ---- holding ---- */

static void identity_free(struct handshake_identity *identity)
{
    mbedtls_pk_free(&identity->key); /* which wipes it */
    mbedtls_x509_crt_free(&identity->chain);
}

void handshake_config_hold(struct handshake_config *config)
{
    atomic_fetch_add(&config->holders, 1);
}

void handshake_config_release(struct handshake_config *config)
{
    if (atomic_fetch_sub(&config->holders, 1) > 1)
        return;
    mbedtls_ssl_config_free(&config->ssl);
    identity_free(&config->ecdsa);
    identity_free(&config->rsa);
    mbedtls_x509_crt_free(&config->client_ca);
    if (config->lender != NULL)
        handshake_config_release(config->lender);
    free(config);
}
