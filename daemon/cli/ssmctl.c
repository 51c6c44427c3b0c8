#include "ssmctl.h"
#include "client.h"
#include "keyfile.h"
#include "print.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/ssm/admin.sock"

enum ssmctl_option { OPT_SOCKET = 1, OPT_HELP, OPT_VERSION, OPT_PSK_FILE, OPT_PORT, OPT_NODE, OPT_SHOW_KEY };
#define BIT(option) (1U << (option))
#define GLOBAL_OPTIONS (BIT(OPT_SOCKET) | BIT(OPT_HELP) | BIT(OPT_VERSION))
enum { WORDS_MAX = 2 };

/* The command line, taken apart. */
struct arguments {
    const char *socket;
    bool json;
    unsigned given; /* bits of enum ssmctl_option; -o is not among them, every command has it */
    const char *psk_file;
    json_int_t port; /* 0: not given */
    json_t *nodes;   /* of --node */
    char **words;    /* behind noun and verb */
};

/* One command from its words to its reply. */
struct call {
    const struct arguments *arguments;
    json_t *request;
    json_t *reply;
    bool generated; /* the request's key was made here and is to be shown */
};

struct command {
    const char *op; /* noun and verb as typed, and the request's "op" */
    const char *usage;
    const char *help;
    const char *words[WORDS_MAX]; /* the request's fields that the words behind op fill */
    unsigned options;
    unsigned required;
    enum keyfile_kind key_kind; /* where options has OPT_PSK_FILE */
    const char *list;           /* the reply's field that -o json prints alone */
    void (*print)(FILE *out, const struct call *call);
};

#define COLUMNS(table) (table), sizeof(table) / sizeof((table)[0])

/* ---- replies for eyes ---- */

static const char *text_of(const json_t *object, const char *field)
{
    return json_string_value(json_object_get(object, field));
}

static json_int_t number_of(const json_t *object, const char *field)
{
    return json_integer_value(json_object_get(object, field));
}

static void print_node_added(FILE *out, const struct call *call)
{
    const char *name = text_of(call->reply, "name");

    fprintf(out, "node %s, port %" JSON_INTEGER_FORMAT "\n", name, number_of(call->reply, "port"));
    if (!call->generated)
        return;
    fprintf(out, "key %s\n\n", text_of(call->request, "psk"));
    fprintf(out,
            "The key is shown this once. Write it into a file on the node that nobody else can read, then "
            "start it:\n"
            "  ssm-node --gateway ADDRESS:%" JSON_INTEGER_FORMAT " --id %s --key-file FILE\n",
            number_of(call->reply, "link_port"), name);
}

static const struct print_column node_columns[] = {
    {"NAME", "name", PRINT_TEXT},
    {"PORT", "port", PRINT_TEXT},
    {"ASSOCIATED", "associated", PRINT_YES_NO},
    {"SESSIONS", "sessions", PRINT_TEXT},
    {"HEARD", "heard_s", PRINT_DURATION},
    {"ADDRESS", "address", PRINT_TEXT},
    {"PORT PROBLEM", "port_error", PRINT_TEXT},
};

static void print_node_list(FILE *out, const struct call *call)
{
    print_table(out, json_object_get(call->reply, "nodes"), COLUMNS(node_columns));
}

static void print_node(FILE *out, const struct call *call)
{
    static const struct print_column columns[] = {
        {"name", "name", PRINT_TEXT},
        {"port", "port", PRINT_TEXT},
        {"problem", "port_error", PRINT_TEXT},
        {"associated", "associated", PRINT_YES_NO},
        {"association", "association", PRINT_TEXT},
        {"boot", "boot", PRINT_TEXT},
        {"address", "address", PRINT_TEXT},
        {"heard", "heard_s", PRINT_DURATION},
        {"sessions", "sessions", PRINT_TEXT},
        {"key", "psk", PRINT_TEXT},
    };

    print_fields(out, call->reply, COLUMNS(columns));
}

static void print_node_removed(FILE *out, const struct call *call)
{
    fprintf(out, "node %s removed\n", text_of(call->reply, "name"));
}

static void print_subscriber_added(FILE *out, const struct call *call)
{
    const char *name = text_of(call->reply, "name");
    const json_t *node = json_array_get(json_object_get(call->reply, "nodes"), 0);

    fprintf(out, "subscriber %s\n", name);
    if (!call->generated)
        return;
    fprintf(out, "key %s\n\n", text_of(call->request, "psk"));
    fprintf(out,
            "The key is shown this once. With it, for example:\n"
            "  coap-client-openssl -m get -u %s -k KEY coaps://ADDRESS:%" JSON_INTEGER_FORMAT
            "/.well-known/core\n",
            name, number_of(node, "port"));
}

static const struct print_column subscriber_columns[] = {
    {"NAME", "name", PRINT_TEXT},
    {"NODES", "nodes", PRINT_TEXT},
};

static void print_subscriber_list(FILE *out, const struct call *call)
{
    print_table(out, json_object_get(call->reply, "subscribers"), COLUMNS(subscriber_columns));
}

static void print_subscriber(FILE *out, const struct call *call)
{
    static const struct print_column columns[] = {
        {"name", "name", PRINT_TEXT},
        {"nodes", "nodes", PRINT_TEXT},
        {"key", "psk", PRINT_TEXT},
    };

    print_fields(out, call->reply, COLUMNS(columns));
}

static void print_subscriber_removed(FILE *out, const struct call *call)
{
    fprintf(out, "subscriber %s removed\n", text_of(call->reply, "name"));
}

static void print_session_list(FILE *out, const struct call *call)
{
    static const struct print_column columns[] = {
        {"NODE", "node", PRINT_TEXT},
        {"HANDLE", "handle", PRINT_TEXT},
        {"SUBSCRIBER", "subscriber", PRINT_TEXT},
        {"STATE", "state", PRINT_TEXT},
        {"AGE", "age_s", PRINT_DURATION},
        {"IDLE", "idle_s", PRINT_DURATION},
        {"IN", "to_node", PRINT_TEXT},
        {"OUT", "from_node", PRINT_TEXT},
        {"PEER", "peer", PRINT_TEXT},
    };

    print_table(out, json_object_get(call->reply, "sessions"), COLUMNS(columns));
}

static void print_session_closed(FILE *out, const struct call *call)
{
    fprintf(out, "session %" JSON_INTEGER_FORMAT " of node %s closed\n", number_of(call->reply, "handle"),
            text_of(call->reply, "node"));
}

static void print_status(FILE *out, const struct call *call)
{
    fprintf(out, "ssmd %s, gateway %s, up ", text_of(call->reply, "version"),
            text_of(call->reply, "gateway"));
    print_duration(out, number_of(call->reply, "uptime_s"));
    fprintf(out, "\nnodes: %" JSON_INTEGER_FORMAT ", associated: %" JSON_INTEGER_FORMAT "\n",
            number_of(call->reply, "nodes"), number_of(call->reply, "nodes_associated"));
    fputs("relay\n", out);
    print_counters(out, json_object_get(call->reply, "relay"));
    fputs("keys\n", out);
    print_counters(out, json_object_get(call->reply, "keys"));
}

/* ---- the table ---- */

static const struct command commands[] = {
    {.op = "node add",
     .usage = "NAME [--psk-file FILE] [--port PORT]",
     .help = "register a node; without a key file a key is made and shown once",
     .words = {"name"},
     .options = BIT(OPT_PSK_FILE) | BIT(OPT_PORT),
     .key_kind = KEYFILE_NODE,
     .print = print_node_added},
    {.op = "node list", .usage = "", .help = "all nodes", .list = "nodes", .print = print_node_list},
    {.op = "node show",
     .usage = "NAME [--show-key]",
     .help = "one node",
     .words = {"name"},
     .options = BIT(OPT_SHOW_KEY),
     .print = print_node},
    {.op = "node remove",
     .usage = "NAME",
     .help = "forget a node, its key and its sessions",
     .words = {"name"},
     .print = print_node_removed},
    {.op = "subscriber add",
     .usage = "NAME [--psk-file FILE] --node NODE [--node NODE ...]",
     .help = "let a subscriber visit nodes; without a key file a key is made and shown once",
     .words = {"name"},
     .options = BIT(OPT_PSK_FILE) | BIT(OPT_NODE),
     .required = BIT(OPT_NODE),
     .key_kind = KEYFILE_SUBSCRIBER,
     .print = print_subscriber_added},
    {.op = "subscriber list",
     .usage = "",
     .help = "all subscribers and the nodes granted to them",
     .list = "subscribers",
     .print = print_subscriber_list},
    {.op = "subscriber show",
     .usage = "NAME [--show-key]",
     .help = "one subscriber",
     .words = {"name"},
     .options = BIT(OPT_SHOW_KEY),
     .print = print_subscriber},
    {.op = "subscriber remove",
     .usage = "NAME",
     .help = "forget a subscriber and end its sessions",
     .words = {"name"},
     .print = print_subscriber_removed},
    {.op = "session list",
     .usage = "",
     .help = "all sessions",
     .list = "sessions",
     .print = print_session_list},
    {.op = "session close",
     .usage = "NODE HANDLE",
     .help = "end one session",
     .words = {"node", "handle"},
     .print = print_session_closed},
    {.op = "status", .usage = "", .help = "uptime and counters", .print = print_status},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(FILE *out)
{
    fputs("usage: ssmctl [--socket PATH] [-o json|table] COMMAND ...\n\nCommands:\n", out);
    for (size_t i = 0; i < COMMANDS; i++)
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

static bool number_check(const char *what, const char *text, json_int_t *number, FILE *err)
{
    char *end;

    errno = 0;
    *number = strtol(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *number >= 1 && *number <= UINT16_MAX)
        return true;
    fprintf(err, "ssmctl: '%s' is no %s; give a number from 1 to 65535\n", text, what);
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

static bool take_option(int option, char **argv, struct arguments *a, FILE *err)
{
    if (option <= OPT_SHOW_KEY)
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
        return number_check("port", optarg, &a->port, err);
    case OPT_NODE:
        return take_node(optarg, a, err);
    case OPT_HELP:
    case OPT_VERSION:
    case OPT_SHOW_KEY:
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
        {"socket", required_argument, NULL, OPT_SOCKET}, {"psk-file", required_argument, NULL, OPT_PSK_FILE},
        {"port", required_argument, NULL, OPT_PORT},     {"node", required_argument, NULL, OPT_NODE},
        {"show-key", no_argument, NULL, OPT_SHOW_KEY},   {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},     {NULL, 0, NULL, 0},
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
    for (size_t i = 0; i < COMMANDS; i++) {
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
        if (!number_check(field, word, &number, err))
            return SSMCTL_USAGE;
        json_object_set_new(request, field, json_integer(number));
    } else {
        if (!name_check(word, err))
            return SSMCTL_USAGE;
        json_object_set_new(request, field, json_string(word));
    }
    return SSMCTL_OK;
}

static int add_words(const struct command *command, const struct arguments *a, json_t *request, FILE *err)
{
    size_t i = 0;

    for (; i < WORDS_MAX && command->words[i] != NULL; i++) {
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

static int build_request(const struct command *command, struct call *call, FILE *err)
{
    const struct arguments *a = call->arguments;
    unsigned unwanted = a->given & ~(command->options | GLOBAL_OPTIONS);
    int code;

    if (unwanted != 0 || (command->required & ~a->given) != 0)
        return usage_error(err, command);
    json_object_set_new(call->request, "op", json_string(command->op));
    code = add_words(command, a, call->request, err);
    if (code != SSMCTL_OK)
        return code;
    if (a->port != 0)
        json_object_set_new(call->request, "port", json_integer(a->port));
    if (a->nodes != NULL)
        json_object_set(call->request, "nodes", a->nodes);
    if ((a->given & BIT(OPT_SHOW_KEY)) != 0)
        json_object_set_new(call->request, "show_key", json_true());
    return (command->options & BIT(OPT_PSK_FILE)) != 0 ? add_key(command, call, err) : SSMCTL_OK;
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

static int perform(const struct command *command, struct call *call, FILE *out, FILE *err)
{
    int fd = client_connect(call->arguments->socket, err);
    bool ok;

    if (fd < 0)
        return SSMCTL_REFUSED;
    ok = exchange_pages(fd, command, call, err);
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
    return code;
}
