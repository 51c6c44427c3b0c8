/*
 * ssmctl's end of the admin socket: one connection, requests and replies in turn.
 *
 * Called by ssmctl.c. Every error is one sentence on `err`.
 */
#ifndef SSM_CLIENT_H
#define SSM_CLIENT_H

#include <jansson.h>
#include <stdio.h>

/* A connected socket, or -1. */
int client_connect(const char *path, FILE *err);

/* Sends one request; returns the reply if it says "ok": true, else NULL. */
json_t *client_exchange(int fd, const json_t *request, FILE *err);

#endif
