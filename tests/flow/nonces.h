/*
 * Watches every record that is sealed towards a peer: a (key block, epoch, number) that ever stands over two
 * ciphertexts is a repeated AES-CCM nonce, and a ciphertext that nobody was seen to seal comes from where no
 * key should be.
 */
#ifndef SSM_TEST_NONCES_H
#define SSM_TEST_NONCES_H

#include "record.h"

/* Names a key block by node and session number, and before it has one by its handshake. */
struct nonce_key {
    uint32_t connection; /* counts as long as session is 0 */
    uint32_t node;
    uint16_t session;
};

struct nonces;

struct nonces *nonces_create(void);
void nonces_destroy(struct nonces *n);
/* Notes a protected record under its key block; fails the test if its number stood over another ciphertext.
 */
void nonces_note(struct nonces *n, const struct nonce_key *key, const struct record *r);
/* The key block of that connection has its session number now. */
void nonces_name(struct nonces *n, const struct nonce_key *key);
/* Fails the test if that record was never noted. */
void nonces_expect_known(const struct nonces *n, const struct record *r);

#endif
