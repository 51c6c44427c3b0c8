/*
 * What the requests about nodes do: change the store, then the delegator, then tell the parent; make the
 * reply.
 *
 * Called by admin_ops.c; the look-ups by the other operations as well.
 */
#ifndef SSM_ADMIN_NODES_H
#define SSM_ADMIN_NODES_H

#include "admin_context.h"
#include "admin_request.h"

#include <sys/types.h>

bool admin_node_find(const struct admin_ops *o, const struct assoc_name *name, struct node_view *out);
/* {"<node id>": "name"} */
json_t *admin_node_names(const struct admin_ops *o);

json_t *admin_node_add(struct admin_ops *o, const struct admin_request *r, uid_t caller);
json_t *admin_node_list(struct admin_ops *o, const struct admin_request *r, uid_t caller);
json_t *admin_node_show(struct admin_ops *o, const struct admin_request *r, uid_t caller);
json_t *admin_node_remove(struct admin_ops *o, const struct admin_request *r, uid_t caller);
/* MSG_PORT_FAILED: logged, and shown with the node from now on. */
void admin_node_port_failed(struct admin_ops *o, const struct message *m);

#endif
