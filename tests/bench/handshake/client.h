/*
 * A stock DTLS client, OpenSSL's, that is fed one datagram at a time: its owner has the network, and the
 * thread.
 *
 * Offers one suite: AES_128_CCM_8 with a PSK, or ECDHE-ECDSA with certificates.
 */
#ifndef SSM_BENCH_CLIENT_H
#define SSM_BENCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

/* Must outlive the library made of it. */
struct client_credentials {
    const char *identity; /* of a PSK; NULL: certificates */
    const uint8_t *psk;
    size_t psk_len;
    const char *ca;          /* PEM: who has signed the server's certificate */
    const char *certificate; /* PEM; NULL: the client shows none */
    const char *key;         /* PEM */
};

enum client_state { CLIENT_CONNECTING, CLIENT_UP, CLIENT_OVER };

struct client_library; /* for any number of clients, on any thread */
struct client;

typedef void client_send(void *ctx, const uint8_t *datagram, size_t len);

struct client_library *client_library_create(const struct client_credentials *credentials);
void client_library_destroy(struct client_library *library);

struct client *client_create(const struct client_library *library, client_send *send, void *ctx);
/* Sends nothing. NULL is fine. */
void client_destroy(struct client *c);
/* Goes on with the handshake, with a datagram or (NULL, 0) with what its timers ask for. */
enum client_state client_run(struct client *c, const uint8_t *datagram, size_t len);
/* One record of application data. */
void client_write(struct client *c, const uint8_t *data, size_t len);
/* Opens a datagram; returns the length of its application data, 0: there is none. */
size_t client_read(struct client *c, const uint8_t *datagram, size_t len, uint8_t *out, size_t cap);

const char *client_library_version(void);

#endif
