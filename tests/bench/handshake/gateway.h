/*
 * What `keys` is made of, without its processes: the delegator, the DTLS engine, worker threads, the database
 * and an event loop, which is the calling thread's. The outside is played in the same process (outside.h).
 */
#ifndef SSM_BENCH_GATEWAY_H
#define SSM_BENCH_GATEWAY_H

#include "stock.h"
#include "pki.h"

#include <stdint.h>

enum { GATEWAY_PSK_LEN = 16 };

#define GATEWAY_SUBSCRIBER_PSK "bench-psk"         /* its PSK is gateway_psk */
#define GATEWAY_SUBSCRIBER_SUBJECT "bench-subject" /* the common name of its certificates */

/* Destinations of each node. */
#define GATEWAY_SERVER_PSK "coaps://psk" /* by GATEWAY_SUBSCRIBER_PSK, too */
#define GATEWAY_SERVER_CERTIFICATE "coaps://" PKI_SERVER_NAME

extern const uint8_t gateway_psk[GATEWAY_PSK_LEN];

struct gateway;

/* What a run cost. */
struct gateway_cost {
    double wall_s;
    double loop_s;   /* processor time of the loop's thread */
    double worker_s; /* of all workers */
};

/* With so many worker threads, and enough clients that none of them waits. */
struct gateway *gateway_create(uint8_t workers, const struct pki *pki);
void gateway_destroy(struct gateway *g);
/* Runs so many handshakes, each from a stranger's ClientHello to the node's acknowledgement and the durable
 * row. */
struct gateway_cost gateway_handshake(struct gateway *g, const struct stock_library *clients, uint32_t count);
/* The same as client of servers that a node asks for by this URI, from its wish on. */
struct gateway_cost gateway_call(struct gateway *g, const struct stock_library *servers, const char *uri,
                                 uint32_t count);

#endif
