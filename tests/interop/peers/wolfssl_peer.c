#include "wolfssl_peer.h"

#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LONGEST_RECORD_LEN = 16384, // RFC 5246 6.2.1
};

enum outcome { GOES_ON, ENDED, FAILED };

/* wolfSSL's own functions expect an IPv4 address, as Debian builds it. */
static int socket_receive(WOLFSSL *ssl, char *datagram, int size, void *fd)
{
    (void)ssl;
    ssize_t len = recv(*(int *)fd, datagram, (size_t)size, MSG_DONTWAIT);
    return len >= 0 ? (int)len : WOLFSSL_CBIO_ERR_WANT_READ;
}

static int socket_send(WOLFSSL *ssl, char *datagram, int size, void *fd)
{
    (void)ssl;
    ssize_t len = send(*(int *)fd, datagram, (size_t)size, 0);
    return len >= 0 ? (int)len : WOLFSSL_CBIO_ERR_GENERAL;
}

WOLFSSL_CTX *peer_context_make(WOLFSSL_METHOD *method, const struct peer_files *files)
{
    WOLFSSL_CTX *context = wolfSSL_CTX_new(method);
    if (context == NULL ||
        wolfSSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-CCM-8") != WOLFSSL_SUCCESS) {
        errx(1, "wolfSSL has no ECDHE-ECDSA-AES128-CCM-8");
    }
    wolfSSL_CTX_SetIORecv(context, socket_receive);
    wolfSSL_CTX_SetIOSend(context, socket_send);
    if (wolfSSL_CTX_load_verify_locations(context, files->ca, NULL) != WOLFSSL_SUCCESS) {
        errx(1, "%s: no CA certificate", files->ca);
    }
    if (files->certificate != NULL &&
        (wolfSSL_CTX_use_certificate_chain_file(context, files->certificate) != WOLFSSL_SUCCESS ||
         wolfSSL_CTX_use_PrivateKey_file(context, files->key, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)) {
        errx(1, "%s, %s: no certificate and key", files->certificate, files->key);
    }
    return context;
}

WOLFSSL *peer_session_make(WOLFSSL_CTX *context, int *fd)
{
    WOLFSSL *ssl = wolfSSL_new(context);
    if (ssl == NULL)
        errx(1, "wolfSSL_new");
    wolfSSL_SetIOReadCtx(ssl, fd);
    wolfSSL_SetIOWriteCtx(ssl, fd);
    wolfSSL_dtls_set_using_nonblock(ssl, 1);
    return ssl;
}

static void explain(WOLFSSL *ssl, const char *what, int result)
{
    WOLFSSL_ALERT_HISTORY history;
    char text[WOLFSSL_MAX_ERROR_SZ];
    wolfSSL_ERR_error_string((unsigned long)wolfSSL_get_error(ssl, result), text);
    if (wolfSSL_get_alert_history(ssl, &history) == WOLFSSL_SUCCESS && history.last_rx.level == alert_fatal)
        warnx("%s: alert %d from the other side: %s", what, history.last_rx.code, text);
    else
        warnx("%s: %s", what, text);
}

bool peer_shake_hands(WOLFSSL *ssl, int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int result;
    while ((result = wolfSSL_negotiate(ssl)) != WOLFSSL_SUCCESS) {
        if (wolfSSL_get_error(ssl, result) != WOLFSSL_ERROR_WANT_READ) {
            explain(ssl, "handshake", result);
            return false;
        }
        if (poll(&ready, 1, wolfSSL_dtls_get_current_timeout(ssl) * 1000) == 0 &&
            wolfSSL_dtls_got_timeout(ssl) != WOLFSSL_SUCCESS) {
            warnx("handshake: the other side does not answer");
            return false;
        }
    }
    fprintf(stderr, "connected: %s\n", wolfSSL_get_cipher_name(ssl));
    return true;
}

static enum outcome session_receive(WOLFSSL *ssl)
{
    unsigned char record[LONGEST_RECORD_LEN];
    int len;
    while ((len = wolfSSL_read(ssl, record, sizeof record)) > 0) {
        if (write(STDOUT_FILENO, record, (size_t)len) != len)
            err(1, "standard output");
    }
    switch (wolfSSL_get_error(ssl, len)) {
    case WOLFSSL_ERROR_WANT_READ:
        return GOES_ON;
    case WOLFSSL_ERROR_ZERO_RETURN:
        return ENDED;
    default:
        explain(ssl, "read", len);
        return FAILED;
    }
}

static enum outcome session_send(WOLFSSL *ssl)
{
    unsigned char record[LONGEST_RECORD_LEN];
    ssize_t len = read(STDIN_FILENO, record, sizeof record);
    if (len <= 0)
        return ENDED;
    if (wolfSSL_write(ssl, record, (int)len) == len)
        return GOES_ON;
    explain(ssl, "write", -1);
    return FAILED;
}

bool peer_converse(WOLFSSL *ssl, int fd, int patience_ms)
{
    struct pollfd ready[] = {{.fd = fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    enum outcome outcome = GOES_ON;
    while (outcome == GOES_ON && poll(ready, 2, patience_ms) > 0) {
        if (ready[0].revents != 0)
            outcome = session_receive(ssl);
        if (ready[1].revents != 0 && outcome == GOES_ON)
            outcome = session_send(ssl);
    }
    return outcome != FAILED;
}
