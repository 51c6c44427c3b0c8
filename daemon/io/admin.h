/*
 * The admin socket of `keys`: newline-delimited JSON requests of ssmctl, checked callers, one reply line
 * each.
 *
 * Owns the listening socket (made by the parent, mode 0660) and its connections; validates every field;
 * changes the store first, then tells the delegator.
 */
#ifndef SSM_ADMIN_H
#define SSM_ADMIN_H

#include "admin_context.h"

struct admin;

/* Request ids of MSG_SESSION_LIST, MSG_LINK_LIST and MSG_STATUS sent by admin begin here. */
#define ADMIN_REQUEST_FIRST UINT32_C(0x80000000)

/*
 * `fd` is a listening AF_UNIX stream socket; taken over. Looks admin_group up, so call it before the system
 * call filter, and ignores SIGPIPE. NULL: no memory.
 */
struct admin *admin_create(const struct admin_context *context, int fd);
/* A MSG_SESSION_LIST, MSG_LINK_LIST, MSG_STATUS (request >= ADMIN_REQUEST_FIRST) or MSG_PORT_FAILED for us.
 */
void admin_on_message(struct admin *a, const struct message *m);
void admin_destroy(struct admin *a);

#endif
