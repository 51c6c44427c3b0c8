/*
 * The processes behind the parent: which core parts and which io parts make up each.
 *
 * Called by the supervisor in the forked child. Each runs until the parent says stop or is gone.
 */
#ifndef SSM_PROCESSES_H
#define SSM_PROCESSES_H

#include "child.h"

/* Each returns the exit status of the process: 0 in order; otherwise the log says why. */

/* Moves records between peers and nodes. Owns relay.db. */
int relay_process_run(const struct child_start *start);
/* Runs handshakes for nodes, keeps keys, answers ssmctl. Owns keys.db. Opens no network socket. */
int keys_process_run(const struct child_start *start);
/* Resolves names for `keys`. Owns nothing, holds no key. */
int resolve_process_run(const struct child_start *start);

#endif
