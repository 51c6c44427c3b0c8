/*
 * A stock DTLS client or server, OpenSSL's, that is fed one datagram at a time: its owner has the network,
 * and the thread.
 *
 * Has one suite: AES_128_CCM_8 with a PSK, or ECDHE-ECDSA with certificates. A server asks for no cookie.
 */
#ifndef SSM_BENCH_STOCK_H
#define SSM_BENCH_STOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Must outlive the library made of it. */
struct stock_credentials {
    bool is_server;
    const char *identity; /* the client's, of a PSK; NULL: certificates */
    const uint8_t *psk;
    size_t psk_len;
    const char *ca;          /* PEM: who has signed the other side's certificate */
    const char *certificate; /* PEM; NULL: a client that shows none */
    const char *key;         /* PEM */
};

enum stock_state { STOCK_CONNECTING, STOCK_UP, STOCK_OVER };

struct stock_library; /* for any number of ends, on any thread */
struct stock;

typedef void stock_send(void *ctx, const uint8_t *datagram, size_t len);

struct stock_library *stock_library_create(const struct stock_credentials *credentials);
void stock_library_destroy(struct stock_library *library);

struct stock *stock_create(const struct stock_library *library, stock_send *send, void *ctx);
/* Sends nothing. NULL is fine. */
void stock_destroy(struct stock *s);
/* Goes on with the handshake, with a datagram or (NULL, 0) with what its timers ask for. */
enum stock_state stock_run(struct stock *s, const uint8_t *datagram, size_t len);
/* One record of application data. */
void stock_write(struct stock *s, const uint8_t *data, size_t len);
/* Opens a datagram; returns the length of its application data, 0: there is none. */
size_t stock_read(struct stock *s, const uint8_t *datagram, size_t len, uint8_t *out, size_t cap);

const char *stock_library_version(void);

#endif
