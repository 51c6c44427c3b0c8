/*
 * What the world watches all the time: that frames of the node's link are of the kinds and lengths that they
 * may have, and that each record towards a peer was sealed by its node, or by the gateway where it may, and
 * under a number of its own (nonces.h).
 */
#ifndef SSM_TEST_WATCH_H
#define SSM_TEST_WATCH_H

#include "message.h"
#include "nonces.h"

/* A frame of the link; from_node is 0 for one of the gateway's. */
void watch_link(struct nonces *n, const uint8_t *datagram, size_t len, uint32_t from_node);
/* A datagram that leaves for a peer. */
void watch_peer(const struct nonces *n, const uint8_t *datagram, size_t len);
/* A message of keys to relay, with what the gateway has sealed. */
void watch_message(struct nonces *n, const struct message *m);

#endif
