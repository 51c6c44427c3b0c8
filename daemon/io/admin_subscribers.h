/*
 * What the requests about subscribers do: check the credential, change the store, then the delegator; make
 * the reply.
 *
 * Called by admin_ops.c.
 */
#ifndef SSM_ADMIN_SUBSCRIBERS_H
#define SSM_ADMIN_SUBSCRIBERS_H

#include "admin_context.h"
#include "admin_request.h"

#include <sys/types.h>

json_t *admin_subscriber_add(struct admin_ops *o, const struct admin_request *r, uid_t caller);
json_t *admin_subscriber_list(struct admin_ops *o, const struct admin_request *r, uid_t caller);
json_t *admin_subscriber_show(struct admin_ops *o, const struct admin_request *r, uid_t caller);
json_t *admin_subscriber_remove(struct admin_ops *o, const struct admin_request *r, uid_t caller);

#endif
