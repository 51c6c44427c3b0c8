#include "ssmctl.h"
#include "ca.h"
#include "certfile.h"
#include "client.h"
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/ssm/admin.sock"
#define GLOBAL_OPTIONS (BIT(OPT_SOCKET) | BIT(OPT_HELP) | BIT(OPT_VERSION))

static void print_help(FILE *out)
{
    fputs("usage: ssmctl [--socket PATH] [-o json|table] COMMAND ...\n\nCommands:\n", out);
    for (size_t i = 0; i < command_count; i++)
        fprintf(out, "  %s %s\n        %s\n", commands[i].op, commands[i].usage, commands[i].help);
    fputs("\nOptions:\n"
          "  --socket PATH    admin socket of ssmd, " DEFAULT_SOCKET "\n"
          "  -o FORMAT        table (for eyes) or json (for programs)\n"
          "  --help           this text, or that of a command\n"
          "  --version        the version\n"
          "\nExit code: 0 done, 1 refused, 2 wrong usage. See ssmctl(1).\n",
          out);
}

/* ---- the command line ---- */

static bool name_check(const char *text, FILE *err)
{
    struct assoc_name name;

    if (assoc_name_set(&name, text, strlen(text)) == SSM_OK)
        return true;
    fprintf(err, "ssmctl: '%s' is no name; names are 1 to 32 of A-Z a-z 0-9 . _ -\n", text);
    return false;
}

static bool uri_check(const char *text, FILE *err)
{
    const char *fault;
    struct uri uri;

    if (uri_parse(text, strlen(text), &uri, &fault) == SSM_OK)
        return true;
    fprintf(err, "ssmctl: '%s' %s; a server is named by coaps://HOST or coaps://HOST:PORT\n", text, fault);
    return false;
}

static bool number_check(const char *what, const char *text, json_int_t max, json_int_t *number, FILE *err)
{
    char *end;

    errno = 0;
    *number = strtol(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *number >= 1 && *number <= max)
        return true;
    fprintf(err, "ssmctl: '%s' is no %s; give a number from 1 to %" JSON_INTEGER_FORMAT "\n", text, what,
            max);
    return false;
}

static int usage_error(FILE *err, const struct command *command)
{
    fprintf(err, "ssmctl: usage: ssmctl %s %s\n", command->op, command->usage);
    return SSMCTL_USAGE;
}

static bool take_output(const char *format, struct arguments *a, FILE *err)
{
    a->json = strcmp(format, "json") == 0;
    if (a->json || strcmp(format, "table") == 0)
        return true;
    fprintf(err, "ssmctl: '%s' is no output format; use json or table\n", format);
    return false;
}

static bool take_node(const char *name, struct arguments *a, FILE *err)
{
    if (a->nodes == NULL)
        a->nodes = json_array();
    return name_check(name, err) && json_array_append_new(a->nodes, json_string(name)) == 0;
}

/* ssmd checks them: hosts and addresses have more forms than names of nodes. */
static bool take_name(const char *name, struct arguments *a)
{
    if (a->names == NULL)
        a->names = json_array();
    return json_array_append_new(a->names, json_string(name)) == 0;
}

static bool take_option(int option, char **argv, struct arguments *a, FILE *err)
{
    if (option <= OPT_REPLACE)
        a->given |= BIT(option);
    switch (option) {
    case OPT_SOCKET:
        a->socket = optarg;
        return true;
    case 'o':
        return take_output(optarg, a, err);
    case OPT_PSK_FILE:
        a->psk_file = optarg;
        return true;
    case OPT_PORT:
        return number_check("port", optarg, UINT16_MAX, &a->port, err);
    case OPT_NODE:
        return take_node(optarg, a, err);
    case OPT_CERT:
        a->cert = optarg;
        return true;
    case OPT_SUBJECT:
        a->subject = optarg;
        return true;
    case OPT_OUT:
        a->out = optarg;
        return true;
    case OPT_IDENTITY:
        a->identity = optarg;
        return true;
    case OPT_CA:
        a->ca = optarg;
        return true;
    case OPT_KEY:
        a->key = optarg;
        return true;
    case OPT_DAYS:
        return number_check("number of days", optarg, CA_DAYS_MAX, &a->days, err);
    case OPT_NAME:
        return take_name(optarg, a);
    case OPT_HELP:
    case OPT_VERSION:
    case OPT_SHOW_KEY:
    case OPT_REPLACE:
        return true;
    case ':':
        fprintf(err, "ssmctl: option '%s' needs a value; `ssmctl --help` shows it\n", argv[optind - 1]);
        return false;
    default:
        fprintf(err, "ssmctl: '%s' is no option; `ssmctl --help` lists them\n", argv[optind - 1]);
        return false;
    }
}

static bool parse_options(int argc, char **argv, struct arguments *a, FILE *err)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, OPT_SOCKET},
        {"psk-file", required_argument, NULL, OPT_PSK_FILE},
        {"port", required_argument, NULL, OPT_PORT},
        {"node", required_argument, NULL, OPT_NODE},
        {"show-key", no_argument, NULL, OPT_SHOW_KEY},
        {"cert", required_argument, NULL, OPT_CERT},
        {"subject", required_argument, NULL, OPT_SUBJECT},
        {"days", required_argument, NULL, OPT_DAYS},
        {"name", required_argument, NULL, OPT_NAME},
        {"out", required_argument, NULL, OPT_OUT},
        {"identity", required_argument, NULL, OPT_IDENTITY},
        {"ca", required_argument, NULL, OPT_CA},
        {"key", required_argument, NULL, OPT_KEY},
        {"replace", no_argument, NULL, OPT_REPLACE},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {NULL, 0, NULL, 0},
    };
    int option;

    *a = (struct arguments){.socket = DEFAULT_SOCKET};
    optind = 0; /* start over: this may be called more than once */
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:", options, NULL)) != -1)
        if (!take_option(option, argv, a, err))
            return false;
    a->words = argv + optind;
    return true;
}

/* The command that the words begin with; a->words moves behind it. */
static const struct command *command_find(struct arguments *a, FILE *err)
{
    const char *noun = a->words[0];
    const char *verb = noun == NULL ? NULL : a->words[1];
    char both[64];

    if (noun == NULL) {
        fprintf(err, "ssmctl: no command given; `ssmctl --help` lists them\n");
        return NULL;
    }
    snprintf(both, sizeof(both), "%s%s%s", noun, verb == NULL ? "" : " ", verb == NULL ? "" : verb);
    for (size_t i = 0; i < command_count; i++) {
        bool is_word = strcmp(commands[i].op, noun) == 0;

        if (is_word || strcmp(commands[i].op, both) == 0) {
            a->words += is_word ? 1 : 2;
            return &commands[i];
        }
    }
    fprintf(err, "ssmctl: there is no command '%s'; `ssmctl --help` lists them\n", both);
    return NULL;
}

/* ---- from the command line to the request ---- */

static int add_word(json_t *request, const char *field, const char *word, FILE *err)
{
    json_int_t number = 0;

    if (strcmp(field, "handle") == 0) {
        if (!number_check(field, word, UINT16_MAX, &number, err))
            return SSMCTL_USAGE;
        json_object_set_new(request, field, json_integer(number));
        return SSMCTL_OK;
    }
    if (!(strcmp(field, "uri") == 0 ? uri_check(word, err) : name_check(word, err)))
        return SSMCTL_USAGE;
    json_object_set_new(request, field, json_string(word));
    return SSMCTL_OK;
}

static int add_words(const struct command *command, const struct arguments *a, json_t *request, FILE *err)
{
    size_t i = 0;

    for (; i < WORDS_MAX && command->words[i] != NULL; i++) {
        if (a->words[i] == NULL && command->may_lack_words)
            return SSMCTL_OK;
        if (a->words[i] == NULL)
            return usage_error(err, command);
        if (add_word(request, command->words[i], a->words[i], err) != SSMCTL_OK)
            return SSMCTL_USAGE;
    }
    return a->words[i] == NULL ? SSMCTL_OK : usage_error(err, command);
}

static int add_key(const struct command *command, struct call *call, FILE *err)
{
    const char *path = call->arguments->psk_file;
    char text[ADMIN_KEY_TEXT_MAX + 1];
    bool ok;

    call->generated = path == NULL;
    ok = call->generated ? keyfile_generate(command->key_kind, text, err)
                         : keyfile_read(command->key_kind, path, text, err);
    if (ok)
        json_object_set_new(call->request, "psk", json_string(text));
    bytes_wipe(text, sizeof(text));
    return ok ? SSMCTL_OK : SSMCTL_REFUSED;
}

/* One that ssmd made is read again to learn whose it is: its files are named after that. */
static int add_certificate(struct call *call, FILE *err)
{
    const struct arguments *a = call->arguments;
    char pem[CERTIFICATE_PEM_MAX + 1];
    struct certificate certificate;

    if (!certfile_read(a->cert, &certificate, err) ||
        (a->out != NULL && !certfile_name(a->cert, &certificate, &call->name, err)))
        return SSMCTL_REFUSED;
    certificate_to_pem(&certificate, pem);
    json_object_set_new(call->request, "certificate", json_string(pem));
    return SSMCTL_OK;
}

/* The private key stays here: ssmd gets the public one. */
static int add_key_pair(struct call *call, FILE *err)
{
    const char *name = call->arguments->words[0];
    char public_key[2 * CERTIFICATE_PUBLIC_KEY_LEN + 1];
    struct certificate_key_pair pair;
    enum status status = certificate_make_key(&pair);

    if (status == SSM_OK)
        status = certificate_key_to_pem(pair.private_key, pair.private_key_len, call->key);
    admin_key_print_hex(pair.public_key, sizeof(pair.public_key), public_key);
    bytes_wipe(&pair, sizeof(pair));
    if (status == SSM_OK)
        status = assoc_name_set(&call->name, name, strlen(name));
    if (status != SSM_OK) {
        fprintf(err, "ssmctl: cannot make a key: no memory or no random bytes\n");
        return SSMCTL_REFUSED;
    }
    json_object_set_new(call->request, "public_key", json_string(public_key));
    return SSMCTL_OK;
}

static int add_own_chain(struct call *call, FILE *err)
{
    const struct arguments *a = call->arguments;
    char chain[DESTINATION_PEM_MAX + 1];
    char key[DESTINATION_KEY_PEM_MAX + 1];
    bool ok = certfile_read_chain(a->cert, chain, err) && certfile_read_key(a->key, chain, key, err);

    if (ok) {
        json_object_set_new(call->request, "chain", json_string(chain));
        json_object_set_new(call->request, "private_key", json_string(key));
    }
    bytes_wipe(key, sizeof(key));
    return ok ? SSMCTL_OK : SSMCTL_REFUSED;
}

/* By which CAs a server is known, and what it is shown unless that is the gateway's own certificate. */
static int add_chains(struct call *call, FILE *err)
{
    const struct arguments *a = call->arguments;
    char anchors[DESTINATION_PEM_MAX + 1];

    if (!certfile_read_chain(a->ca, anchors, err))
        return SSMCTL_REFUSED;
    json_object_set_new(call->request, "anchors", json_string(anchors));
    return a->cert == NULL ? SSMCTL_OK : add_own_chain(call, err);
}

/* What a subscriber, a node, a gateway or a certificate proves itself with. */
static int add_credential(const struct command *command, struct call *call, FILE *err)
{
    const struct arguments *a = call->arguments;

    if (a->subject != NULL) {
        json_object_set_new(call->request, "subject", json_string(a->subject));
        return SSMCTL_OK;
    }
    if (a->ca != NULL)
        return add_chains(call, err);
    if (a->cert != NULL)
        return add_certificate(call, err);
    if ((command->options & BIT(OPT_PSK_FILE)) != 0)
        return add_key(command, call, err);
    return a->out != NULL ? add_key_pair(call, err) : SSMCTL_OK;
}

static void add_options(const struct arguments *a, json_t *request)
{
    if (a->port != 0)
        json_object_set_new(request, "port", json_integer(a->port));
    if (a->days != 0)
        json_object_set_new(request, "days", json_integer(a->days));
    if (a->identity != NULL)
        json_object_set_new(request, "identity", json_string(a->identity));
    if (a->nodes != NULL)
        json_object_set(request, "nodes", a->nodes);
    if (a->names != NULL)
        json_object_set(request, "names", a->names);
    if ((a->given & BIT(OPT_SHOW_KEY)) != 0)
        json_object_set_new(request, "show_key", json_true());
    if ((a->given & BIT(OPT_REPLACE)) != 0)
        json_object_set_new(request, "replace", json_true());
}

/* A PSK with its identity; or a CA, with or without a certificate and its key. */
static bool destination_agrees(unsigned given)
{
    const unsigned own = BIT(OPT_CERT) | BIT(OPT_KEY);
    const unsigned psk = BIT(OPT_IDENTITY) | BIT(OPT_PSK_FILE);
    const unsigned credentials = given & (own | psk | BIT(OPT_CA));

    return credentials == psk || credentials == BIT(OPT_CA) || credentials == (own | BIT(OPT_CA));
}

/* Options that exclude each other, or that are there together. */
static bool options_agree(const struct command *command, unsigned given)
{
    const unsigned credentials = given & (BIT(OPT_PSK_FILE) | BIT(OPT_CERT) | BIT(OPT_SUBJECT));

    if ((given & ~(command->options | GLOBAL_OPTIONS)) != 0 || (command->required & ~given) != 0 ||
        (credentials & (credentials - 1)) != 0)
        return false;
    if (strcmp(command->op, "destination add") == 0)
        return destination_agrees(given);
    if (strcmp(command->op, "ca renew") != 0)
        return true;
    return ((given & BIT(OPT_CERT)) != 0) == ((given & BIT(OPT_OUT)) != 0) &&
           (given & (BIT(OPT_CERT) | BIT(OPT_NAME))) != (BIT(OPT_CERT) | BIT(OPT_NAME));
}

static int build_request(const struct command *command, struct call *call, FILE *err)
{
    const struct arguments *a = call->arguments;
    int code;

    if (!options_agree(command, a->given))
        return usage_error(err, command);
    json_object_set_new(call->request, "op", json_string(command->op));
    code = add_words(command, a, call->request, err);
    if (code != SSMCTL_OK)
        return code;
    add_options(a, call->request);
    return add_credential(command, call, err);
}

/* ---- from the request to the output ---- */

/* Asks for the pages behind the first, too, and joins them. */
static bool exchange_pages(int fd, const struct command *command, struct call *call, FILE *err)
{
    json_t *next;

    call->reply = client_exchange(fd, call->request, err);
    while (json_is_integer(next = json_object_get(call->reply, "next"))) {
        json_t *page;

        json_object_set(call->request, "cursor", next);
        page = client_exchange(fd, call->request, err);
        if (page == NULL)
            return false;
        json_array_extend(json_object_get(call->reply, command->list), json_object_get(page, command->list));
        json_object_set_new(call->reply, "next", json_incref(json_object_get(page, "next")));
        json_decref(page);
    }
    return call->reply != NULL;
}

static void print_json(FILE *out, const struct command *command, const struct call *call)
{
    json_t *shown = call->reply;

    if (command->list != NULL)
        shown = json_object_get(call->reply, command->list);
    if (call->generated)
        json_object_set(call->reply, "psk", json_object_get(call->request, "psk"));
    json_object_del(call->reply, "ok");
    json_dumpf(shown, out, JSON_INDENT(2));
    fputc('\n', out);
}

/* Asks for a certificate; the files that it goes into are there before it is issued. */
static bool exchange_files(int fd, const struct command *command, struct call *call, FILE *err)
{
    const char *key = call->key[0] != '\0' ? call->key : NULL;
    json_t *question = json_pack("{s:s}", "op", "ca export");
    json_t *answer = client_exchange(fd, question, err);
    const char *ca = json_string_value(json_object_get(answer, "certificate"));
    struct certfiles files;
    bool ok = ca != NULL && certfiles_open(&files, call->arguments->out, &call->name, key != NULL, ca, err);

    if (ok) {
        ok = exchange_pages(fd, command, call, err);
        if (ok)
            ok = certfiles_write(&files, json_string_value(json_object_get(call->reply, "certificate")), key,
                                 ca, err);
        else
            certfiles_abandon(&files);
    }
    json_decref(answer);
    json_decref(question);
    return ok;
}

static int perform(const struct command *command, struct call *call, FILE *out, FILE *err)
{
    int fd = client_connect(call->arguments->socket, err);
    bool ok;

    if (fd < 0)
        return SSMCTL_REFUSED;
    ok = call->arguments->out != NULL ? exchange_files(fd, command, call, err)
                                      : exchange_pages(fd, command, call, err);
    close(fd);
    if (!ok)
        return SSMCTL_REFUSED;
    if (call->arguments->json)
        print_json(out, command, call);
    else
        command->print(out, call);
    if (fflush(out) == 0)
        return SSMCTL_OK;
    fprintf(err, "ssmctl: done, but the result cannot be written: %s\n", strerror(errno));
    return SSMCTL_REFUSED;
}

static int run_command(struct arguments *a, FILE *out, FILE *err)
{
    const struct command *command = command_find(a, err);
    struct call call = {.arguments = a, .request = json_object()};
    int code = SSMCTL_USAGE;

    if (command != NULL && (a->given & BIT(OPT_HELP)) != 0) {
        fprintf(out, "usage: ssmctl %s %s\n%s\n", command->op, command->usage, command->help);
        code = SSMCTL_OK;
    } else if (command != NULL) {
        code = build_request(command, &call, err);
        if (code == SSMCTL_OK)
            code = perform(command, &call, out, err);
    }
    json_decref(call.request);
    json_decref(call.reply);
    bytes_wipe(call.key, sizeof(call.key));
    return code;
}

int ssmctl_run(int argc, char **argv, FILE *out, FILE *err)
{
    struct arguments arguments;
    int code = SSMCTL_OK;

    admin_key_wipe_json();
    if (!parse_options(argc, argv, &arguments, err))
        code = SSMCTL_USAGE;
    else if ((arguments.given & BIT(OPT_VERSION)) != 0)
        fputs("ssmctl " SSM_VERSION "\n", out);
    else if ((arguments.given & BIT(OPT_HELP)) != 0 && arguments.words[0] == NULL)
        print_help(out);
    else
        code = run_command(&arguments, out, err);
    json_decref(arguments.nodes);
    json_decref(arguments.names);
    return code;
}
