/*
 * Watches every record that is sealed towards a peer: a (key block, epoch, number) that ever stands over two
 * ciphertexts is a repeated AES-CCM nonce, and a ciphertext that nobody was seen to seal comes from where no
 * key should be. A key block is named by node and session number.
 */
#ifndef SSM_TEST_NONCES_H
#define SSM_TEST_NONCES_H

#include "record.h"

struct nonces;

struct nonces *nonces_create(void);
void nonces_destroy(struct nonces *n);
/* Notes a protected record under its key block; fails the test if its number stood over another ciphertext.
 */
void nonces_note(struct nonces *n, uint32_t node, uint16_t session, const struct record *r);
/* Fails the test if that record was never noted. */
void nonces_expect_known(const struct nonces *n, const struct record *r);

#endif
