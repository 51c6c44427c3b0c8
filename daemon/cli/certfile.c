#include "certfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char CA_NAME[] = "ca.crt";
enum { FILE_MAX = 65536 };

/* ---- reading ---- */

/* There may be a key behind the certificate. NULL is fine. */
static void free_text(char *text)
{
    if (text != NULL)
        bytes_wipe(text, FILE_MAX + 1);
    free(text);
}

/* The whole file with a NUL, for free_text. NULL: it cannot be read, or is too long. */
static char *read_text(int fd)
{
    char *text = calloc(1, FILE_MAX + 1);
    size_t len = 0;
    ssize_t got = 1;

    while (text != NULL && len < FILE_MAX && (got = read(fd, text + len, FILE_MAX - len)) > 0)
        len += (size_t)got;
    if (text != NULL && got == 0)
        return text;
    if (text != NULL && got > 0)
        errno = EFBIG;
    free_text(text);
    return NULL;
}

static char *read_file(int dir_fd, const char *path)
{
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : read_text(fd);
    int error = errno;

    if (fd >= 0)
        close(fd);
    errno = error;
    return text;
}

/* What stands behind the first certificate, other certificates or a key, is not for ssmd. */
static bool take_first(const char *text, struct certificate *out)
{
    static const char END[] = "-----END CERTIFICATE-----";
    const char *begin = strstr(text, "-----BEGIN CERTIFICATE-----");
    const char *end = begin == NULL ? NULL : strstr(begin, END);

    return end != NULL && certificate_from_pem(begin, (size_t)(end - begin) + sizeof(END) - 1, out) == SSM_OK;
}

bool certfile_read(const char *path, struct certificate *out, FILE *err)
{
    char *text = read_file(AT_FDCWD, path);
    bool taken = text != NULL && take_first(text, out);

    if (text == NULL)
        fprintf(err, "ssmctl: cannot read certificate '%s': %s\n", path, strerror(errno));
    else if (!taken)
        fprintf(
            err,
            "ssmctl: '%s' holds no certificate in PEM form of at most %d bytes in DER; one in DER form is "
            "converted by: openssl x509 -inform DER -in FILE\n",
            path, (int)CERTIFICATE_DER_MAX);
    free_text(text);
    return taken;
}

bool certfile_name(const char *path, const struct certificate *certificate, struct assoc_name *out, FILE *err)
{
    struct certificate_facts facts;

    if (certificate_read(certificate, &facts) == SSM_OK &&
        assoc_name_set(out, facts.common_name, facts.common_name_len) == SSM_OK)
        return true;
    fprintf(err, "ssmctl: '%s' was not made by `ssmctl ca issue`\n", path);
    return false;
}

/* ---- writing ---- */

static bool explain(FILE *err, const char *dir, const char *name)
{
    fprintf(err, "ssmctl: cannot write '%s/%s': %s\n", dir, name, strerror(errno));
    return false;
}

static bool open_dir(struct certfiles *f, FILE *err)
{
    if (mkdir(f->dir, S_IRWXU) != 0 && errno != EEXIST)
        return explain(err, f->dir, "");
    f->dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return f->dir_fd >= 0 || explain(err, f->dir, "");
}

static bool check_ca(const struct certfiles *f, const char *ca, FILE *err)
{
    char *text = read_file(f->dir_fd, CA_NAME);
    bool ok = text == NULL ? errno == ENOENT : strcmp(text, ca) == 0;

    if (text == NULL && !ok)
        explain(err, f->dir, CA_NAME);
    else if (!ok)
        fprintf(err, "ssmctl: '%s/%s' is another CA's; remove it or choose another directory\n", f->dir,
                CA_NAME);
    free_text(text);
    return ok;
}

static bool create(const struct certfiles *f, const char *name, mode_t mode, int *fd, FILE *err)
{
    *fd = openat(f->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    return *fd >= 0 || explain(err, f->dir, name);
}

bool certfiles_open(struct certfiles *f, const char *dir, const struct assoc_name *name, bool with_key,
                    const char *ca, FILE *err)
{
    *f = (struct certfiles){.dir = dir, .dir_fd = -1, .crt_fd = -1, .key_fd = -1};
    snprintf(f->crt_name, sizeof(f->crt_name), "%.*s.crt", (int)name->len, name->text);
    snprintf(f->key_name, sizeof(f->key_name), "%.*s.key", (int)name->len, name->text);
    if (strcmp(f->crt_name, CA_NAME) == 0) {
        fprintf(err,
                "ssmctl: a subscriber cannot be called 'ca': its certificate would take the CA's place\n");
        return false;
    }
    if (open_dir(f, err) && check_ca(f, ca, err) && create(f, f->crt_name, 0644, &f->crt_fd, err) &&
        (!with_key || create(f, f->key_name, 0600, &f->key_fd, err)))
        return true;
    certfiles_abandon(f);
    return false;
}

/* On disk when it returns. */
static bool write_all(const struct certfiles *f, int fd, const char *name, const char *text, FILE *err)
{
    size_t len = strlen(text);

    return (write(fd, text, len) == (ssize_t)len && fsync(fd) == 0) || explain(err, f->dir, name);
}

static bool write_ca(const struct certfiles *f, const char *ca, FILE *err)
{
    int fd = openat(f->dir_fd, CA_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool ok;

    if (fd < 0) /* the same one, as certfiles_open has seen */
        return errno == EEXIST || explain(err, f->dir, CA_NAME);
    ok = write_all(f, fd, CA_NAME, ca, err);
    close(fd);
    return ok;
}

static void close_all(const struct certfiles *f)
{
    const int fds[] = {f->key_fd, f->crt_fd, f->dir_fd};

    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

bool certfiles_write(struct certfiles *f, const char *certificate, const char *key, const char *ca, FILE *err)
{
    bool ok;

    if ((key != NULL && !write_all(f, f->key_fd, f->key_name, key, err)) ||
        !write_all(f, f->crt_fd, f->crt_name, certificate, err)) {
        certfiles_abandon(f);
        return false;
    }
    ok = write_ca(f, ca, err);
    close_all(f);
    return ok;
}

void certfiles_abandon(struct certfiles *f)
{
    if (f->key_fd >= 0)
        unlinkat(f->dir_fd, f->key_name, 0);
    if (f->crt_fd >= 0)
        unlinkat(f->dir_fd, f->crt_name, 0);
    close_all(f);
}
