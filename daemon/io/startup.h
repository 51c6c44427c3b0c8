/*
 * What the parent prepares in the file system before its children start: the state directory and the admin
 * socket.
 *
 * Called by main.c once. Opens no file of anybody else's and removes nothing but a socket that nobody answers
 * on.
 */
#ifndef SSM_STARTUP_H
#define SSM_STARTUP_H

#include "config.h"
#include "sandbox.h"

/*
 * Makes the state directory (mode 0700, the account's) if it is missing; one that others can enter or that
 * belongs to somebody else is refused. SSM_IO: the log says why.
 */
SSM_MUST_CHECK enum status startup_state_dir(const struct config *config,
                                             const struct sandbox_account *account);
/*
 * Opens the listening admin socket: mode 0660, the account's and admin_group's. SSM_EXISTS: another ssmd
 * answers on it. SSM_IO: the log says why.
 */
SSM_MUST_CHECK enum status startup_admin_socket(const struct config *config,
                                                const struct sandbox_account *account, int *fd);

#endif
