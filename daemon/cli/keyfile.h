/*
 * Keys on the command line's side: read from a file, or made from the kernel's randomness.
 *
 * Called by ssmctl.c. The text is in the notation of admin_key.h; the caller wipes it.
 */
#ifndef SSM_KEYFILE_H
#define SSM_KEYFILE_H

#include "admin_key.h"

#include <stdio.h>

enum keyfile_kind { KEYFILE_NODE, KEYFILE_SUBSCRIBER };

/* The key on the first line of a file, "-": standard input. False: `err` says what is wrong. Warns of a file
 * that others can read. */
bool keyfile_read(enum keyfile_kind kind, const char *path, char text[ADMIN_KEY_TEXT_MAX + 1], FILE *err);

/* A fresh key: 32 hex digits for a node, 22 letters and digits (130 bits) for a subscriber. */
bool keyfile_generate(enum keyfile_kind kind, char text[ADMIN_KEY_TEXT_MAX + 1], FILE *err);

#endif
