/*
 * A DTLS server on wolfSSL, one session after another, for tests/interop/outbound*.sh: like openssl s_server
 * it prints what it receives and sends what it reads. It demands a certificate of the CA.
 *
 *   wolfssl_server CERTIFICATE KEY CA PORT
 */
#include "wolfssl_peer.h"

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    PATIENCE_MS = 5000, // contrary to RFC 6347 4.2.8, wolfSSL's sessions ignore a ClientHello of their client
};

static int socket_bind(const char *port)
{
    const struct sockaddr_in local = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                      .sin_port = htons((uint16_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&local, sizeof local) != 0)
        err(1, "port %s", port);
    return fd;
}

/* The socket hears its next client alone from here on. */
static void socket_accept(int fd)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    struct sockaddr_in client;
    socklen_t client_len = sizeof client;
    if (connect(fd, &nobody, sizeof nobody) != 0)
        err(1, "connect to nobody");
    while (recvfrom(fd, NULL, 0, MSG_PEEK, (struct sockaddr *)&client, &client_len) < 0) {
        if (errno != ECONNREFUSED) // the client before has gone
            err(1, "recvfrom");
    }
    if (connect(fd, (const struct sockaddr *)&client, client_len) != 0)
        err(1, "connect");
}

/* wolfSSL's own asks the socket for an address, which it does not know. There is one client at a time. */
static int cookie_make(WOLFSSL *ssl, unsigned char *cookie, int size, void *ctx)
{
    (void)ssl;
    (void)ctx;
    memset(cookie, 'c', (size_t)size);
    return size;
}

static void serve(WOLFSSL_CTX *context, int fd)
{
    socket_accept(fd);
    WOLFSSL *ssl = peer_session_make(context, &fd);
    if (peer_shake_hands(ssl, fd) && peer_converse(ssl, fd, PATIENCE_MS))
        wolfSSL_shutdown(ssl);
    wolfSSL_free(ssl);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fputs("usage: wolfssl_server CERTIFICATE KEY CA PORT\n", stderr);
        return 2;
    }
    wolfSSL_Init();
    WOLFSSL_CTX *context =
        peer_context_make(wolfDTLSv1_2_server_method(),
                          &(struct peer_files){.certificate = argv[1], .key = argv[2], .ca = argv[3]});
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    wolfSSL_CTX_SetGenCookie(context, cookie_make);
    for (int fd = socket_bind(argv[4]);;)
        serve(context, fd);
}
