/*
 * Watches every (key, nonce) pair that gateway and nodes seal with in this process, at the cipher itself:
 * records and control messages at ccm_seal, the gateway's Finished in both roles where a handshake's turn
 * ends, and the nonces of association messages at assoc_encode. Link with the options of the target
 * ssm_seals.
 *
 * A pair that seals a second time is a repeat even where the plaintext is the same.
 */
#ifndef SSM_TEST_SEALS_H
#define SSM_TEST_SEALS_H

#include <stdint.h>

enum seal_kind {
    SEAL_FINISHED,        /* gateway, by the DTLS library; as server */
    SEAL_CLIENT_FINISHED, /* as client, again each time that it is repeated */
    SEAL_TOMBSTONE,       /* gateway */
    SEAL_RECORD,          /* node */
    SEAL_CONTROL_DOWN,    /* gateway */
    SEAL_CONTROL_UP,      /* node */
    SEAL_ASSOCIATION,     /* both: the sender's nonce under the PSK; repeats of the same message are none */
    SEAL_KINDS
};

struct seal_counts {
    uint64_t pairs[SEAL_KINDS];
    uint64_t repeats;
};

/* All since the last call of seals_forget. */
const struct seal_counts *seals_count(void);
void seals_forget(void);

#endif
