/*
 * Destinations in keys.db: which node may have sessions with which server, and what the gateway proves itself
 * with there. PSKs and private keys are encrypted (storage_key.h).
 *
 * Called by store_keys.c, whose database and key they are, on the loop's thread. Every change is on disk when
 * its function returns.
 */
#ifndef SSM_STORE_DESTINATIONS_H
#define SSM_STORE_DESTINATIONS_H

#include "storage_key.h"
#include "store.h"
#include "store_sqlite.h"

/* kind: enum destination_kind. server: as uri_print() writes it. secret: the PSK or the private key, sealed;
 * empty where there is none. */
#define STORE_DESTINATIONS_SCHEMA                                                                            \
    "CREATE TABLE destination ("                                                                             \
    " id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),"                             \
    " node INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,"                                         \
    " server TEXT NOT NULL CHECK (length(server) BETWEEN 9 AND 48),"                                         \
    " kind INTEGER NOT NULL CHECK (kind IN (0, 1)),"                                                         \
    " identity BLOB NOT NULL CHECK (length(identity) <= 128),"                                               \
    " secret BLOB NOT NULL,"                                                                                 \
    " anchors TEXT NOT NULL CHECK (length(anchors) <= 4096),"                                                \
    " chain TEXT NOT NULL CHECK (length(chain) <= 4096),"                                                    \
    " not_after INTEGER NOT NULL CHECK (not_after >= 0),"                                                    \
    " UNIQUE (node, server)"                                                                                 \
    ") STRICT;"

struct store_destinations {
    struct store_db *db;
    const uint8_t *key; /* the storage key */
};

/* Each does what struct keys_store says of the function of that name. */
SSM_MUST_CHECK enum status store_destinations_add(const struct store_destinations *d,
                                                  struct destination_row *row);
SSM_MUST_CHECK enum status store_destinations_remove(const struct store_destinations *d, uint32_t id);
SSM_MUST_CHECK enum status store_destinations_find(const struct store_destinations *d, uint32_t node,
                                                   const struct uri *server, struct destination_row *out);
SSM_MUST_CHECK enum status
store_destinations_each(const struct store_destinations *d, uint32_t node,
                        enum status (*row)(void *arg, const struct destination_row *), void *arg);

#endif
