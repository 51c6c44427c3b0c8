#include "stock.h"

#include "must.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum { MTU = 1200 };

struct stock_library {
    SSL_CTX *context;
    BIO_METHOD *method;
};

struct stock {
    SSL *ssl;
    stock_send *send;
    void *ctx;
    const uint8_t *datagram; /* the one being read, or NULL */
    size_t len;
    enum stock_state state;
};

/* ---- datagrams ---- */

static int on_write(BIO *bio, const char *data, int len)
{
    const struct stock *s = BIO_get_data(bio);

    s->send(s->ctx, (const uint8_t *)data, (size_t)len);
    return len;
}

static int on_read(BIO *bio, char *out, int cap)
{
    struct stock *s = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (s->datagram == NULL) {
        BIO_set_retry_read(bio);
        return -1;
    }
    int len = s->len < (size_t)cap ? (int)s->len : cap;
    memcpy(out, s->datagram, (size_t)len);
    s->datagram = NULL;
    return len;
}

static long on_control(BIO *bio, int command, long number, void *pointer)
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

/* ---- what all share ---- */

static unsigned int on_psk(SSL *ssl, const char *hint, char *identity, unsigned int identity_cap,
                           unsigned char *psk, unsigned int psk_cap)
{
    const struct stock_credentials *credentials = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    (void)hint;
    if (strlen(credentials->identity) >= identity_cap || credentials->psk_len > psk_cap)
        return 0;
    strcpy(identity, credentials->identity);
    memcpy(psk, credentials->psk, credentials->psk_len);
    return (unsigned int)credentials->psk_len;
}

static unsigned int on_identity(SSL *ssl, const char *identity, unsigned char *psk, unsigned int cap)
{
    const struct stock_credentials *credentials = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if (strcmp(identity, credentials->identity) != 0 || credentials->psk_len > cap)
        return 0;
    memcpy(psk, credentials->psk, credentials->psk_len);
    return (unsigned int)credentials->psk_len;
}

static X509 *read_certificate(const char *pem)
{
    BIO *text = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(text, NULL, NULL, NULL);

    must(certificate != NULL, "a certificate or a CA does not parse");
    BIO_free(text);
    return certificate;
}

static void trust(SSL_CTX *context, const char *pem)
{
    X509 *ca = read_certificate(pem);

    must(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca) == 1, "no memory for a CA");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    X509_free(ca);
}

static void show_certificate(SSL_CTX *context, const struct stock_credentials *credentials)
{
    X509 *certificate = read_certificate(credentials->certificate);
    BIO *text = BIO_new_mem_buf(credentials->key, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, NULL, NULL);

    must(SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1,
         "a certificate and its key cannot be used");
    EVP_PKEY_free(key);
    BIO_free(text);
    X509_free(certificate);
}

static void use_credentials(SSL_CTX *context, const struct stock_credentials *credentials)
{
    SSL_CTX_set_app_data(context, (void *)(uintptr_t)credentials);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (credentials->identity != NULL) {
        SSL_CTX_set_psk_client_callback(context, on_psk);
        SSL_CTX_set_psk_server_callback(context, on_identity);
    } else {
        trust(context, credentials->ca);
    }
    if (credentials->certificate != NULL)
        show_certificate(context, credentials);
}

struct stock_library *stock_library_create(const struct stock_credentials *credentials)
{
    /* CCM_8 is below the security level that newer versions start with. */
    const char *suite =
        credentials->identity != NULL ? "PSK-AES128-CCM8:@SECLEVEL=0" : "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0";
    struct stock_library *library = calloc(1, sizeof *library);

    must(library != NULL, "no memory");
    library->context = SSL_CTX_new(credentials->is_server ? DTLS_server_method() : DTLS_client_method());
    library->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "datagrams of the owner");
    must(library->context != NULL && library->method != NULL, "no memory for OpenSSL");
    must(SSL_CTX_set_cipher_list(library->context, suite) == 1, "OpenSSL has no AES_128_CCM_8");
    must(BIO_meth_set_write(library->method, on_write) == 1 &&
             BIO_meth_set_read(library->method, on_read) == 1 &&
             BIO_meth_set_ctrl(library->method, on_control) == 1,
         "no memory for OpenSSL");
    use_credentials(library->context, credentials);
    return library;
}

void stock_library_destroy(struct stock_library *library)
{
    SSL_CTX_free(library->context);
    BIO_meth_free(library->method);
    free(library);
}

const char *stock_library_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

/* ---- one end ---- */

struct stock *stock_create(const struct stock_library *library, stock_send *send, void *ctx)
{
    struct stock *s = calloc(1, sizeof *s);
    BIO *bio = BIO_new(library->method);

    must(s != NULL && bio != NULL, "no memory");
    s->send = send;
    s->ctx = ctx;
    s->ssl = SSL_new(library->context);
    must(s->ssl != NULL, "no memory for OpenSSL");
    SSL_set_options(s->ssl, SSL_OP_NO_QUERY_MTU);
    DTLS_set_link_mtu(s->ssl, MTU);
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    SSL_set_bio(s->ssl, bio, bio);
    if (SSL_is_server(s->ssl))
        SSL_set_accept_state(s->ssl);
    else
        SSL_set_connect_state(s->ssl);
    return s;
}

void stock_destroy(struct stock *s)
{
    if (s == NULL)
        return;
    SSL_free(s->ssl);
    free(s);
}

static bool is_waiting(const struct stock *s, int result)
{
    int error = SSL_get_error(s->ssl, result);

    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

enum stock_state stock_run(struct stock *s, const uint8_t *datagram, size_t len)
{
    if (s->state != STOCK_CONNECTING)
        return s->state;
    ERR_clear_error();
    s->datagram = datagram;
    s->len = len;
    if (datagram == NULL)
        (void)DTLSv1_handle_timeout(s->ssl);
    int result = SSL_do_handshake(s->ssl);
    if (result == 1)
        s->state = STOCK_UP;
    else if (!is_waiting(s, result))
        s->state = STOCK_OVER;
    return s->state;
}

void stock_write(struct stock *s, const uint8_t *data, size_t len)
{
    ERR_clear_error();
    if (SSL_write(s->ssl, data, (int)len) != (int)len)
        s->state = STOCK_OVER;
}

size_t stock_read(struct stock *s, const uint8_t *datagram, size_t len, uint8_t *out, size_t cap)
{
    ERR_clear_error();
    s->datagram = datagram;
    s->len = len;
    int got = SSL_read(s->ssl, out, (int)cap);
    return got > 0 ? (size_t)got : 0;
}
