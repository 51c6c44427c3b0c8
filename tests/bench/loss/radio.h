/*
 * An IEEE 802.15.4 link that loses frames: a datagram is cut into frames as 6LoWPAN does (RFC 4944 5.3), each
 * frame is lost on each hop by chance, nothing is repeated by the link, and a datagram arrives if all its
 * frames did.
 *
 * Frames are 127 bytes with 64-bit addresses and compressed headers (RFC 6282). Used by every method of the
 * bench; knows nothing of what the datagrams say.
 */
#ifndef SSM_BENCH_RADIO_H
#define SSM_BENCH_RADIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct radio {
    double loss; /* of a frame on one hop, 0 to 1 */
    unsigned hops;
    uint64_t chance;    /* state of random_u64 */
    unsigned datagrams; /* sent, lost ones included */
    unsigned frames;    /* of these datagrams, each counted once whatever the hops */
};

/* splitmix64; any state is a good one to start from. */
uint64_t random_u64(uint64_t *state);

/* Bytes of UDP payload that one frame holds. */
size_t radio_frame_payload(unsigned hops);
/* Frames that a datagram with `len` bytes of UDP payload needs. */
unsigned radio_frames(unsigned hops, size_t len);
/* Milliseconds from the first bit sent to the last one received. */
unsigned radio_air_ms(unsigned hops, size_t len);
/* Counts a datagram; returns whether it arrives. */
bool radio_send(struct radio *r, size_t len);

#endif
