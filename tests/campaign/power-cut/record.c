#include "record.h"

#include "disk.h"

#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { DESCRIPTORS = 256, CHECKPOINT_PAGES = 20 };

static const char *watched; /* the directory; NULL: none */
static bool is_deaf;

/* The name below the directory, or NULL if the path is not there. */
static const char *name_of(const char *path)
{
    size_t len = watched != NULL ? strlen(watched) : 0;

    if (len == 0 || strncmp(path, watched, len) != 0 || path[len] != '/')
        return NULL;
    return path + len + 1;
}

void record_start(const char *directory)
{
    watched = directory;
}

/* ---- SQLite ---- */

struct recorded {
    sqlite3_file base;
    char name[DISK_NAME_MAX]; /* empty: not recorded */
    sqlite3_file *real;       /* lies behind this struct */
};

static sqlite3_vfs *real_vfs;

static bool is_recorded(const struct recorded *f)
{
    return watched != NULL && f->name[0] != '\0';
}

static struct recorded *of(sqlite3_file *file)
{
    return (struct recorded *)(void *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return of(file)->real;
}

static int on_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int on_read(sqlite3_file *file, void *to, int len, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), to, len, offset);
}

static int on_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 offset)
{
    if (is_recorded(of(file)))
        disk_write(of(file)->name, (uint64_t)offset, from, (size_t)len);
    return real_of(file)->pMethods->xWrite(real_of(file), from, len, offset);
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (is_recorded(of(file)))
        disk_truncate(of(file)->name, (uint64_t)size);
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

/* The real disk need not be troubled. */
static int on_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    if (is_recorded(of(file)) && !is_deaf)
        disk_sync(of(file)->name);
    return SQLITE_OK;
}

static int on_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int on_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int on_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int on_check_lock(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int on_control(sqlite3_file *file, int what, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), what, arg);
}

static int on_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int on_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

/* Version 1: no shared memory. The stores lock their files for themselves and do without. */
static const sqlite3_io_methods methods = {.iVersion = 1,
                                           .xClose = on_close,
                                           .xRead = on_read,
                                           .xWrite = on_write,
                                           .xTruncate = on_truncate,
                                           .xSync = on_sync,
                                           .xFileSize = on_size,
                                           .xLock = on_lock,
                                           .xUnlock = on_unlock,
                                           .xCheckReservedLock = on_check_lock,
                                           .xFileControl = on_control,
                                           .xSectorSize = on_sector_size,
                                           .xDeviceCharacteristics = on_characteristics};

static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *flags_out)
{
    const char *name = path != NULL ? name_of(path) : NULL;
    struct recorded *f = of(file);
    int rc;

    (void)vfs;
    f->base.pMethods = NULL;
    f->real = (sqlite3_file *)(void *)(f + 1);
    snprintf(f->name, sizeof f->name, "%s", name != NULL ? name : "");
    rc = real_vfs->xOpen(real_vfs, path, f->real, flags, flags_out);
    if (rc != SQLITE_OK)
        return rc;
    f->base.pMethods = &methods;
    if (is_recorded(f) && (flags & SQLITE_OPEN_CREATE) != 0)
        disk_make(f->name);
    return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
    const char *name = name_of(path);
    int rc = real_vfs->xDelete(real_vfs, path, sync_directory);

    (void)vfs;
    if (name != NULL && rc == SQLITE_OK)
        disk_delete(name);
    return rc;
}

/* Each connection carries over its log of changes now and then, so that cuts hit that, too. */
static int on_connection(sqlite3 *db, const char **error, const struct sqlite3_api_routines *api)
{
    (void)error;
    (void)api;
    return sqlite3_wal_autocheckpoint(db, CHECKPOINT_PAGES);
}

void record_install(bool deaf)
{
    static sqlite3_vfs vfs;

    is_deaf = deaf;
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "recording";
    vfs.szOsFile = (int)sizeof(struct recorded) + real_vfs->szOsFile;
    vfs.xOpen = on_open;
    vfs.xDelete = on_delete;
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK ||
        sqlite3_auto_extension((void (*)(void))on_connection) != SQLITE_OK)
        abort();
}

/* ---- the C library ---- */

/* What each descriptor is, as far as it was opened by its name in the directory. */
static struct {
    char name[DISK_NAME_MAX];
    uint64_t offset;
} opened[DESCRIPTORS];

int __real_open(const char *path, int flags, ...);
int __real_openat(int directory, const char *path, int flags, ...);
int __real_close(int fd);
ssize_t __real_write(int fd, const void *from, size_t len);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __real_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __real_unlink(const char *path);

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int directory, const char *path, int flags, ...);
int __wrap_close(int fd);
ssize_t __wrap_write(int fd, const void *from, size_t len);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __wrap_unlink(const char *path);

/* Names relative to a directory are relative to the one that is watched: nothing else is open. */
static const char *name_at(int directory, const char *path)
{
    if (directory == AT_FDCWD || path[0] == '/')
        return name_of(path);
    return watched != NULL ? path : NULL;
}

static int note_open(int fd, const char *name, int flags)
{
    if (fd < 0 || fd >= DESCRIPTORS)
        return fd;
    opened[fd].name[0] = '\0';
    if (name == NULL || (flags & O_ACCMODE) == O_RDONLY)
        return fd;
    snprintf(opened[fd].name, sizeof opened[fd].name, "%s", name);
    opened[fd].offset = 0;
    disk_make(name);
    if ((flags & O_TRUNC) != 0)
        disk_truncate(name, 0);
    return fd;
}

int __wrap_openat(int directory, const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return note_open(__real_openat(directory, path, flags, mode), name_at(directory, path), flags);
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return note_open(__real_open(path, flags, mode), name_of(path), flags);
}

static bool is_noted(int fd)
{
    return watched != NULL && fd >= 0 && fd < DESCRIPTORS && opened[fd].name[0] != '\0';
}

int __wrap_close(int fd)
{
    if (fd >= 0 && fd < DESCRIPTORS)
        opened[fd].name[0] = '\0';
    return __real_close(fd);
}

ssize_t __wrap_write(int fd, const void *from, size_t len)
{
    if (is_noted(fd)) {
        disk_write(opened[fd].name, opened[fd].offset, from, len);
        opened[fd].offset += len;
    }
    return __real_write(fd, from, len);
}

/* Of a directory: names change in order anyway (disk.h). */
int __wrap_fsync(int fd)
{
    if (is_noted(fd) && !is_deaf)
        disk_sync(opened[fd].name);
    return 0;
}

static void note_rename(const char *from, const char *to)
{
    if (from != NULL && to != NULL)
        disk_rename(from, to);
}

int __wrap_rename(const char *from, const char *to)
{
    int rc = __real_rename(from, to);

    if (rc == 0)
        note_rename(name_of(from), name_of(to));
    return rc;
}

int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    int rc = __real_renameat(from_directory, from, to_directory, to);

    if (rc == 0)
        note_rename(name_at(from_directory, from), name_at(to_directory, to));
    return rc;
}

int __wrap_unlink(const char *path)
{
    int rc = __real_unlink(path);

    if (rc == 0 && name_of(path) != NULL)
        disk_delete(name_of(path));
    return rc;
}
