/*
 * What the client and the server on wolfSSL share: what comes on standard input goes out as one record a
 * read, and each record that arrives goes to standard output. wolfssl_client.c and wolfssl_server.c call it;
 * it opens no socket, and ends the process only for lack of memory, of a file or of the cipher suite.
 *
 * wolfSSL writes random explicit nonces. Debian's build has TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, but neither
 * its PSK nor its RSA sibling.
 */
#ifndef SSM_TEST_WOLFSSL_PEER_H
#define SSM_TEST_WOLFSSL_PEER_H

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <stdbool.h>

struct peer_files {
    const char *certificate; /* NULL: none; with those between it and its CA */
    const char *key;
    const char *ca;
};

WOLFSSL_CTX *peer_context_make(WOLFSSL_METHOD *method, const struct peer_files *files);

/* A session over the connected socket *fd. */
WOLFSSL *peer_session_make(WOLFSSL_CTX *context, int *fd);

/* Both return false after a word on standard error. A conversation ends with standard input, with the other
 * side's close_notify, or with a silence of patience_ms on both (-1: it has no end). */
bool peer_shake_hands(WOLFSSL *ssl, int fd);
bool peer_converse(WOLFSSL *ssl, int fd, int patience_ms);

#endif
