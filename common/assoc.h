/*
 * The association of a node with its gateway under PSK_DN: three messages in the family of AKEP2 and EAP-PSK
 * (RFC 4764), AES-CMAC only, and the two sealed directions of control messages that it yields (PROTOCOL.md,
 * "Association" and "Control message").
 *
 * Knows no clock, no socket and no storage. Who stores counters, and when, is the caller's: the node makes
 * its association counter durable before message 1 leaves; the gateway stores the highest accepted one before
 * message 3 takes effect.
 */
#ifndef SSM_ASSOC_H
#define SSM_ASSOC_H

#include "cmac.h"
#include "replay.h"

enum {
    ASSOC_PSK_LEN = 16,
    ASSOC_NAME_MAX = 32,
    ASSOC_COUNTER_LEN = 4,
    ASSOC_NONCE_LEN = 16, /* the node's starts with its association counter */
    ASSOC_MESSAGE_MAX = 1 + ASSOC_NONCE_LEN + 1 + ASSOC_NAME_MAX + ASSOC_COUNTER_LEN + CMAC_LEN,
    CONTROL_HEADER_LEN = 4, /* first byte and counter */
    CONTROL_TAG_LEN = 8,
    CONTROL_OVERHEAD = CONTROL_HEADER_LEN + CONTROL_TAG_LEN,
    CONTROL_COUNTER_MAX = 0xFFFFFF,
};

enum assoc_message_number { /* low five bits of the first byte of a LINK_ASSOCIATION datagram */
                            ASSOC_REJOIN = 0,  /* gateway: "I no longer hold our association; please start
                                                  one". Not authenticated. */
                            ASSOC_REQUEST = 1, /* node: who I am, my nonce */
                            ASSOC_ANSWER = 2,  /* gateway: who I am, my nonce, proof */
                            ASSOC_CONFIRM = 3, /* node: proof, boot id */
};

/* A node's or gateway's identity: 1 to 32 bytes, the rest zero. */
struct assoc_name {
    uint8_t len;
    char text[ASSOC_NAME_MAX];
};

/*
 * Everything that both sides' proofs cover, laid out so that each message carries a contiguous part of it and
 * each proof covers another: bytes only, hence without padding.
 */
struct assoc_transcript {
    uint8_t gateway_nonce[ASSOC_NONCE_LEN]; /* the answer carries from here */
    struct assoc_name gateway;
    uint8_t node_nonce[ASSOC_NONCE_LEN]; /* request and confirmation carry from here */
    struct assoc_name node;
    uint8_t boot_id[ASSOC_COUNTER_LEN]; /* the association counter that was stored when the node's present
                                           life began */
};

/* Copies a name of 1 to 32 bytes. SSM_MALFORMED: empty, too long, or a character outside [A-Za-z0-9._-]. */
SSM_MUST_CHECK enum status assoc_name_set(struct assoc_name *name, const char *text, size_t len);

/* The association counter inside a node's nonce. */
uint32_t assoc_counter(const struct assoc_transcript *t);
uint32_t assoc_boot_id(const struct assoc_transcript *t);
void assoc_set_boot_id(struct assoc_transcript *t, uint32_t boot_id);
/* Sets the counter; the node's nonce goes on with whatever entropy the node has (zeros where it has none). */
void assoc_set_counter(struct assoc_transcript *t, uint32_t counter);

/*
 * The number of an association datagram (enum assoc_message_number); 0xFF if it is none: another first byte,
 * not the length of its kind, or a name longer than ASSOC_NAME_MAX. A name's characters are not looked at:
 * what no assoc_name_set has made is nobody's name.
 */
uint8_t assoc_number_of(const uint8_t *buf, size_t len);

/* Writes a whole request, answer or confirmation into `out` (ASSOC_MESSAGE_MAX bytes) and returns its length.
 */
size_t assoc_encode(enum assoc_message_number number, const uint8_t psk[ASSOC_PSK_LEN],
                    const struct assoc_transcript *t, uint8_t *out);
/*
 * Of a request, answer or confirmation that assoc_number_of has recognised, and without a key, so that the
 * gateway can look the node up: fills the fields that the message carries and leaves the rest of the
 * transcript alone.
 */
void assoc_decode(const uint8_t *buf, struct assoc_transcript *t);
/* Checks the proof of a decoded message against the completed transcript: SSM_BAD_TAG if it is not the other
 * side's. */
SSM_MUST_CHECK enum status assoc_verify(const uint8_t psk[ASSOC_PSK_LEN], const struct assoc_transcript *t,
                                        const uint8_t *buf);

/* The live keys of one association, the same struct on both sides. */
struct assoc {
    uint8_t down_key[AES_KEY_LEN];        /* gateway to node, present ratchet step */
    uint8_t down_key_before[AES_KEY_LEN]; /* node alone: the step before, until the present one has
                                             authenticated */
    uint8_t up_key[AES_KEY_LEN];          /* node to gateway */
    uint8_t tag_key[AES_KEY_LEN];         /* relay tags */
    struct seq48 sent;                    /* counter of the last message sealed here; the first is 1 */
    struct replay received;
    uint8_t hint; /* low four bits of the association counter */
    uint8_t step; /* ratchet step, its lowest bit goes on the wire */
    bool has_before;
};

/* Derives all keys from the PSK and both nonces; counters and window start empty. */
void assoc_derive(const uint8_t psk[ASSOC_PSK_LEN], const struct assoc_transcript *t, struct assoc *out);
void assoc_wipe(struct assoc *a);

/*
 * The ratchet, after each acknowledged key block: a stolen gateway memory must not open recorded key blocks.
 * Gateway: when the acknowledgement has verified, replaces down_key by CMAC(down_key, "ratchet") and wipes
 * the old. Node: when it has installed a key block, does the same but keeps the old key for repeated copies
 * of that block. `step_used` is control.step of that block; a key block under the kept step leads to the step
 * that exists already.
 *
 * So the gateway ratchets once per step, whatever number of blocks it sealed under it: it keeps at most one
 * key block of an association unacknowledged at a time, and heeds no acknowledgement of one that it has given
 * up.
 */
void assoc_ratchet_gateway(struct assoc *a);
void assoc_ratchet_node(struct assoc *a, uint8_t step_used);

enum assoc_direction { ASSOC_DOWN, ASSOC_UP };

/* An opened control message. */
struct control {
    struct seq48 counter;
    uint8_t step;  /* ratchet step under which it was sealed */
    uint8_t *body; /* the CoAP message, inside the caller's buffer */
    size_t body_len;
};

/*
 * Seals the CoAP message of `body_len` bytes that stands at frame + CONTROL_HEADER_LEN, in place; the
 * datagram starts at `frame` and is body_len + CONTROL_OVERHEAD bytes long. SSM_EXHAUSTED: the counter is
 * used up, re-associate.
 */
SSM_MUST_CHECK enum status assoc_seal(struct assoc *a, enum assoc_direction direction, uint8_t *frame,
                                      size_t body_len);
/*
 * Opens a control datagram in place. SSM_BAD_TAG: forged, or of another association. SSM_REPLAYED: authentic,
 * but its counter was accepted before; `out` is filled all the same, so that a repeated request can be
 * acknowledged again.
 */
SSM_MUST_CHECK enum status assoc_open(struct assoc *a, enum assoc_direction direction, uint8_t *frame,
                                      size_t len, struct control *out);

#endif
