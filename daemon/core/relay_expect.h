/*
 * What a batch of datagrams will be looked up by, fetched ahead: with many sessions each look-up waits for
 * memory, but several can be waited for at once.
 *
 * Called by the relay process right before it hands over the datagrams of a batch. Changes nothing, decides
 * nothing, and what it guesses wrongly costs time alone.
 */
#ifndef SSM_RELAY_EXPECT_H
#define SSM_RELAY_EXPECT_H

#include "arrival.h"
#include "relay.h"

enum { RELAY_EXPECT_MAX = 64 }; /* datagrams of a batch; what is beyond is not looked at */

void relay_expect_from_peers(const struct relay *r, const struct arrival *batch, size_t count);
void relay_expect_from_nodes(const struct relay *r, const struct arrival *batch, size_t count);

#endif
