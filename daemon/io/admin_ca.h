/*
 * What the requests about the gateway's own CA do, and what they say about its certificates.
 *
 * Called by admin_ops.c. No reply holds a private key.
 */
#ifndef SSM_ADMIN_CA_H
#define SSM_ADMIN_CA_H

#include "admin_context.h"
#include "admin_request.h"

#include <sys/types.h>

json_t *admin_ca_init(struct admin_ops *o, const struct admin_request *r, uid_t caller);
json_t *admin_ca_issue(struct admin_ops *o, const struct admin_request *r, uid_t caller);
json_t *admin_ca_renew(struct admin_ops *o, const struct admin_request *r, uid_t caller);
json_t *admin_ca_show(struct admin_ops *o, const struct admin_request *r, uid_t caller);
json_t *admin_ca_export(struct admin_ops *o, const struct admin_request *r, uid_t caller);

#endif
