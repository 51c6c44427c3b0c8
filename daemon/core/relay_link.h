/*
 * The node's link, inbound: relayed records are checked and go to their peer, everything else goes to `keys`.
 */
#ifndef SSM_RELAY_LINK_H
#define SSM_RELAY_LINK_H

#include "relay_state.h"

/* One datagram from the link; RECORD_SEALED_HEADER_LEN writable bytes in front of it. Answers what to count.
 */
enum relay_counter relay_link_on_datagram(struct relay *r, const struct endpoint *from, uint8_t *datagram,
                                          size_t len, uint64_t now_ms);

/* MSG_NODE_KEYS, MSG_NODE_CTRL_OUT, MSG_NODE_CTRL_DONE and MSG_NODE_GONE. */
void relay_link_keys(struct relay *r, const struct message *m, uint64_t now_ms);
void relay_link_send(struct relay *r, const struct message *m, uint64_t now_ms);
void relay_link_done(struct relay *r, const struct message *m);
void relay_link_gone(struct relay *r, const struct message *m, uint64_t now_ms);
/* MSG_SESSION_THROTTLE. */
void relay_link_throttle(struct relay *r, const struct message *m);
/* Tells `keys` of nodes that leave records unanswered. Returns when to be called again (monotonic ms). */
uint64_t relay_link_quiet(struct relay *r, uint64_t now_ms);
/* Repeats what is due. Returns when to be called again (monotonic ms; UINT64_MAX: nothing to repeat). */
uint64_t relay_link_repeat(struct relay *r, uint64_t now_ms);

#endif
