/*
 * What each admin request does: changes the store, then the delegator, then tells the parent; makes the
 * reply.
 *
 * Called by admin.c with checked requests of permitted callers. Knows no socket and never waits: what needs
 * an answer of `relay` is asked for and answered in two steps. Every change is logged with the caller's uid.
 */
#ifndef SSM_ADMIN_OPS_H
#define SSM_ADMIN_OPS_H

#include "admin_context.h"
#include "admin_request.h"

#include <sys/types.h>

/* Replies are new references; NULL means that memory ran out. */

/* Does everything that relay need not be asked for. */
json_t *admin_ops_run(struct admin_ops *o, const struct admin_request *r, uid_t caller);
/* Must relay be asked first? Then `out` is the question, but for its request id. */
bool admin_ops_ask_relay(const struct admin_request *r, struct message *out);
/* The reply to a request of that kind, from relay's answer. */
json_t *admin_ops_relay_answered(const struct admin_ops *o, const struct message *answer);

#endif
