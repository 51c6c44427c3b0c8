/*
 * Links in the replies of the admin socket: which there are, which node is on which.
 *
 * Called by the operations. Values are new references; NULL means that memory ran out.
 */
#ifndef SSM_ADMIN_LINKS_H
#define SSM_ADMIN_LINKS_H

#include "admin_context.h"

/* "[2001:db8::1]:5684", "serial:/dev/ttyUSB0"; null where there is no endpoint. */
json_t *admin_link_address(const struct admin_ops *o, const struct endpoint *node);
/* The reply to "link list", from relay's answer. */
json_t *admin_link_list(const struct admin_ops *o, const struct message *answer);

#endif
