/*
 * Datagrams on the link between gateway and node: their first byte, and the header of a relayed record
 * (PROTOCOL.md, "Relayed record"). The DTLS header is shortened: what both ends know is not sent.
 *
 * In place and without copying: the header replaces the DTLS header right in front of the body, and the other
 * way.
 */
#ifndef SSM_LINKFRAME_H
#define SSM_LINKFRAME_H

#include "record.h"

enum link_kind { /* top three bits of the first byte */
                 LINK_ASSOCIATION = 1,
                 LINK_CONTROL = 2,
                 LINK_RECORD = 3,
};

enum {
    LINK_RECORD_HEADER_MAX = 1 + 2 + 6 + 8,
    LINK_RECORD_HEADER_MIN = 1 + 2 + 2,
    LINK_TAG_LEN = 6, /* relay tag behind every record from a node */
    LINK_TAG_KEY_LEN = 16,
    /*
     * UDP payload that one 127-byte IEEE 802.15.4 frame holds with 64-bit addresses, IPHC and NHC compressed
     * headers (RFC 6282) and no link security: at three hops the ends' addresses are not the hop's and go
     * along. PROTOCOL.md has the sum.
     */
    LINK_MTU_ONE_HOP = 94,
    LINK_MTU_THREE_HOPS = 78,
};

/* The kind of a datagram, or 0 for an empty one. */
uint8_t link_kind_of(const uint8_t *datagram, size_t len);

/* The handle that a relayed record names, whatever else it holds; 0: it is too short. */
uint16_t linkframe_handle_of(const uint8_t *datagram, size_t len);

/* Writes the link header right in front of r->body (room: LINK_RECORD_HEADER_MAX) and returns where it
 * starts. */
uint8_t *linkframe_put_header(uint16_t handle, const struct record *r);

/*
 * Reads a relayed record: type, epoch 1, DTLS 1.2, seq and explicit nonce are rebuilt, body is what follows
 * the header (with the relay tag still at its end on frames from a node). SSM_MALFORMED also for a sequence
 * number or an explicit nonce that is not in its shortest form.
 */
SSM_MUST_CHECK enum status linkframe_decode(uint8_t *datagram, size_t len, uint16_t *handle,
                                            struct record *out);

/* Relay tag: the first 6 bytes of AES(tag key, handle || sequence || record tag). r->body ends with the
 * record tag, so that body_len is at least RECORD_TAG_LEN. */
void linkframe_tag(const uint8_t tag_key[LINK_TAG_KEY_LEN], uint16_t handle, const struct record *r,
                   uint8_t tag[LINK_TAG_LEN]);
/* Verifies the relay tag at the end of r->body, which is not part of the record; r->body_len shrinks by
 * LINK_TAG_LEN on success alone. SSM_MALFORMED: too short for both tags. */
SSM_MUST_CHECK enum status linkframe_check_tag(const uint8_t tag_key[LINK_TAG_KEY_LEN], uint16_t handle,
                                               struct record *r);

#endif
