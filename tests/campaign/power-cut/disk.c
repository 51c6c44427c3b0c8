#include "disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 16 };

enum operation_kind { WRITE, TRUNCATE, SYNC, MAKE, DELETE, RENAME };

struct operation {
    enum operation_kind kind;
    char name[DISK_NAME_MAX];
    char to[DISK_NAME_MAX];
    uint64_t offset; /* or size */
    size_t len;
    uint8_t *bytes;
    size_t synced_at; /* number of the operation that put it on the disk for certain; SIZE_MAX: none */
};

struct file {
    char name[DISK_NAME_MAX]; /* empty: none */
    uint8_t *bytes;
    size_t len;
    size_t cap;
};

static struct {
    struct operation *all;
    size_t count;
    size_t cap;
} told;

/* The files after the first operations, of which none is open to loss: cuts are tried in order, and each
 * begins here. */
static struct {
    struct file files[FILES_MAX];
    size_t count;
} base;

static void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

static struct operation *add(enum operation_kind kind, const char *name)
{
    struct operation *o;

    if (told.count == told.cap) {
        told.cap = told.cap == 0 ? 1024 : 2 * told.cap;
        told.all = must(realloc(told.all, told.cap * sizeof *told.all));
    }
    o = &told.all[told.count++];
    *o = (struct operation){.kind = kind, .synced_at = SIZE_MAX};
    snprintf(o->name, sizeof o->name, "%s", name);
    return o;
}

void disk_forget(void)
{
    for (size_t i = 0; i < told.count; i++)
        free(told.all[i].bytes);
    told.count = 0;
    base.count = 0;
    for (size_t i = 0; i < FILES_MAX; i++)
        base.files[i].name[0] = '\0';
}

void disk_write(const char *name, uint64_t offset, const void *bytes, size_t len)
{
    struct operation *o = add(WRITE, name);

    o->offset = offset;
    o->len = len;
    o->bytes = must(malloc(len + 1));
    memcpy(o->bytes, bytes, len);
}

void disk_truncate(const char *name, uint64_t size)
{
    add(TRUNCATE, name)->offset = size;
}

static bool is_data(const struct operation *o)
{
    return o->kind == WRITE || o->kind == TRUNCATE;
}

/* Back to the sync before, or to where the file had another name: that it was synced before it got this one
 * is what whoever renames it has to see to. */
void disk_sync(const char *name)
{
    size_t number = told.count;

    add(SYNC, name);
    for (size_t i = number; i-- > 0;) {
        struct operation *o = &told.all[i];

        if (strcmp(o->name, name) != 0 || o->synced_at != SIZE_MAX)
            continue;
        if (o->kind == SYNC || o->kind == DELETE)
            break;
        o->synced_at = number;
    }
}

void disk_make(const char *name)
{
    add(MAKE, name);
}

void disk_delete(const char *name)
{
    add(DELETE, name);
}

void disk_rename(const char *from, const char *to)
{
    struct operation *o = add(RENAME, from);

    snprintf(o->to, sizeof o->to, "%s", to);
}

size_t disk_operations(void)
{
    return told.count;
}

/* ---- found ---- */

static struct file *find(struct file *files, const char *name)
{
    for (size_t i = 0; i < FILES_MAX; i++)
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    return NULL;
}

static void resize(struct file *f, size_t len)
{
    if (len > f->cap) {
        f->cap = 2 * len;
        f->bytes = must(realloc(f->bytes, f->cap));
    }
    if (len > f->len)
        memset(f->bytes + f->len, 0, len - f->len);
    f->len = len;
}

static void apply_write(struct file *f, const struct operation *o, size_t len)
{
    if (o->offset + len > f->len)
        resize(f, (size_t)o->offset + len);
    memcpy(f->bytes + o->offset, o->bytes, len);
}

static struct file *make(struct file *files, const char *name)
{
    struct file *f = find(files, name);

    if (f != NULL)
        return f;
    f = must(find(files, ""));
    snprintf(f->name, sizeof f->name, "%s", name);
    f->len = 0;
    return f;
}

static void forget(struct file *f)
{
    f->name[0] = '\0';
    f->len = 0;
}

static void apply(struct file *files, const struct operation *o)
{
    struct file *f = make(files, o->name);

    switch (o->kind) {
    case WRITE:
        apply_write(f, o, o->len);
        break;
    case TRUNCATE:
        resize(f, (size_t)o->offset);
        break;
    case DELETE:
        forget(f);
        break;
    case RENAME:
        if (find(files, o->to) != NULL)
            forget(find(files, o->to));
        snprintf(f->name, sizeof f->name, "%s", o->to);
        break;
    default:
        break;
    }
}

/* xorshift64*: the same cuts for the same seed on every machine. */
static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(0x2545F4914F6CDD1D);
}

/* All before operation `count`, beginning at operation `from`. */
static void apply_all(struct file *files, size_t from, size_t count, enum cut cut, uint64_t *seed,
                      bool *is_different)
{
    for (size_t i = from; i < count; i++) {
        const struct operation *o = &told.all[i];
        bool is_open = is_data(o) && cut >= CUT_LOST && o->synced_at >= count;

        if (is_open && (cut == CUT_LOST || draw(seed) >> 63 != 0)) {
            make(files, o->name);
            *is_different = true;
        } else if (cut == CUT_TORN && i + 1 == count && o->kind == WRITE && o->len > 1) {
            apply_write(make(files, o->name), o, 1 + (size_t)(draw(seed) % (o->len - 1)));
            *is_different = true;
        } else {
            apply(files, o);
        }
    }
}

static void advance_base(size_t count)
{
    while (base.count < count && (!is_data(&told.all[base.count]) || told.all[base.count].synced_at < count))
        apply(base.files, &told.all[base.count++]);
}

static void copy(struct file *to, const struct file *from)
{
    forget(to);
    if (from->name[0] == '\0')
        return;
    memcpy(to->name, from->name, sizeof to->name);
    resize(to, from->len);
    if (from->len > 0)
        memcpy(to->bytes, from->bytes, from->len);
}

static void save(int directory, const struct file *f)
{
    int fd = openat(directory, f->name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    size_t done = 0;

    while (fd >= 0 && done < f->len) {
        ssize_t n = write(fd, f->bytes + done, f->len - done);

        if (n <= 0)
            abort();
        done += (size_t)n;
    }
    if (fd < 0 || close(fd) != 0)
        abort();
}

bool disk_restore(const char *directory, size_t count, enum cut cut, uint64_t seed)
{
    static struct file files[FILES_MAX];
    bool is_different = cut == CUT_CLEAN;
    int fd = open(directory, O_RDONLY | O_DIRECTORY);

    seed = seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
    advance_base(count);
    for (size_t i = 0; i < FILES_MAX; i++)
        copy(&files[i], &base.files[i]);
    apply_all(files, base.count, count, cut, &seed, &is_different);
    for (size_t i = 0; i < FILES_MAX && is_different; i++)
        if (files[i].name[0] != '\0')
            save(fd, &files[i]);
    close(fd);
    return is_different;
}
