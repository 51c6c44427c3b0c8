#include "client.h"

#include "must.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum { MTU = 1200 };

struct client_library {
    SSL_CTX *context;
    BIO_METHOD *method;
};

struct client {
    SSL *ssl;
    client_send *send;
    void *ctx;
    const uint8_t *datagram; /* the one being read, or NULL */
    size_t len;
    enum client_state state;
};

/* ---- datagrams ---- */

static int on_write(BIO *bio, const char *data, int len)
{
    const struct client *c = BIO_get_data(bio);

    c->send(c->ctx, (const uint8_t *)data, (size_t)len);
    return len;
}

static int on_read(BIO *bio, char *out, int cap)
{
    struct client *c = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (c->datagram == NULL) {
        BIO_set_retry_read(bio);
        return -1;
    }
    int len = c->len < (size_t)cap ? (int)c->len : cap;
    memcpy(out, c->datagram, (size_t)len);
    c->datagram = NULL;
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

/* ---- what clients share ---- */

static unsigned int on_psk(SSL *ssl, const char *hint, char *identity, unsigned int identity_cap,
                           unsigned char *psk, unsigned int psk_cap)
{
    const struct client_credentials *credentials = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    (void)hint;
    if (strlen(credentials->identity) >= identity_cap || credentials->psk_len > psk_cap)
        return 0;
    strcpy(identity, credentials->identity);
    memcpy(psk, credentials->psk, credentials->psk_len);
    return (unsigned int)credentials->psk_len;
}

static X509 *read_certificate(const char *pem)
{
    BIO *text = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(text, NULL, NULL, NULL);

    must(certificate != NULL, "a client's certificate or CA does not parse");
    BIO_free(text);
    return certificate;
}

static void trust(SSL_CTX *context, const char *pem)
{
    X509 *ca = read_certificate(pem);

    must(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca) == 1, "no memory for a CA");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    X509_free(ca);
}

static void show_certificate(SSL_CTX *context, const struct client_credentials *credentials)
{
    X509 *certificate = read_certificate(credentials->certificate);
    BIO *text = BIO_new_mem_buf(credentials->key, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, NULL, NULL);

    must(SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1,
         "a client's certificate and key cannot be used");
    EVP_PKEY_free(key);
    BIO_free(text);
    X509_free(certificate);
}

static void use_credentials(SSL_CTX *context, const struct client_credentials *credentials)
{
    SSL_CTX_set_app_data(context, (void *)(uintptr_t)credentials);
    if (credentials->identity != NULL)
        SSL_CTX_set_psk_client_callback(context, on_psk);
    else
        trust(context, credentials->ca);
    if (credentials->certificate != NULL)
        show_certificate(context, credentials);
}

struct client_library *client_library_create(const struct client_credentials *credentials)
{
    /* CCM_8 is below the security level that newer versions start with. */
    const char *suite =
        credentials->identity != NULL ? "PSK-AES128-CCM8:@SECLEVEL=0" : "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0";
    struct client_library *library = calloc(1, sizeof *library);

    must(library != NULL, "no memory");
    library->context = SSL_CTX_new(DTLS_client_method());
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

void client_library_destroy(struct client_library *library)
{
    SSL_CTX_free(library->context);
    BIO_meth_free(library->method);
    free(library);
}

const char *client_library_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

/* ---- one client ---- */

struct client *client_create(const struct client_library *library, client_send *send, void *ctx)
{
    struct client *c = calloc(1, sizeof *c);
    BIO *bio = BIO_new(library->method);

    must(c != NULL && bio != NULL, "no memory");
    c->send = send;
    c->ctx = ctx;
    c->ssl = SSL_new(library->context);
    must(c->ssl != NULL, "no memory for OpenSSL");
    SSL_set_options(c->ssl, SSL_OP_NO_QUERY_MTU);
    DTLS_set_link_mtu(c->ssl, MTU);
    BIO_set_data(bio, c);
    BIO_set_init(bio, 1);
    SSL_set_bio(c->ssl, bio, bio);
    SSL_set_connect_state(c->ssl);
    return c;
}

void client_destroy(struct client *c)
{
    if (c == NULL)
        return;
    SSL_free(c->ssl);
    free(c);
}

static bool is_waiting(const struct client *c, int result)
{
    int error = SSL_get_error(c->ssl, result);

    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

enum client_state client_run(struct client *c, const uint8_t *datagram, size_t len)
{
    if (c->state != CLIENT_CONNECTING)
        return c->state;
    ERR_clear_error();
    c->datagram = datagram;
    c->len = len;
    if (datagram == NULL)
        (void)DTLSv1_handle_timeout(c->ssl);
    int result = SSL_do_handshake(c->ssl);
    if (result == 1)
        c->state = CLIENT_UP;
    else if (!is_waiting(c, result))
        c->state = CLIENT_OVER;
    return c->state;
}

void client_write(struct client *c, const uint8_t *data, size_t len)
{
    ERR_clear_error();
    if (SSL_write(c->ssl, data, (int)len) != (int)len)
        c->state = CLIENT_OVER;
}

size_t client_read(struct client *c, const uint8_t *datagram, size_t len, uint8_t *out, size_t cap)
{
    ERR_clear_error();
    c->datagram = datagram;
    c->len = len;
    int got = SSL_read(c->ssl, out, (int)cap);
    return got > 0 ? (size_t)got : 0;
}
