#include "storage_key.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <mbedtls/gcm.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status file_error(const char *path, const char *what)
{
    log_line(LOG_ERR, "%s: %s: %s", path, what, strerror(errno));
    return SSM_IO;
}

static enum status random_fill(uint8_t *out, size_t len)
{
    return getrandom(out, len, 0) == (ssize_t)len ? SSM_OK : SSM_IO;
}

/* ---- the file ---- */

static enum status sync_directory_of(const char *path)
{
    char copy[PATH_MAX];
    int fd;
    bool synced;

    snprintf(copy, sizeof copy, "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return synced ? SSM_OK : file_error(path, "its directory cannot be made durable");
}

/* Under another name first: a power cut leaves either no key file or a whole one. */
static enum status create(const char *path, const uint8_t key[STORAGE_KEY_LEN])
{
    char fresh[PATH_MAX];
    int fd;
    bool written;

    snprintf(fresh, sizeof fresh, "%s.new", path);
    unlink(fresh);
    fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return file_error(fresh, "cannot be made");
    written = write(fd, key, STORAGE_KEY_LEN) == STORAGE_KEY_LEN && fsync(fd) == 0;
    close(fd);
    if (!written || rename(fresh, path) != 0)
        return file_error(path, "cannot be written");
    log_line(LOG_NOTICE, "%s: made a new storage key; back it up apart from the database", path);
    return sync_directory_of(path);
}

static enum status check_private(const char *path, int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return file_error(path, "cannot be examined");
    if (!S_ISREG(st.st_mode) || st.st_size != STORAGE_KEY_LEN) {
        log_line(LOG_ERR, "%s: not a storage key: it must be a file of %d bytes", path, (int)STORAGE_KEY_LEN);
        return SSM_IO;
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        log_line(LOG_ERR, "%s: others than its owner may use it (mode %04o); chmod 600 it", path,
                 (unsigned)(st.st_mode & 07777));
        return SSM_IO;
    }
    return SSM_OK;
}

static enum status read_private(const char *path, int fd, uint8_t key[STORAGE_KEY_LEN])
{
    enum status status = check_private(path, fd);

    if (status == SSM_OK && read(fd, key, STORAGE_KEY_LEN) != STORAGE_KEY_LEN)
        status = file_error(path, "cannot be read");
    return status;
}

enum status storage_key_load(const char *path, bool may_create, uint8_t key[STORAGE_KEY_LEN])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum status status;

    if (fd < 0 && errno == ENOENT && may_create) {
        status = random_fill(key, STORAGE_KEY_LEN);
        return status == SSM_OK ? create(path, key) : status;
    }
    if (fd < 0)
        return file_error(path, "the storage key cannot be read");
    status = read_private(path, fd, key);
    close(fd);
    return status;
}

/* ---- AES-256-GCM ---- */

enum status storage_key_seal(const uint8_t key[STORAGE_KEY_LEN], const char *place, const uint8_t *secret,
                             size_t len, uint8_t *sealed)
{
    mbedtls_gcm_context gcm;
    enum status status = random_fill(sealed, STORAGE_NONCE_LEN);

    if (status != SSM_OK)
        return status;
    mbedtls_gcm_init(&gcm);
    if (mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, STORAGE_KEY_LEN * 8) != 0 ||
        mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, len, sealed, STORAGE_NONCE_LEN,
                                  (const uint8_t *)place, strlen(place), secret, sealed + STORAGE_NONCE_LEN,
                                  STORAGE_TAG_LEN, sealed + STORAGE_NONCE_LEN + len) != 0)
        status = SSM_IO;
    mbedtls_gcm_free(&gcm);
    return status;
}

enum status storage_key_open(const uint8_t key[STORAGE_KEY_LEN], const char *place, const uint8_t *sealed,
                             size_t sealed_len, uint8_t *secret)
{
    mbedtls_gcm_context gcm;
    enum status status = SSM_OK;
    size_t len = sealed_len - STORAGE_OVERHEAD;

    if (sealed_len < STORAGE_OVERHEAD)
        return SSM_BAD_TAG;
    mbedtls_gcm_init(&gcm);
    if (mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, STORAGE_KEY_LEN * 8) != 0 ||
        mbedtls_gcm_auth_decrypt(&gcm, len, sealed, STORAGE_NONCE_LEN, (const uint8_t *)place, strlen(place),
                                 sealed + STORAGE_NONCE_LEN + len, STORAGE_TAG_LEN,
                                 sealed + STORAGE_NONCE_LEN, secret) != 0)
        status = SSM_BAD_TAG;
    mbedtls_gcm_free(&gcm);
    return status;
}
