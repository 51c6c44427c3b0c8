/*
 * What the requests about destinations do: check the credential, change the store, make the reply. No reply
 * holds a key.
 *
 * Called by admin_ops.c.
 */
#ifndef SSM_ADMIN_DESTINATIONS_H
#define SSM_ADMIN_DESTINATIONS_H

#include "admin_context.h"
#include "admin_request.h"

#include <sys/types.h>

json_t *admin_destination_add(struct admin_ops *o, const struct admin_request *r, uid_t caller);
json_t *admin_destination_list(struct admin_ops *o, const struct admin_request *r, uid_t caller);
json_t *admin_destination_remove(struct admin_ops *o, const struct admin_request *r, uid_t caller);

#endif
