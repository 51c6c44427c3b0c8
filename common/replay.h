/*
 * The sliding anti-replay window of RFC 6347 4.1.2.6 (64 numbers wide), for records, relay tags and control
 * messages.
 *
 * Starts empty, not at zero: one stack sends its Finished with number 5 and its first data with number 1.
 * Update only after the number's message has been authenticated.
 */
#ifndef SSM_REPLAY_H
#define SSM_REPLAY_H

#include "bytes.h"

enum { REPLAY_WIDTH = 64 };

/* All zero is the empty window. */
struct replay {
    struct seq48 highest;
    uint8_t seen[REPLAY_WIDTH / 8]; /* bit (number mod 64): that number has been accepted */
};

/* Accepts the number. Returns false, changing nothing, if it was seen before or is older than the window. */
bool replay_accept(struct replay *window, const struct seq48 *number);

#endif
