/*
 * AES-CMAC (RFC 4493, NIST SP 800-38B): the only keyed hash a node has.
 */
#ifndef SSM_CMAC_H
#define SSM_CMAC_H

#include "aes.h"

#include <stddef.h>

enum { CMAC_LEN = 16 };

void cmac(const uint8_t key[AES_KEY_LEN], const uint8_t *message, size_t len, uint8_t mac[CMAC_LEN]);

#endif
