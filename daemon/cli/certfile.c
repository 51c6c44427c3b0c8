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

/* What stands behind the next certificate, other certificates or a key; NULL: there is none that can be read.
 */
static const char *take_next(const char *text, struct certificate *out)
{
    static const char END[] = "-----END CERTIFICATE-----";
    const char *begin = strstr(text, "-----BEGIN CERTIFICATE-----");
    const char *end = begin == NULL ? NULL : strstr(begin, END);

    if (end == NULL)
        return NULL;
    end += sizeof(END) - 1;
    return certificate_from_pem(begin, (size_t)(end - begin), out) == SSM_OK ? end : NULL;
}

/* `text`: what was read, or NULL. */
static void explain_no_certificate(FILE *err, const char *path, const char *text)
{
    if (text == NULL)
        fprintf(err, "ssmctl: cannot read certificate '%s': %s\n", path, strerror(errno));
    else
        fprintf(
            err,
            "ssmctl: '%s' holds no certificate in PEM form of at most %d bytes in DER; one in DER form is "
            "converted by: openssl x509 -inform DER -in FILE\n",
            path, (int)CERTIFICATE_DER_MAX);
}

/* What stands behind the first certificate is not for ssmd. */
bool certfile_read(const char *path, struct certificate *out, FILE *err)
{
    char *text = read_file(AT_FDCWD, path);
    bool taken = text != NULL && take_next(text, out) != NULL;

    if (!taken)
        explain_no_certificate(err, path, text);
    free_text(text);
    return taken;
}

bool certfile_read_chain(const char *path, char pem[DESTINATION_PEM_MAX + 1], FILE *err)
{
    char *text = read_file(AT_FDCWD, path);
    const char *at = text;
    char one[CERTIFICATE_PEM_MAX + 1];
    struct certificate certificate;
    size_t len = 0;

    while (at != NULL && len <= DESTINATION_PEM_MAX && (at = take_next(at, &certificate)) != NULL) {
        certificate_to_pem(&certificate, one);
        if (len + strlen(one) <= DESTINATION_PEM_MAX)
            strcpy(pem + len, one);
        len += strlen(one);
    }
    if (len == 0)
        explain_no_certificate(err, path, text);
    else if (len > DESTINATION_PEM_MAX)
        fprintf(err, "ssmctl: the certificates in '%s' have more than %d characters\n", path,
                DESTINATION_PEM_MAX);
    free_text(text);
    return len > 0 && len <= DESTINATION_PEM_MAX;
}

/* Behind a key's parameters or a certificate, perhaps. Where there is none, `*len` is 0. */
static const char *find_key(const char *text, size_t *len)
{
    static const char LABEL[] = "PRIVATE KEY-----";
    static const char BEGIN[] = "-----BEGIN ";
    const char *label = strstr(text, LABEL);
    const char *end = label == NULL ? NULL : strstr(label + sizeof(LABEL) - 1, LABEL);
    const char *begin = label;

    *len = 0;
    while (begin != NULL && begin > text && strncmp(begin, BEGIN, sizeof(BEGIN) - 1) != 0)
        begin--;
    if (end != NULL)
        *len = (size_t)(end - begin) + sizeof(LABEL) - 1;
    return begin;
}

static void explain_no_key(FILE *err, const char *path, const char *text, enum status status)
{
    if (text == NULL)
        fprintf(err, "ssmctl: cannot read key '%s': %s\n", path, strerror(errno));
    else if (status == SSM_BAD_TAG)
        fprintf(err, "ssmctl: '%s' is not the key of the certificate\n", path);
    else
        fprintf(
            err,
            "ssmctl: '%s' holds no private key in PEM form, without a password, of at most %d characters\n",
            path, DESTINATION_KEY_PEM_MAX);
}

bool certfile_read_key(const char *path, const char *chain, char pem[DESTINATION_KEY_PEM_MAX + 1], FILE *err)
{
    char *text = read_file(AT_FDCWD, path);
    enum status status = SSM_MALFORMED;
    size_t len = 0;
    const char *key = text == NULL ? NULL : find_key(text, &len);

    if (len > 0 && len < DESTINATION_KEY_PEM_MAX) {
        snprintf(pem, DESTINATION_KEY_PEM_MAX + 1, "%.*s\n", (int)len, key);
        status = certificate_check_key(chain, strlen(chain) + 1, pem, strlen(pem) + 1);
    }
    if (status != SSM_OK)
        explain_no_key(err, path, text, status);
    free_text(text);
    return status == SSM_OK;
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
