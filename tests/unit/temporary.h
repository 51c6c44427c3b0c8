/* A directory of a test's own, removed with its files at the end. */
#ifndef SSM_TEST_TEMPORARY_H
#define SSM_TEST_TEMPORARY_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct temporary {
    char path[32];
    char file[64]; /* what temporary_file made last */
};

static inline void temporary_open(struct temporary *t)
{
    strcpy(t->path, "/tmp/ssm-test-XXXXXX");
    if (mkdtemp(t->path) == NULL)
        abort();
}

/* The path of a file in it; valid until the next call. */
static inline const char *temporary_file(struct temporary *t, const char *name)
{
    snprintf(t->file, sizeof t->file, "%s/%s", t->path, name);
    return t->file;
}

static inline void temporary_close(struct temporary *t)
{
    DIR *directory = opendir(t->path);
    const struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL)
        unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    rmdir(t->path);
}

#endif
