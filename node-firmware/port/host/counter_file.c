#include "counter_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 16 };

static bool directory_make(const char *dir)
{
    char path[PATH_MAX];
    size_t len = strlen(dir);

    if (len == 0 || len >= sizeof path)
        return false;
    memcpy(path, dir, len + 1);
    for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

enum status counter_file_open(struct counter_file *file, const char *dir, const struct assoc_name *node)
{
    snprintf(file->name, sizeof file->name, "%.*s.counter", node->len, node->text);
    snprintf(file->new_name, sizeof file->new_name, "%s.new", file->name);
    file->dir_fd = -1;
    if (!directory_make(dir))
        return SSM_IO;
    file->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return file->dir_fd >= 0 ? SSM_OK : SSM_IO;
}

void counter_file_close(struct counter_file *file)
{
    if (file->dir_fd >= 0)
        close(file->dir_fd);
}

enum status counter_file_load(const struct counter_file *file, uint32_t *counter)
{
    char text[TEXT_MAX] = "";
    char *end;
    int fd = openat(file->dir_fd, file->name, O_RDONLY | O_CLOEXEC);

    *counter = 0;
    if (fd < 0)
        return errno == ENOENT ? SSM_OK : SSM_IO;
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    if (len < 0)
        return SSM_IO;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\n' || value > UINT32_MAX)
        return SSM_MALFORMED;
    *counter = (uint32_t)value;
    return SSM_OK;
}

static bool text_write(int fd, uint32_t counter)
{
    char text[TEXT_MAX];
    int len = snprintf(text, sizeof text, "%lu\n", (unsigned long)counter);

    return write(fd, text, (size_t)len) == len && fsync(fd) == 0;
}

enum status counter_file_save(const struct counter_file *file, uint32_t counter)
{
    int fd = openat(file->dir_fd, file->new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return SSM_IO;
    bool is_written = text_write(fd, counter);
    if (close(fd) != 0 || !is_written ||
        renameat(file->dir_fd, file->new_name, file->dir_fd, file->name) != 0 || fsync(file->dir_fd) != 0)
        return SSM_IO;
    return SSM_OK;
}
