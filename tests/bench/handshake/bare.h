/*
 * Mbed TLS by itself, in the fastest way that is reasonable: one configuration and thread for each processor,
 * a context for each handshake, no cookies unless they are asked for, in memory, client and server by turns
 * on the same thread.
 */
#ifndef SSM_BENCH_BARE_H
#define SSM_BENCH_BARE_H

#include "client.h"
#include "pki.h"

#include <stdbool.h>

struct bare;

enum bare_kind { BARE_PSK, BARE_PSK_COOKIES, BARE_MUTUAL, BARE_SERVER_ONLY };

struct bare *bare_create(enum bare_kind kind, const struct pki *pki, uint8_t servers);
void bare_destroy(struct bare *b);
/* Runs so many handshakes; returns the processor time that the server took. */
double bare_handshake(struct bare *b, const struct client_library *clients, uint32_t count);

#endif
