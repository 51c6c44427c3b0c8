#include "radio.h"

enum {
    FRAME_PAYLOAD = 104,  /* 127 less MAC header, 64-bit addresses and checksum */
    HEADERS_ONE_HOP = 10, /* IPv6 and UDP, compressed; 94 bytes are left */
    HEADERS_ROUTED = 26,  /* the same with interface identifiers that no MAC address implies; 78 are left */
    HEADERS_IN_FULL = 48, /* offsets of fragments count these */
    FRAGMENT_FIRST = 4,   /* bytes of the fragment header, RFC 4944 5.3 */
    FRAGMENT_LATER = 5,
    FRAGMENT_UNIT = 8,
    FRAME_MS = 6, /* 127 bytes at 250 kbit/s are 4.1 ms; the rest is back-off and turn-round */
};

uint64_t random_u64(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static size_t headers(unsigned hops)
{
    return hops == 1 ? HEADERS_ONE_HOP : HEADERS_ROUTED;
}

/* UDP payload of a first fragment: with the headers in full it ends on a multiple of eight. */
static size_t first_fragment(unsigned hops)
{
    size_t room = FRAME_PAYLOAD - FRAGMENT_FIRST - headers(hops) + HEADERS_IN_FULL;

    return room - room % FRAGMENT_UNIT - HEADERS_IN_FULL;
}

size_t radio_frame_payload(unsigned hops)
{
    return FRAME_PAYLOAD - headers(hops);
}

unsigned radio_frames(unsigned hops, size_t len)
{
    const size_t room = FRAME_PAYLOAD - FRAGMENT_LATER;
    const size_t later = room - room % FRAGMENT_UNIT;

    if (len <= radio_frame_payload(hops))
        return 1;
    return 1 + (unsigned)((len - first_fragment(hops) + later - 1) / later);
}

unsigned radio_air_ms(unsigned hops, size_t len)
{
    return radio_frames(hops, len) * hops * FRAME_MS;
}

bool radio_send(struct radio *r, size_t len)
{
    unsigned frames = radio_frames(r->hops, len);
    bool arrives = true;

    r->datagrams++;
    r->frames += frames;
    for (unsigned i = 0; i < frames * r->hops; i++) {
        double dice = (double)(random_u64(&r->chance) >> 11) * 0x1p-53; /* 0 <= dice < 1 */
        arrives = arrives && dice >= r->loss;
    }
    return arrives;
}
