/* A directory of a test's own, removed with its files at the end. */
#ifndef SSM_TEST_TEMPORARY_H
#define SSM_TEST_TEMPORARY_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
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

/* Set-up and tear-down of a test whose initial state is its struct temporary. */
static inline int temporary_setup(void **state)
{
    temporary_open(*state);
    return 0;
}

static inline int temporary_teardown(void **state)
{
    temporary_close(*state);
    return 0;
}

/* Whether these bytes are in a file of it; they are in none that is not there. */
static inline bool temporary_holds(struct temporary *t, const char *name, const void *needle, size_t len)
{
    static uint8_t content[1 << 20];
    FILE *file = fopen(temporary_file(t, name), "r");
    size_t content_len;

    if (file == NULL)
        return false;
    content_len = fread(content, 1, sizeof content, file);
    if (ferror(file) || content_len == sizeof content)
        abort();
    fclose(file);
    return memmem(content, content_len, needle, len) != NULL;
}

#endif
