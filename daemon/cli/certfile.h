/*
 * Certificates on the command line's side: read from a file, and written, with their key, into a directory.
 *
 * Called by ssmctl.c. Never overwrites a file. Every error is one sentence on `err`.
 */
#ifndef SSM_CERTFILE_H
#define SSM_CERTFILE_H

#include "assoc.h"
#include "certificate_make.h"
#include "store.h"

#include <stdio.h>

/* The first certificate of a PEM file. False: `err` says what is wrong. */
bool certfile_read(const char *path, struct certificate *out, FILE *err);
/* All certificates of a PEM file, without what stands between. False: `err` says what is wrong. */
bool certfile_read_chain(const char *path, char pem[DESTINATION_PEM_MAX + 1], FILE *err);
/* The private key in a PEM file, if it is that of the first certificate in `chain`. The caller wipes it, on
 * failure too. */
bool certfile_read_key(const char *path, const char *chain, char pem[DESTINATION_KEY_PEM_MAX + 1], FILE *err);
/* Whose it is, if that may be the name of a file. */
bool certfile_name(const char *path, const struct certificate *certificate, struct assoc_name *out,
                   FILE *err);

/* DIR/NAME.crt and DIR/NAME.key, made before ssmd is asked: what cannot be written is not to be issued. */
struct certfiles {
    const char *dir;
    int dir_fd;
    int crt_fd;
    int key_fd; /* -1: the key is the owner's already */
    char crt_name[ASSOC_NAME_MAX + 8];
    char key_name[ASSOC_NAME_MAX + 8];
};

/* Makes the directory if it is missing, and the empty files. `ca` is the CA's certificate as PEM: a file
 * DIR/ca.crt that is another's is refused. On failure nothing new is left but the directory. */
bool certfiles_open(struct certfiles *f, const char *dir, const struct assoc_name *name, bool with_key,
                    const char *ca, FILE *err);
/* Writes all files, DIR/ca.crt too, and closes them. `key` may be NULL. Half of a pair is removed again. */
bool certfiles_write(struct certfiles *f, const char *certificate, const char *key, const char *ca,
                     FILE *err);
/* Removes the files again. */
void certfiles_abandon(struct certfiles *f);

#endif
