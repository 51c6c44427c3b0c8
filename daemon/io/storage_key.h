/*
 * The key that secrets in keys.db are encrypted under: its file, and AES-256-GCM with it.
 *
 * Used by store_keys.c alone, which owns and wipes the key. A sealed secret is bound to its place (table,
 * row, column), so that whoever can write the database cannot move one row's key to another.
 */
#ifndef SSM_STORAGE_KEY_H
#define SSM_STORAGE_KEY_H

#include "bytes.h"

enum {
    STORAGE_KEY_LEN = 32,
    STORAGE_NONCE_LEN = 12, /* random (NIST SP 800-38D 8.2.2); stands in front */
    STORAGE_TAG_LEN = 16,   /* stands behind */
    STORAGE_OVERHEAD = STORAGE_NONCE_LEN + STORAGE_TAG_LEN,
};

/*
 * Reads the key file, which nobody but its owner may have access to; makes it (mode 0600, random, on disk
 * before the function returns) if it is missing and `may_create`. SSM_IO: the log says why.
 */
SSM_MUST_CHECK enum status storage_key_load(const char *path, bool may_create, uint8_t key[STORAGE_KEY_LEN]);
/* Writes len + STORAGE_OVERHEAD bytes. SSM_IO: no randomness, no memory. */
SSM_MUST_CHECK enum status storage_key_seal(const uint8_t key[STORAGE_KEY_LEN], const char *place,
                                            const uint8_t *secret, size_t len, uint8_t *sealed);
/* Writes sealed_len - STORAGE_OVERHEAD bytes. SSM_BAD_TAG: another key, another place, or altered. */
SSM_MUST_CHECK enum status storage_key_open(const uint8_t key[STORAGE_KEY_LEN], const char *place,
                                            const uint8_t *sealed, size_t sealed_len, uint8_t *secret);

#endif
