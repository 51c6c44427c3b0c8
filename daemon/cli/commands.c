#include "command.h"

#include "print.h"

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
    {"STATE", "state", PRINT_TEXT},
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
        {"state", "state", PRINT_TEXT},
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

static void print_psk_hint(FILE *out, const struct call *call, json_int_t port)
{
    fprintf(out, "key %s\n\n", text_of(call->request, "psk"));
    fprintf(out,
            "The key is shown this once. With it, for example:\n"
            "  coap-client-openssl -m get -u %s -k KEY coaps://ADDRESS:%" JSON_INTEGER_FORMAT
            "/.well-known/core\n",
            text_of(call->reply, "name"), port);
}

static void print_certificate_hint(FILE *out, const struct call *call, json_int_t port)
{
    const char *cert = call->arguments->cert;

    fprintf(
        out,
        "\nWith its certificate, for example:\n"
        "  coap-client-openssl -m get -c %s -j KEY -C CA coaps://ADDRESS:%" JSON_INTEGER_FORMAT
        "/.well-known/core\n"
        "KEY is the private key, CA the certificate that the client trusts: `ssmctl ca export` prints the "
        "gateway's.\n",
        cert != NULL ? cert : "CERTIFICATE", port);
}

static void print_subscriber_added(FILE *out, const struct call *call)
{
    json_int_t port = number_of(json_array_get(json_object_get(call->reply, "nodes"), 0), "port");
    const json_t *end = json_object_get(call->reply, "not_after_s");

    fprintf(out, "subscriber %s", text_of(call->reply, "name"));
    if (end != NULL) {
        fputs(", certificate expires ", out);
        print_date(out, json_integer_value(end));
    }
    fputc('\n', out);
    if (call->generated)
        print_psk_hint(out, call, port);
    else if (call->arguments->psk_file == NULL)
        print_certificate_hint(out, call, port);
}

static const struct print_column subscriber_columns[] = {
    {"NAME", "name", PRINT_TEXT},       {"CREDENTIAL", "credential", PRINT_TEXT},
    {"SUBJECT", "subject", PRINT_TEXT}, {"EXPIRES", "not_after_s", PRINT_DATE},
    {"LEFT", "expires_s", PRINT_LEFT},  {"FINGERPRINT", "fingerprint", PRINT_TEXT},
    {"NODES", "nodes", PRINT_TEXT},
};

static void print_subscriber_list(FILE *out, const struct call *call)
{
    print_table(out, json_object_get(call->reply, "subscribers"), COLUMNS(subscriber_columns));
}

static void print_subscriber(FILE *out, const struct call *call)
{
    static const struct print_column columns[] = {
        {"name", "name", PRINT_TEXT},           {"credential", "credential", PRINT_TEXT},
        {"subject", "subject", PRINT_TEXT},     {"fingerprint", "fingerprint", PRINT_TEXT},
        {"expires", "not_after_s", PRINT_DATE}, {"left", "expires_s", PRINT_LEFT},
        {"nodes", "nodes", PRINT_TEXT},         {"key", "psk", PRINT_TEXT},
    };

    print_fields(out, call->reply, COLUMNS(columns));
}

static void print_subscriber_removed(FILE *out, const struct call *call)
{
    fprintf(out, "subscriber %s removed\n", text_of(call->reply, "name"));
}

static void print_destination_added(FILE *out, const struct call *call)
{
    const json_t *end = json_object_get(call->reply, "not_after_s");

    fprintf(out, "node %s may have sessions with %s", text_of(call->reply, "node"),
            text_of(call->reply, "uri"));
    if (end != NULL) {
        fputs(", certificate expires ", out);
        print_date(out, json_integer_value(end));
    }
    fputc('\n', out);
}

static void print_destination_list(FILE *out, const struct call *call)
{
    static const struct print_column columns[] = {
        {"NODE", "node", PRINT_TEXT},
        {"SERVER", "uri", PRINT_TEXT},
        {"CREDENTIAL", "credential", PRINT_TEXT},
        {"IDENTITY", "identity", PRINT_TEXT},
        {"EXPIRES", "not_after_s", PRINT_DATE},
        {"LEFT", "expires_s", PRINT_LEFT},
    };

    print_table(out, json_object_get(call->reply, "destinations"), COLUMNS(columns));
}

static void print_destination_removed(FILE *out, const struct call *call)
{
    fprintf(out, "destination %s of node %s removed\n", text_of(call->reply, "uri"),
            text_of(call->reply, "node"));
}

static void print_session_list(FILE *out, const struct call *call)
{
    static const struct print_column columns[] = {
        {"NODE", "node", PRINT_TEXT},           {"HANDLE", "handle", PRINT_TEXT},
        {"DIRECTION", "direction", PRINT_TEXT}, {"SUBSCRIBER", "subscriber", PRINT_TEXT},
        {"STATE", "state", PRINT_TEXT},         {"AGE", "age_s", PRINT_DURATION},
        {"IDLE", "idle_s", PRINT_DURATION},     {"IN", "to_node", PRINT_TEXT},
        {"OUT", "from_node", PRINT_TEXT},       {"PEER", "peer", PRINT_TEXT},
    };

    print_table(out, json_object_get(call->reply, "sessions"), COLUMNS(columns));
}

static void print_session_closed(FILE *out, const struct call *call)
{
    fprintf(out, "session %" JSON_INTEGER_FORMAT " of node %s closed\n", number_of(call->reply, "handle"),
            text_of(call->reply, "node"));
}

static void print_link_list(FILE *out, const struct call *call)
{
    static const struct print_column columns[] = {
        {"LINK", "name", PRINT_TEXT},
        {"STATE", "state", PRINT_TEXT},
        {"FOR", "since_s", PRINT_DURATION},
        {"TO NODES", "to_node", PRINT_TEXT},
        {"FROM NODES", "from_node", PRINT_TEXT},
        {"DROPPED", "dropped", PRINT_TEXT},
        {"SPOILED", "spoiled", PRINT_TEXT},
        {"NODES", "nodes", PRINT_TEXT},
    };

    print_table(out, json_object_get(call->reply, "links"), COLUMNS(columns));
}

static void print_resumption(FILE *out, const json_t *resumption)
{
    if (!json_is_object(resumption)) {
        fputs("resumption: off\n", out);
        return;
    }
    fputs("resumption: for ", out);
    print_duration(out, number_of(resumption, "lifetime_s"));
    fprintf(out,
            " after a full handshake; ssmd holds the master secrets of %" JSON_INTEGER_FORMAT
            " sessions in memory, %" JSON_INTEGER_FORMAT " at most\n",
            number_of(resumption, "master_secrets"), number_of(resumption, "master_secrets_max"));
}

static void print_status(FILE *out, const struct call *call)
{
    const json_t *warning;
    size_t i;

    fprintf(out, "ssmd %s, gateway %s, up ", text_of(call->reply, "version"),
            text_of(call->reply, "gateway"));
    print_duration(out, number_of(call->reply, "uptime_s"));
    fprintf(out, "\nnodes: %" JSON_INTEGER_FORMAT ", associated: %" JSON_INTEGER_FORMAT "\n",
            number_of(call->reply, "nodes"), number_of(call->reply, "nodes_associated"));
    json_array_foreach(json_object_get(call->reply, "warnings"), i, warning)
        fprintf(out, "%s: %s\n", text_of(warning, "level"), text_of(warning, "text"));
    print_resumption(out, json_object_get(call->reply, "resumption"));
    fputs("relay\n", out);
    print_counters(out, json_object_get(call->reply, "relay"));
    fputs("keys\n", out);
    print_counters(out, json_object_get(call->reply, "keys"));
}

static void print_issued(FILE *out, const struct call *call)
{
    const char *name = text_of(call->reply, "name");
    const char *dir = call->arguments->out;

    fprintf(out, "%s/%s.crt, expires ", dir, name);
    print_date(out, number_of(call->reply, "not_after_s"));
    if (call->arguments->cert != NULL) {
        fputs("\nA subscriber that was added with --cert is known by the old one: remove it and add it "
              "again.\n",
              out);
        return;
    }
    fprintf(out,
            "\n%s/%s.key\n%s/ca.crt\n\nThe private key is there alone. Let it in with one of:\n"
            "  ssmctl subscriber add %s --cert %s/%s.crt --node NODE\n"
            "  ssmctl subscriber add %s --subject %s --node NODE\n",
            dir, name, dir, name, dir, name, name, name);
}

/* CA and gateway, and what was issued, as rows of one table. */
static void print_ca(FILE *out, const struct call *call)
{
    static const struct print_column columns[] = {
        {"KIND", "kind", PRINT_TEXT},           {"NAME", "name", PRINT_TEXT},
        {"EXPIRES", "not_after_s", PRINT_DATE}, {"LEFT", "expires_s", PRINT_LEFT},
        {"SERIAL", "serial", PRINT_TEXT},
    };
    static const char *const owners[] = {"ca", "gateway"};
    json_t *rows = json_array();
    json_t *row;
    size_t i;

    for (i = 0; i < 2; i++)
        json_array_append(rows, json_object_get(call->reply, owners[i]));
    json_array_extend(rows, json_object_get(call->reply, "issued"));
    json_array_foreach(rows, i, row)
        json_object_set_new(row, "kind", json_string(i < 2 ? owners[i] : "issued"));
    print_table(out, rows, COLUMNS(columns));
    json_decref(rows);
}

static void print_ca_made(FILE *out, const struct call *call)
{
    print_ca(out, call);
    fputs("\nClients trust the gateway by the CA's certificate: `ssmctl ca export > ca.crt`.\n", out);
    if ((call->arguments->given & BIT(OPT_REPLACE)) != 0)
        fputs("What an earlier CA issued is worthless now: issue it anew with `ssmctl ca issue`.\n", out);
}

static void print_ca_renewed(FILE *out, const struct call *call)
{
    if (call->arguments->out == NULL)
        print_ca(out, call);
    else
        print_issued(out, call);
}

static void print_ca_exported(FILE *out, const struct call *call)
{
    fputs(text_of(call->reply, "certificate"), out);
}

/* ---- the table ---- */

const struct command commands[] = {
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
     .usage = "NAME [--psk-file FILE | --cert FILE | --subject COMMON_NAME] --node NODE [--node NODE ...]",
     .help =
         "let a subscriber visit nodes; without a key file, certificate or name a key is made and shown once",
     .words = {"name"},
     .options = BIT(OPT_PSK_FILE) | BIT(OPT_CERT) | BIT(OPT_SUBJECT) | BIT(OPT_NODE),
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
    {.op = "destination add",
     .usage = "NODE URI (--identity NAME --psk-file FILE | --ca FILE [--cert FILE --key FILE])",
     .help =
         "let a node have sessions with the server coaps://HOST[:PORT]; without a certificate of its own the "
         "gateway shows the one that it shows to peers",
     .words = {"node", "uri"},
     .options = BIT(OPT_IDENTITY) | BIT(OPT_PSK_FILE) | BIT(OPT_CA) | BIT(OPT_CERT) | BIT(OPT_KEY),
     .key_kind = KEYFILE_SUBSCRIBER,
     .print = print_destination_added},
    {.op = "destination list",
     .usage = "[NODE]",
     .help = "the servers that nodes may have sessions with",
     .words = {"node"},
     .may_lack_words = true,
     .list = "destinations",
     .print = print_destination_list},
    {.op = "destination remove",
     .usage = "NODE URI",
     .help = "no more sessions of the node with that server",
     .words = {"node", "uri"},
     .print = print_destination_removed},
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
    {.op = "link list",
     .usage = "",
     .help = "the links to the nodes: UDP and the serial lines",
     .list = "links",
     .print = print_link_list},
    {.op = "ca init",
     .usage = "[--name NAME|ADDRESS ...] [--days N] [--replace]",
     .help = "make the gateway's own CA, and the gateway's certificate for these names and its own",
     .options = BIT(OPT_NAME) | BIT(OPT_DAYS) | BIT(OPT_REPLACE),
     .print = print_ca_made},
    {.op = "ca issue",
     .usage = "NAME [--days N] --out DIR",
     .help = "make a key and a certificate for a subscriber: DIR/NAME.key, DIR/NAME.crt and DIR/ca.crt",
     .words = {"name"},
     .options = BIT(OPT_DAYS) | BIT(OPT_OUT),
     .required = BIT(OPT_OUT),
     .print = print_issued},
    {.op = "ca renew",
     .usage = "[--name NAME|ADDRESS ...] [--days N] | --cert OLD.crt --out DIR [--days N]",
     .help = "renew the gateway's certificate, or one that was issued, over the same key",
     .options = BIT(OPT_NAME) | BIT(OPT_DAYS) | BIT(OPT_CERT) | BIT(OPT_OUT),
     .print = print_ca_renewed},
    {.op = "ca show",
     .usage = "",
     .help = "the CA, the gateway's certificate and all that were issued",
     .print = print_ca},
    {.op = "ca export", .usage = "", .help = "print the CA's certificate (PEM)", .print = print_ca_exported},
    {.op = "status", .usage = "", .help = "uptime, warnings and counters", .print = print_status},
};
const size_t command_count = sizeof(commands) / sizeof(commands[0]);
