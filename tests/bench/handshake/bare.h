/*
 * Mbed TLS by itself, in the fastest way that is reasonable: one configuration and thread for each processor,
 * a context for each handshake, no cookies unless they are asked for, in memory, both ends by turns on the
 * same thread.
 */
#ifndef SSM_BENCH_BARE_H
#define SSM_BENCH_BARE_H

#include "stock.h"
#include "pki.h"

#include <stdbool.h>

struct bare;

enum bare_kind {
    BARE_PSK,
    BARE_PSK_COOKIES,
    BARE_MUTUAL,
    BARE_SERVER_ONLY, /* only the server has a certificate */
    BARE_CLIENT_PSK,  /* from here on Mbed TLS is the client */
    BARE_CLIENT_MUTUAL,
};

struct bare *bare_create(enum bare_kind kind, const struct pki *pki, uint8_t ends);
void bare_destroy(struct bare *b);
/* Runs so many handshakes; returns the processor time that Mbed TLS took. */
double bare_handshake(struct bare *b, const struct stock_library *others, uint32_t count);

#endif
