/*
 * The parent's work after the start: opens every socket, runs the children, restarts one that dies,
 * watches their heartbeats, talks to systemd.
 *
 * Called by main.c once. Holds no secret; parses nothing but the fixed messages of its children.
 */
#ifndef SSM_SUPERVISOR_H
#define SSM_SUPERVISOR_H

#include "config.h"
#include "sandbox.h"

/*
 * Runs until SIGTERM, SIGINT or SIGHUP, or until a child fails at the first start. `admin_fd` (a listening
 * socket) stays the caller's. Returns the exit status; in a forked child too, so the caller has nothing to do
 * but to return it.
 */
int supervisor_run(const struct config *config, const struct sandbox_account *account, int admin_fd);

#endif
