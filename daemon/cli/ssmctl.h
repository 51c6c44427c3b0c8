/*
 * ssmctl: one table of subcommands over the admin socket of ssmd.
 *
 * Called by main.c, and by tests in place of it. Holds nothing between calls.
 */
#ifndef SSM_SSMCTL_H
#define SSM_SSMCTL_H

#include <stdio.h>

enum { SSMCTL_OK = 0, SSMCTL_REFUSED = 1, SSMCTL_USAGE = 2 };

/* Runs one command line and returns the exit code. Results go to `out`, every error is one sentence on `err`.
 */
int ssmctl_run(int argc, char **argv, FILE *out, FILE *err);

#endif
