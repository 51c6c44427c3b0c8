#include "options.h"

#include "bytes.h"
#include "resources.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_FILE_MAX = 256 };

static void usage_print(FILE *to)
{
    fputs("usage: ssm-node --gateway ADDR:PORT | --serial PATH --id NAME --key-file FILE [options]\n"
          "A simulated sensor node without handshake code: temperature, humidity and light over CoAP.\n\n"
          "  --gateway ADDR:PORT         the gateway's address for nodes; an IPv6 address in [brackets]\n"
          "  --serial PATH               a serial line to it instead: 115200 baud, 8N1, SLIP\n"
          "  --id NAME                   the node's name at the gateway\n"
          "  --key-file FILE             its key, 32 hexadecimal digits\n"
          "  --state DIR                 where the association counter is kept\n"
          "                              (default: ${XDG_STATE_HOME:-~/.local/state}/ssm-node)\n"
          "  --observe-interval SECONDS  how often readings go to observers, 0 for never (default 5);\n"
          "                              /interval changes it\n"
          "  --push URI                  the temperature goes to this server: coaps://HOST[:PORT]\n"
          "  --push-path PATH            where it is put there (default: readings)\n"
          "  --push-interval SECONDS     how often (default 10)\n"
          "  --watch URI PATH            a resource of this server is observed and printed\n"
          "  --verbose                   one line for each event, counters at exit\n"
          "  --help, --version\n\n"
          "SIGUSR1 prints the counters.\n",
          to);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* 32 hexadecimal digits, with white space around them. */
static bool key_parse(const char *text, size_t len, uint8_t key[ASSOC_PSK_LEN])
{
    while (len > 0 && is_space(*text)) {
        text++;
        len--;
    }
    while (len > 0 && is_space(text[len - 1]))
        len--;
    if (len != 2 * ASSOC_PSK_LEN)
        return false;
    for (size_t i = 0; i < ASSOC_PSK_LEN; i++) {
        int hi = hex_digit(text[2 * i]);
        int lo = hex_digit(text[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        key[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

static bool key_file_read(const char *path, uint8_t key[ASSOC_PSK_LEN])
{
    char text[KEY_FILE_MAX];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text) : -1;

    if (len < 0 || fstat(fd, &st) != 0) {
        fprintf(stderr, "ssm-node: cannot read the key file %s: %s\n", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    if ((st.st_mode & (S_IRGRP | S_IROTH)) != 0)
        fprintf(stderr, "ssm-node: warning: others may read the key file %s; chmod 600 it\n", path);
    bool is_key = key_parse(text, (size_t)len, key);
    bytes_wipe(text, sizeof text);
    if (!is_key)
        fprintf(stderr, "ssm-node: the key file %s must hold 32 hexadecimal digits and nothing else\n", path);
    return is_key;
}

/* Splits "host:port", "[v6]:port". */
static bool gateway_parse(const char *text, struct options *out)
{
    if (strlen(text) >= sizeof out->gateway_text)
        return false;
    strcpy(out->gateway_text, text);
    char *colon = strrchr(out->gateway_text, ':');
    if (colon == NULL || colon[1] == '\0')
        return false;
    *colon = '\0';
    out->gateway_port = colon + 1;
    out->gateway_host = out->gateway_text;
    if (out->gateway_text[0] == '[') {
        if (colon[-1] != ']')
            return false;
        colon[-1] = '\0';
        out->gateway_host++;
    }
    return *out->gateway_host != '\0';
}

static bool interval_parse(const char *text, long least, uint16_t *seconds_out)
{
    char *end;
    long seconds = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || seconds < least || seconds > APP_INTERVAL_MAX_S)
        return false;
    *seconds_out = (uint16_t)seconds;
    return true;
}

static bool state_dir_set(const char *given, struct options *out)
{
    const char *base = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int len = -1;

    if (given != NULL)
        len = snprintf(out->state_dir, sizeof out->state_dir, "%s", given);
    else if (base != NULL && *base == '/')
        len = snprintf(out->state_dir, sizeof out->state_dir, "%s/ssm-node", base);
    else if (home != NULL && *home == '/')
        len = snprintf(out->state_dir, sizeof out->state_dir, "%s/.local/state/ssm-node", home);
    return len > 0 && (size_t)len < sizeof out->state_dir;
}

static enum options_result usage_error(const char *what, const char *value)
{
    fprintf(stderr, "ssm-node: %s%s%s\nTry 'ssm-node --help'.\n", what, value != NULL ? ": " : "",
            value != NULL ? value : "");
    return OPTIONS_USAGE_ERROR;
}

/* What getopt_long gives for an option: those before ARGUMENTS have an argument. */
enum {
    GATEWAY,
    SERIAL,
    ID,
    KEY_FILE,
    STATE,
    OBSERVE_INTERVAL,
    PUSH,
    PUSH_PATH,
    PUSH_INTERVAL,
    WATCH,
    ARGUMENTS,
    VERBOSE,
    HELP,
    VERSION,
};

/* `given` are the options' arguments as they stand on the command line; NULL: none. */
static enum options_result arguments_check(const char *const given[ARGUMENTS], struct options *out)
{
    if ((given[GATEWAY] == NULL) == (given[SERIAL] == NULL) || given[ID] == NULL || given[KEY_FILE] == NULL)
        return usage_error("--gateway or --serial, --id and --key-file are needed", NULL);
    out->serial = given[SERIAL];
    if (given[GATEWAY] != NULL && !gateway_parse(given[GATEWAY], out))
        return usage_error("--gateway wants ADDR:PORT", given[GATEWAY]);
    if (assoc_name_set(&out->name, given[ID], strlen(given[ID])) != SSM_OK)
        return usage_error("--id wants 1 to 32 letters, digits, dots, dashes or underscores", given[ID]);
    if (!interval_parse(given[OBSERVE_INTERVAL], 0, &out->observe_interval_s))
        return usage_error("--observe-interval wants 0 to 3600 seconds", given[OBSERVE_INTERVAL]);
    if (!interval_parse(given[PUSH_INTERVAL], 1, &out->push_interval_s))
        return usage_error("--push-interval wants 1 to 3600 seconds", given[PUSH_INTERVAL]);
    if (!state_dir_set(given[STATE], out))
        return usage_error("no place for the association counter: give --state DIR", NULL);
    out->push_uri = given[PUSH];
    out->push_path = given[PUSH_PATH];
    out->watch_uri = given[WATCH];
    return key_file_read(given[KEY_FILE], out->psk) ? OPTIONS_RUN : OPTIONS_FILE_ERROR;
}

enum options_result options_parse(int argc, char **argv, struct options *out)
{
    static const struct option LONG[] = {
        {"gateway", required_argument, NULL, GATEWAY},
        {"serial", required_argument, NULL, SERIAL},
        {"id", required_argument, NULL, ID},
        {"key-file", required_argument, NULL, KEY_FILE},
        {"state", required_argument, NULL, STATE},
        {"observe-interval", required_argument, NULL, OBSERVE_INTERVAL},
        {"push", required_argument, NULL, PUSH},
        {"push-path", required_argument, NULL, PUSH_PATH},
        {"push-interval", required_argument, NULL, PUSH_INTERVAL},
        {"watch", required_argument, NULL, WATCH},
        {"verbose", no_argument, NULL, VERBOSE},
        {"help", no_argument, NULL, HELP},
        {"version", no_argument, NULL, VERSION},
        {NULL, 0, NULL, 0},
    };
    const char *given[ARGUMENTS] = {
        [OBSERVE_INTERVAL] = "5", [PUSH_INTERVAL] = "10", [PUSH_PATH] = "readings"};
    int option;

    memset(out, 0, sizeof *out);
    while ((option = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
        if (option < ARGUMENTS)
            given[option] = optarg;
        switch (option) {
        case WATCH:
            out->watch_path = optind < argc ? argv[optind++] : NULL;
            break;
        case VERBOSE:
            out->verbose = true;
            break;
        case HELP:
            usage_print(stdout);
            return OPTIONS_DONE;
        case VERSION:
            puts("ssm-node " SSM_VERSION);
            return OPTIONS_DONE;
        case '?':
            usage_print(stderr);
            return OPTIONS_USAGE_ERROR;
        default:
            break;
        }
    }
    if (given[WATCH] != NULL && out->watch_path == NULL)
        return usage_error("--watch wants a URI and a path", NULL);
    if (optind < argc)
        return usage_error("unexpected argument", argv[optind]);
    return arguments_check(given, out);
}
