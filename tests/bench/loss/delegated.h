/*
 * Key delivery as the product does it: the gateway's and the node's core of the flow test's world, with
 * default timers. Only the node's link loses; the client is on the Internet's side of the gateway.
 */
#ifndef SSM_BENCH_DELEGATED_H
#define SSM_BENCH_DELEGATED_H

#include "outcome.h"
#include "radio.h"

/* One client, from the moment that the first key block leaves to that at which the peer's last flight is
 * released. */
struct outcome delegated_run(struct radio *radio);

#endif
