/*
 * A DTLS client or server of a library that is not ours, driven in memory with a virtual clock. One file for
 * each library fills in struct peer_library; tests see only this.
 *
 * A server is there for one client. Mbed TLS's and OpenSSL's ask for a cookie, GnuTLS's does without.
 */
#ifndef SSM_TEST_PEER_H
#define SSM_TEST_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEER_DATAGRAM_MAX = 2048, PEER_QUEUE_MAX = 32, PEER_ALERT_NONE = -1, PEER_READ_MAX = 512 };

enum peer_suites { /* all with AES_128_CCM_8, in this order of preference */
                   PEER_RSA = 1,
                   PEER_ECDSA = 2, /* with ECDHE */
                   PEER_PSK = 4,
};

/* Texts must live as long as the peer. */
struct peer_config {
    bool is_server;
    unsigned suites;      /* enum peer_suites; 0: PEER_PSK */
    const char *identity; /* the client's */
    const uint8_t *psk;
    size_t psk_len;
    const char *ca;          /* PEM: who issued the other side's certificate; NULL: it is not checked */
    const char *certificate; /* PEM, with intermediates; NULL: none */
    const char *key;
    const char *server_name; /* that a client asks for; NULL: none */
    size_t max_fragment_len; /* RFC 6066 4; 0: not asked for */
    void *ctx;
    void (*output)(void *ctx, const uint8_t *datagram, size_t len);
};

struct peer_datagram {
    size_t len;
    uint8_t bytes[PEER_DATAGRAM_MAX];
};

/* What every library's peer starts with. */
struct peer {
    struct peer_config config;
    uint64_t now_ms;
    bool is_up;                  /* handshake finished */
    bool is_over;                /* failed, or closed by the other side */
    bool is_closed;              /* by a close_notify */
    int alert;                   /* the fatal alert that was received, or PEER_ALERT_NONE */
    uint8_t read[PEER_READ_MAX]; /* the last application data */
    size_t read_len;
    unsigned reads;
    struct peer_datagram queue[PEER_QUEUE_MAX]; /* arrived and not yet read by the library */
    unsigned queue_head;
    unsigned queue_count;
};

struct peer_library {
    const char *name;
    struct peer *(*create)(const struct peer_config *config);
    /* Lets the library read what has arrived and do what its timers ask for. */
    void (*run)(struct peer *p, uint64_t now_ms);
    void (*write)(struct peer *p, const uint8_t *data, size_t len);
    void (*destroy)(struct peer *p);
};

extern const struct peer_library peer_mbedtls;
extern const struct peer_library peer_openssl;
extern const struct peer_library peer_gnutls;

static inline void peer_deliver(struct peer *p, const uint8_t *datagram, size_t len)
{
    struct peer_datagram *d = &p->queue[(p->queue_head + p->queue_count) % PEER_QUEUE_MAX];

    if (p->queue_count == PEER_QUEUE_MAX || len > sizeof d->bytes)
        return;
    __builtin_memcpy(d->bytes, datagram, len);
    d->len = len;
    p->queue_count++;
}

/* The next datagram, or NULL. */
static inline const struct peer_datagram *peer_take(struct peer *p)
{
    const struct peer_datagram *d = &p->queue[p->queue_head];

    if (p->queue_count == 0)
        return NULL;
    p->queue_head = (p->queue_head + 1) % PEER_QUEUE_MAX;
    p->queue_count--;
    return d;
}

static inline void peer_init(struct peer *p, const struct peer_config *config)
{
    p->config = *config;
    p->alert = PEER_ALERT_NONE;
}

#endif
