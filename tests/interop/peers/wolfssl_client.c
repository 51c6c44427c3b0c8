/*
 * A DTLS client on wolfSSL for the conversations of tests/interop: what comes on standard input goes out as
 * one record a read, and each record that arrives goes to standard output. So rawcoap.py drives it like
 * openssl s_client.
 *
 * wolfSSL writes random explicit nonces. Debian's build has TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, but neither
 * its PSK nor its RSA sibling.
 */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <err.h>
#include <getopt.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LONGEST_RECORD_LEN = 16384, // RFC 5246 6.2.1
};

struct options {
    const char *host;
    const char *port;
    const char *certificate;
    const char *key;
    const char *ca;
    const char *server_name;
    int max_fragment;
};

static _Noreturn void usage(void)
{
    fputs("usage: wolfssl_client --ca FILE [--cert FILE --cert-key FILE] [--server-name NAME]\n"
          "                      [--max-fragment 512|1024|2048|4096] HOST PORT\n"
          "       wolfssl_client --version\n",
          stderr);
    exit(2);
}

static void options_read(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"cert", required_argument, NULL, 'c'},
        {"cert-key", required_argument, NULL, 'k'},
        {"ca", required_argument, NULL, 'a'},
        {"server-name", required_argument, NULL, 's'},
        {"max-fragment", required_argument, NULL, 'm'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'c':
            options->certificate = optarg;
            break;
        case 'k':
            options->key = optarg;
            break;
        case 'a':
            options->ca = optarg;
            break;
        case 's':
            options->server_name = optarg;
            break;
        case 'm':
            options->max_fragment = atoi(optarg);
            break;
        case 'v':
            printf("wolfSSL %s\n", wolfSSL_lib_version());
            exit(0);
        default:
            usage();
        }
    }
    if (optind + 2 != argc || options->ca == NULL) {
        usage();
    }
    options->host = argv[optind];
    options->port = argv[optind + 1];
}

static int socket_connect(const struct options *options)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found;
    int error = getaddrinfo(options->host, options->port, &hints, &found);
    if (error != 0)
        errx(1, "%s: %s", options->host, gai_strerror(error));
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0)
        err(1, "%s port %s", options->host, options->port);
    freeaddrinfo(found);
    return fd;
}

/* wolfSSL's own functions expect an IPv4 address, as Debian builds it. */
static int socket_receive(WOLFSSL *ssl, char *datagram, int size, void *fd)
{
    (void)ssl;
    ssize_t len = recv(*(int *)fd, datagram, (size_t)size, 0);
    return len >= 0 ? (int)len : WOLFSSL_CBIO_ERR_WANT_READ;
}

static int socket_send(WOLFSSL *ssl, char *datagram, int size, void *fd)
{
    (void)ssl;
    ssize_t len = send(*(int *)fd, datagram, (size_t)size, 0);
    return len >= 0 ? (int)len : WOLFSSL_CBIO_ERR_GENERAL;
}

static WOLFSSL_CTX *context_make(const struct options *options)
{
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfDTLSv1_2_client_method());
    if (context == NULL ||
        wolfSSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-CCM-8") != WOLFSSL_SUCCESS) {
        errx(1, "wolfSSL has no ECDHE-ECDSA-AES128-CCM-8");
    }
    wolfSSL_CTX_SetIORecv(context, socket_receive);
    wolfSSL_CTX_SetIOSend(context, socket_send);
    if (wolfSSL_CTX_load_verify_locations(context, options->ca, NULL) != WOLFSSL_SUCCESS) {
        errx(1, "%s: no CA certificate", options->ca);
    }
    if (options->certificate != NULL &&
        (wolfSSL_CTX_use_certificate_chain_file(context, options->certificate) != WOLFSSL_SUCCESS ||
         wolfSSL_CTX_use_PrivateKey_file(context, options->key, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)) {
        errx(1, "%s, %s: no certificate and key", options->certificate, options->key);
    }
    return context;
}

static int max_fragment_code(int len)
{ // RFC 6066 4
    switch (len) {
    case 512:
        return WOLFSSL_MFL_2_9;
    case 1024:
        return WOLFSSL_MFL_2_10;
    case 2048:
        return WOLFSSL_MFL_2_11;
    case 4096:
        return WOLFSSL_MFL_2_12;
    default:
        usage();
    }
}

static WOLFSSL *session_make(WOLFSSL_CTX *context, const struct options *options, int *fd)
{
    WOLFSSL *ssl = wolfSSL_new(context);
    if (ssl == NULL)
        errx(1, "wolfSSL_new");
    wolfSSL_SetIOReadCtx(ssl, fd);
    wolfSSL_SetIOWriteCtx(ssl, fd);
    wolfSSL_dtls_set_using_nonblock(ssl, 1);
    if (options->server_name != NULL &&
        wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, options->server_name,
                       (unsigned short)strlen(options->server_name)) != WOLFSSL_SUCCESS) {
        errx(1, "wolfSSL_UseSNI");
    }
    if (options->max_fragment != 0 &&
        wolfSSL_UseMaxFragment(ssl, (unsigned char)max_fragment_code(options->max_fragment)) !=
            WOLFSSL_SUCCESS) {
        errx(1, "wolfSSL_UseMaxFragment");
    }
    return ssl;
}

static _Noreturn void session_fail(WOLFSSL *ssl, const char *what, int result)
{
    WOLFSSL_ALERT_HISTORY history;
    char text[WOLFSSL_MAX_ERROR_SZ];
    wolfSSL_ERR_error_string((unsigned long)wolfSSL_get_error(ssl, result), text);
    if (wolfSSL_get_alert_history(ssl, &history) == WOLFSSL_SUCCESS && history.last_rx.level == alert_fatal) {
        errx(1, "%s: alert %d from the server: %s", what, history.last_rx.code, text);
    }
    errx(1, "%s: %s", what, text);
}

static void session_shake_hands(WOLFSSL *ssl, int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int result;
    while ((result = wolfSSL_connect(ssl)) != WOLFSSL_SUCCESS) {
        if (wolfSSL_get_error(ssl, result) != WOLFSSL_ERROR_WANT_READ)
            session_fail(ssl, "handshake", result);
        if (poll(&ready, 1, wolfSSL_dtls_get_current_timeout(ssl) * 1000) == 0 &&
            wolfSSL_dtls_got_timeout(ssl) != WOLFSSL_SUCCESS)
            errx(1, "handshake: the server does not answer");
    }
}

/* Returns false once the server has closed. */
static bool session_receive(WOLFSSL *ssl)
{
    unsigned char record[LONGEST_RECORD_LEN];
    for (;;) {
        int len = wolfSSL_read(ssl, record, sizeof record);
        if (len > 0) {
            if (write(STDOUT_FILENO, record, (size_t)len) != len) {
                err(1, "standard output");
            }
            continue;
        }
        int error = wolfSSL_get_error(ssl, len);
        if (error == WOLFSSL_ERROR_WANT_READ) {
            return true;
        }
        if (error == WOLFSSL_ERROR_ZERO_RETURN) {
            return false;
        }
        session_fail(ssl, "read", len);
    }
}

static bool session_send(WOLFSSL *ssl)
{
    unsigned char record[LONGEST_RECORD_LEN];
    ssize_t len = read(STDIN_FILENO, record, sizeof record);
    if (len > 0 && wolfSSL_write(ssl, record, (int)len) != len) {
        session_fail(ssl, "write", -1);
    }
    return len > 0;
}

static void session_relay(WOLFSSL *ssl, int fd)
{
    struct pollfd ready[] = {{.fd = fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    while (poll(ready, 2, -1) > 0) {
        if ((ready[0].revents != 0 && !session_receive(ssl)) ||
            (ready[1].revents != 0 && !session_send(ssl))) {
            return;
        }
    }
}

int main(int argc, char **argv)
{
    struct options options = {0};
    options_read(&options, argc, argv);
    int fd = socket_connect(&options);
    wolfSSL_Init();
    WOLFSSL_CTX *context = context_make(&options);
    WOLFSSL *ssl = session_make(context, &options, &fd);
    session_shake_hands(ssl, fd);
    fprintf(stderr, "connected: %s\n", wolfSSL_get_cipher_name(ssl));
    session_relay(ssl, fd);
    wolfSSL_shutdown(ssl);
    wolfSSL_free(ssl);
    wolfSSL_CTX_free(context);
    wolfSSL_Cleanup();
    close(fd);
    return 0;
}
