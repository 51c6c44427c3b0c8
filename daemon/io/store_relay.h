/*
 * relay.db behind struct relay_store: sessions and nodes' addresses in SQLite. No session secret is in it.
 *
 * Owned by the relay process. Changes are gathered in a transaction that flush() commits; if it fails, all
 * but the sessions that were put are part of the next one, too.
 */
#ifndef SSM_STORE_RELAY_H
#define SSM_STORE_RELAY_H

#include "store.h"

struct store_relay;

/* Opens or makes the file; a damaged one is moved aside (PATH.damaged-N). SSM_IO or SSM_UNSUPPORTED: the log
 * says why. */
SSM_MUST_CHECK enum status store_relay_open(const char *path, struct store_relay **out);
/* NULL is fine. Changes that were not flushed are gone. */
void store_relay_close(struct store_relay *store);
/* The function table over `store`, which must outlive it. */
struct relay_store store_relay_table(struct store_relay *store);

#endif
