#include "credentials.h"

#include "certificate.h"
#include "config.h"
#include "log.h"
#include "store_ca.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 65536, RSA_BITS_MIN = 2048 };

/* Why a file cannot be used: "option: 'path' ..." */
struct fault {
    char text[CONFIG_PATH_MAX + 160];
    bool is_forbidden; /* we may not read it, but somebody else may */
};

/* One configured pair of files. */
struct pair {
    const char *option;
    const char *path;
    const char *key_option;
    const char *key_path;
    enum certificate_key key;
};

__attribute__((format(printf, 4, 5))) static enum status fail(struct fault *f, const char *option,
                                                              const char *path, const char *format, ...)
{
    va_list args;
    int len = snprintf(f->text, sizeof f->text, "%s: '%s' ", option, path);

    va_start(args, format);
    vsnprintf(f->text + len, sizeof f->text - (size_t)len, format, args);
    va_end(args);
    return SSM_MALFORMED;
}

static void pem_free(struct pem *pem)
{
    if (pem->text != NULL)
        bytes_wipe(pem->text, pem->len);
    free(pem->text);
    *pem = (struct pem){0};
}

static void credential_free(struct credential *c)
{
    pem_free(&c->chain);
    pem_free(&c->key);
}

void credentials_free(struct credentials *credentials)
{
    credential_free(&credentials->ecdsa);
    credential_free(&credentials->rsa);
    pem_free(&credentials->client_ca);
}

/* Adds a text to another; nothing to add is fine. */
static enum status pem_append(struct pem *pem, const char *text)
{
    size_t text_len = strlen(text);
    size_t len = pem->len == 0 ? 0 : pem->len - 1; /* without the final NUL */
    char *joined = malloc(len + text_len + 1);

    if (joined == NULL)
        return SSM_IO;
    bytes_copy(joined, pem->text, len);
    bytes_copy(joined + len, text, text_len + 1);
    pem_free(pem);
    *pem = (struct pem){.text = joined, .len = len + text_len + 1};
    return SSM_OK;
}

/* ---- files ---- */

/* Reads into memory of our own alone, because it may be a key. */
static enum status read_descriptor(int fd, const char *option, const char *path, struct pem *out,
                                   struct fault *f)
{
    struct stat st;
    ssize_t got;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return fail(f, option, path, "is not a file");
    if (st.st_size > FILE_MAX)
        return fail(f, option, path, "is too long: at most %d bytes", FILE_MAX);
    out->text = calloc(1, (size_t)st.st_size + 1);
    if (out->text == NULL)
        return fail(f, option, path, "cannot be read: out of memory");
    out->len = (size_t)st.st_size + 1;
    got = read(fd, out->text, out->len - 1);
    if (got == st.st_size)
        return SSM_OK;
    pem_free(out);
    return fail(f, option, path, "cannot be read: %s", got < 0 ? strerror(errno) : "it has just changed");
}

static enum status read_file(const char *option, const char *path, struct pem *out, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum status status;

    if (fd < 0) {
        f->is_forbidden = errno == EACCES;
        return fail(f, option, path, "cannot be read: %s", strerror(errno));
    }
    status = read_descriptor(fd, option, path, out, f);
    close(fd);
    return status;
}

static enum status check_kind(const struct pair *pair, const struct certificate_facts *facts, struct fault *f)
{
    if (pair->key == CERTIFICATE_KEY_P256 && facts->key != CERTIFICATE_KEY_P256)
        return fail(f, pair->option, pair->path,
                    "holds a certificate with another key than ECDSA on the curve P-256");
    if (pair->key == CERTIFICATE_KEY_RSA &&
        (facts->key != CERTIFICATE_KEY_RSA || facts->key_bits < RSA_BITS_MIN))
        return fail(f, pair->option, pair->path,
                    "holds a certificate with another key than RSA of %d bits or more", RSA_BITS_MIN);
    return SSM_OK;
}

static enum status read_chain(const struct pair *pair, struct credential *out, uint64_t *ends_s,
                              struct fault *f)
{
    struct certificate_chain chain;
    enum status status = read_file(pair->option, pair->path, &out->chain, f);

    if (status != SSM_OK)
        return status;
    if (certificate_read_chain(out->chain.text, out->chain.len, &chain) != SSM_OK)
        return fail(f, pair->option, pair->path, "does not hold certificates in PEM form");
    *ends_s = chain.not_after_s;
    return check_kind(pair, &chain.first, f);
}

static enum status read_key(const struct pair *pair, struct credential *out, struct fault *f)
{
    enum status status = read_file(pair->key_option, pair->key_path, &out->key, f);

    if (status != SSM_OK)
        return status;
    status = certificate_check_key(out->chain.text, out->chain.len, out->key.text, out->key.len);
    if (status == SSM_BAD_TAG)
        return fail(f, pair->key_option, pair->key_path, "is not the key of the certificate in %s",
                    pair->option);
    if (status != SSM_OK)
        return fail(f, pair->key_option, pair->key_path,
                    "does not hold a private key in PEM form, without a password");
    return SSM_OK;
}

/* Certificate and key, or neither. */
static enum status read_pair(const struct pair *pair, struct credential *out, uint64_t *ends_s,
                             struct fault *f)
{
    enum status status = read_chain(pair, out, ends_s, f);

    if (status == SSM_OK)
        status = read_key(pair, out, f);
    if (status != SSM_OK) {
        credential_free(out);
        *ends_s = 0;
    }
    return status;
}

static enum status read_client_ca(const struct config *config, struct pem *out, uint64_t *ends_s,
                                  struct fault *f)
{
    static const char option[] = "client_ca";
    struct certificate_chain chain;
    enum status status = read_file(option, config->client_ca, out, f);

    if (status != SSM_OK)
        return status;
    if (certificate_read_chain(out->text, out->len, &chain) != SSM_OK)
        status = fail(f, option, config->client_ca, "does not hold certificates in PEM form");
    else if (!chain.are_all_ca)
        status = fail(f, option, config->client_ca, "holds a certificate that is not a CA's");
    else
        *ends_s = chain.not_after_s;
    if (status != SSM_OK)
        pem_free(out);
    return status;
}

/* Reads what is configured and passes each fault on. */
static void read_files(const struct config *config, struct credentials *out, struct credentials_ends *ends,
                       void (*on_fault)(void *arg, const struct fault *f), void *arg)
{
    const struct pair ecdsa = {"certificate", config->certificate, "certificate_key", config->certificate_key,
                               CERTIFICATE_KEY_P256};
    const struct pair rsa = {"rsa_certificate", config->rsa_certificate, "rsa_certificate_key",
                             config->rsa_certificate_key, CERTIFICATE_KEY_RSA};
    struct fault f = {0};

    if (config->certificate[0] != '\0' && read_pair(&ecdsa, &out->ecdsa, &ends->certificate_s, &f) != SSM_OK)
        on_fault(arg, &f);
    f = (struct fault){0};
    if (config->rsa_certificate[0] != '\0' &&
        read_pair(&rsa, &out->rsa, &ends->rsa_certificate_s, &f) != SSM_OK)
        on_fault(arg, &f);
    f = (struct fault){0};
    if (config->client_ca[0] != '\0' &&
        read_client_ca(config, &out->client_ca, &ends->client_ca_s, &f) != SSM_OK)
        on_fault(arg, &f);
}

/* ---- the gateway's own CA ---- */

static enum status take_gateway(const struct store_ca *ca, struct credential *out)
{
    char pem[CERTIFICATE_PEM_MAX + 1];
    char key[CERTIFICATE_PRIVATE_KEY_PEM_MAX];
    struct store_ca_row row;
    enum status status = store_ca_read(ca, STORE_CA_GATEWAY, &row);

    if (status == SSM_OK) {
        certificate_to_pem(&row.certificate, pem);
        status = pem_append(&out->chain, pem);
    }
    if (status == SSM_OK)
        status = certificate_key_to_pem(row.private_key, row.private_key_len, key);
    if (status == SSM_OK)
        status = pem_append(&out->key, key);
    bytes_wipe(key, sizeof key);
    bytes_wipe(&row, sizeof row);
    return status;
}

static enum status take_root(const struct store_ca *ca, struct pem *client_ca)
{
    char pem[CERTIFICATE_PEM_MAX + 1];
    struct store_ca_row row;
    enum status status = store_ca_read(ca, STORE_CA_ROOT, &row);

    if (status == SSM_OK) {
        certificate_to_pem(&row.certificate, pem);
        status = pem_append(client_ca, pem);
    }
    bytes_wipe(&row, sizeof row);
    return status;
}

/* ---- interface ---- */

static void log_fault(void *arg, const struct fault *f)
{
    (void)arg;
    log_line(LOG_ERR, "%s; going on without it", f->text);
}

enum status credentials_load(const struct config *config, const struct store_ca *ca, struct credentials *out,
                             struct credentials_ends *ends)
{
    enum status status;

    *out = (struct credentials){0};
    *ends = (struct credentials_ends){0};
    read_files(config, out, ends, log_fault, NULL);
    status = take_root(ca, &out->client_ca);
    if (status == SSM_OK && config->certificate[0] == '\0')
        status = take_gateway(ca, &out->ecdsa);
    if (status == SSM_OK || status == SSM_NOT_FOUND)
        return SSM_OK;
    credentials_free(out);
    return SSM_IO;
}

struct check {
    const char *config_path;
    FILE *err;
    bool is_faulty;
};

static void print_fault(void *arg, const struct fault *f)
{
    struct check *check = arg;

    if (f->is_forbidden)
        fprintf(check->err, "%s: %s, so it was not checked\n", check->config_path, f->text);
    else
        fprintf(check->err, "%s: %s\n", check->config_path, f->text);
    check->is_faulty |= !f->is_forbidden;
}

bool credentials_check(const struct config *config, const char *config_path, FILE *err)
{
    struct check check = {.config_path = config_path, .err = err};
    struct credentials credentials = {0};
    struct credentials_ends ends = {0};

    read_files(config, &credentials, &ends, print_fault, &check);
    credentials_free(&credentials);
    return !check.is_faulty;
}
