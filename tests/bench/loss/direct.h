/*
 * The handshake that delegation saves: client and node both run the whole of Mbed TLS, every datagram crosses
 * the node's link. Timers are the library's, on a virtual clock.
 */
#ifndef SSM_BENCH_DIRECT_H
#define SSM_BENCH_DIRECT_H

#include "outcome.h"
#include "radio.h"

enum direct_kind {
    DIRECT_PSK,         /* TLS_PSK_WITH_AES_128_CCM_8 */
    DIRECT_X509_SERVER, /* TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 on P-256, the node has a certificate */
    DIRECT_X509_MUTUAL, /* both have */
};

enum direct_tuning {
    DIRECT_STOCK, /* one datagram of up to 1232 bytes a flight, repeated after 1 s, doubling to 60 s */
    DIRECT_TUNED, /* fragments of one frame (RFC 6347 4.2.3), repeated as early as the gateway does */
};

/* Configuration and certificates of both ends. */
struct direct;

struct direct *direct_create(enum direct_kind kind, enum direct_tuning tuning, uint64_t seed);
void direct_destroy(struct direct *d);
/* One client, from its first ClientHello to the moment that it has verified the node's Finished. */
struct outcome direct_run(struct direct *d, struct radio *radio);

#endif
