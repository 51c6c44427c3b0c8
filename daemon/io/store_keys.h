/*
 * keys.db behind struct keys_store: nodes, subscribers, grants and destinations in SQLite. Keys in it are
 * encrypted (storage_key.h), and no plaintext of them ever enters SQLite.
 *
 * Owned by the keys process. Every change is on disk when its function returns.
 */
#ifndef SSM_STORE_KEYS_H
#define SSM_STORE_KEYS_H

#include "store.h"
#include "store_ca.h"

struct store_keys;

/*
 * Opens the file, or makes it; the storage key is made only together with it, and a key without a database is
 * refused. SSM_IO or SSM_UNSUPPORTED: the log says why, and the file is left as it is.
 */
SSM_MUST_CHECK enum status store_keys_open(const char *path, const char *storage_key_path,
                                           struct store_keys **out);
/* The gateway's own CA in the same file, for as long as the store is open. */
const struct store_ca *store_keys_ca(const struct store_keys *store);
/* NULL is fine. Wipes the storage key. */
void store_keys_close(struct store_keys *store);
/* The function table over `store`, which must outlive it. SSM_NOT_FOUND: no such node or subscriber. */
struct keys_store store_keys_table(struct store_keys *store);

#endif
