/*
 * The gateway's own CA in keys.db: its certificate and that of the gateway with their private keys, encrypted
 * (storage_key.h), and a list of what was issued.
 *
 * Used by ca.c, credentials.c and expiry.c on the loop's thread. The database and its key are store_keys.c's.
 * Every change is on disk when its function returns.
 */
#ifndef SSM_STORE_CA_H
#define SSM_STORE_CA_H

#include "assoc.h"
#include "certificate_make.h"
#include "storage_key.h"
#include "store_sqlite.h"

enum { STORE_CA_NAMES_MAX = 640 };

/* The tables. role: enum store_ca_role. */
#define STORE_CA_SCHEMA                                                                                      \
    "CREATE TABLE identity ("                                                                                \
    " role INTEGER PRIMARY KEY CHECK (role IN (0, 1)),"                                                      \
    " certificate BLOB NOT NULL,"                                                                            \
    " private_key BLOB NOT NULL,"                                                                            \
    " names TEXT NOT NULL"                                                                                   \
    ") STRICT;"                                                                                              \
    "CREATE TABLE issued ("                                                                                  \
    " serial BLOB PRIMARY KEY CHECK (length(serial) BETWEEN 1 AND 20),"                                      \
    " name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 32),"                                             \
    " not_after INTEGER NOT NULL CHECK (not_after >= 0)"                                                     \
    ") STRICT, WITHOUT ROWID;"

struct store_ca {
    struct store_db *db;
    const uint8_t *key; /* the storage key */
};

enum store_ca_role { STORE_CA_ROOT, STORE_CA_GATEWAY };

/* Whoever reads one wipes it. */
struct store_ca_row {
    struct certificate certificate;
    uint8_t private_key[CERTIFICATE_PRIVATE_KEY_MAX]; /* DER */
    size_t private_key_len;
    char names[STORE_CA_NAMES_MAX]; /* of the gateway, those that its owner gave, with blanks between */
};

struct store_ca_issued {
    uint8_t serial[CERTIFICATE_SERIAL_MAX];
    uint8_t serial_len;
    struct assoc_name name;
    uint64_t not_after_s;
};

/* SSM_NOT_FOUND: there is no CA. */
SSM_MUST_CHECK enum status store_ca_read(const struct store_ca *ca, enum store_ca_role role,
                                         struct store_ca_row *out);
/* Both at once; the list of what an earlier CA issued is emptied. */
SSM_MUST_CHECK enum status store_ca_replace(const struct store_ca *ca, const struct store_ca_row *root,
                                            const struct store_ca_row *gateway);
/* SSM_NOT_FOUND: there is no CA. */
SSM_MUST_CHECK enum status store_ca_renew_gateway(const struct store_ca *ca,
                                                  const struct store_ca_row *gateway);
SSM_MUST_CHECK enum status store_ca_add_issued(const struct store_ca *ca,
                                               const struct store_ca_issued *issued);
/* By name, and of one name in the order of their ends. */
SSM_MUST_CHECK enum status store_ca_each_issued(const struct store_ca *ca,
                                                enum status (*row)(void *arg, const struct store_ca_issued *),
                                                void *arg);

#endif
