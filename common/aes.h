/*
 * The one AES-128 prototype that CCM and CMAC stand on (FIPS 197, encryption direction only).
 *
 * Exactly one implementation is linked into a program: aes_soft.c (software, for nodes without a coprocessor
 * and for tests), the gateway's over Mbed TLS, or a board's coprocessor. The key is passed raw and nothing is
 * cached between calls, so that a key exists only where its owner keeps it.
 */
#ifndef SSM_AES_H
#define SSM_AES_H

#include <stdint.h>

enum { AES_KEY_LEN = 16, AES_BLOCK_LEN = 16 };

/* Encrypts one block in place. */
void aes128_encrypt(const uint8_t key[AES_KEY_LEN], uint8_t block[AES_BLOCK_LEN]);

#endif
