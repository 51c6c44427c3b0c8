#include "keyfile.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { LINE_MAX_LEN = 128, GENERATED_LEN = 22 };

static void warn_if_readable(FILE *file, const char *path, FILE *err)
{
    struct stat s;

    if (fstat(fileno(file), &s) == 0 && S_ISREG(s.st_mode) && (s.st_mode & (S_IRGRP | S_IROTH)) != 0)
        fprintf(err, "ssmctl: warning: others can read '%s'; run: chmod 600 '%s'\n", path, path);
}

/* The first line without its end; of a longer one as much as shows that it is too long. Unbuffered, so that
 * no copy of the key stays behind. */
static size_t read_line(FILE *file, char line[LINE_MAX_LEN])
{
    size_t len = 0;
    int c;

    setvbuf(file, NULL, _IONBF, 0);
    while (len < LINE_MAX_LEN && (c = getc(file)) != EOF && c != '\n')
        line[len++] = (char)c;
    return len;
}

static bool parse(enum keyfile_kind kind, const char *line, size_t len, char text[ADMIN_KEY_TEXT_MAX + 1])
{
    struct subscriber_row row;
    uint8_t psk[ASSOC_PSK_LEN];
    bool ok;

    if (kind == KEYFILE_NODE) {
        while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
            len--; /* as ssm-node does: both read the same file */
        ok = admin_key_parse_node(line, len, psk) == SSM_OK;
        if (ok)
            admin_key_print_node(psk, text);
        bytes_wipe(psk, sizeof(psk));
        return ok;
    }
    ok = admin_key_parse_subscriber(line, len, &row) == SSM_OK;
    if (ok)
        admin_key_print_subscriber(&row, text);
    bytes_wipe(&row, sizeof(row));
    return ok;
}

static FILE *open_file(const char *path, FILE *err)
{
    FILE *file = fopen(path, "r");

    if (file == NULL)
        fprintf(err, "ssmctl: cannot read key file '%s': %s\n", path, strerror(errno));
    else
        warn_if_readable(file, path, err);
    return file;
}

bool keyfile_read(enum keyfile_kind kind, const char *path, char text[ADMIN_KEY_TEXT_MAX + 1], FILE *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : open_file(path, err);
    char line[LINE_MAX_LEN];
    size_t len;
    bool ok;

    if (file == NULL)
        return false;
    len = read_line(file, line);
    if (!is_stdin)
        fclose(file);
    ok = parse(kind, line, len, text);
    bytes_wipe(line, sizeof(line));
    if (!ok)
        fprintf(err, "ssmctl: the first line of '%s' must be %s\n", path,
                kind == KEYFILE_NODE ? "the node's key: 32 hex digits"
                                     : "a key: 16 to 32 bytes without control characters, or hex: and "
                                       "32 to 64 hex digits");
    return ok;
}

static bool random_bytes(void *out, size_t len, FILE *err)
{
    if (getrandom(out, len, 0) == (ssize_t)len) /* up to 256 bytes come whole */
        return true;
    fprintf(err, "ssmctl: the kernel gives no random bytes: %s\n", strerror(errno));
    return false;
}

static bool generate_node(char *text, FILE *err)
{
    uint8_t psk[ASSOC_PSK_LEN];

    if (!random_bytes(psk, sizeof(psk), err))
        return false;
    admin_key_print_node(psk, text);
    bytes_wipe(psk, sizeof(psk));
    return true;
}

/* Letters and digits alone survive every shell and need no quoting. */
static bool generate_subscriber(char *text, FILE *err)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    enum {
        CHOICES = sizeof(alphabet) - 1,
        FAIR = 256 - 256 % CHOICES
    }; /* bytes from FAIR on would favour some */
    size_t len = 0;

    while (len < GENERATED_LEN) {
        uint8_t byte;

        if (!random_bytes(&byte, 1, err))
            return false;
        if (byte < FAIR)
            text[len++] = alphabet[byte % CHOICES];
    }
    text[len] = '\0';
    return true;
}

bool keyfile_generate(enum keyfile_kind kind, char text[ADMIN_KEY_TEXT_MAX + 1], FILE *err)
{
    return kind == KEYFILE_NODE ? generate_node(text, err) : generate_subscriber(text, err);
}
