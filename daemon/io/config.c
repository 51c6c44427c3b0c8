#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <syslog.h>

enum { CONFIG_FILE_MAX = 65536 };

/* What a value is, and so how it is parsed and bounded. */
enum option_kind {
    OPTION_NAME, /* struct assoc_name */
    OPTION_TEXT, /* char[max], may be empty */
    OPTION_PATH, /* char[max], absolute */
    OPTION_PATH_OR_NONE,
    OPTION_ADDRESS, /* the address of a struct endpoint */
    OPTION_PORT,    /* uint16_t between min and max */
    OPTION_PORTS,   /* two uint16_t side by side, FIRST-LAST */
    OPTION_NUMBER,  /* uint32_t between min and max */
    OPTION_NAMES,   /* struct config_names, with blanks between */
    OPTION_LINES,   /* struct serial_ports, with blanks between */
    OPTION_LEVEL,   /* uint32_t, by name */
};

struct option {
    const char *name;
    enum option_kind kind;
    size_t offset; /* in struct config */
    uint32_t min;
    uint32_t max;
    const char *fallback; /* its default, as one would write it */
    const char *help;
};

#define AT(field) offsetof(struct config, field)
#define ROOM(field) 0, sizeof(((struct config *)0)->field)

static const struct option options[] = {
    {"gateway_id", OPTION_NAME, AT(gateway_id), 0, 0, "gateway", "Our identity towards nodes."},
    {"user", OPTION_TEXT, AT(user), ROOM(user), "ssm",
     "Account that the processes behind the sockets run as when ssmd is started by root; empty keeps root."},
    {"state_dir", OPTION_PATH, AT(state_dir), ROOM(state_dir), "/var/lib/ssm",
     "Directory of relay.db, keys.db and the storage key; made with mode 0700 where it is missing."},
    {"storage_key", OPTION_PATH_OR_NONE, AT(storage_key), ROOM(storage_key), "",
     "File with the 32 bytes that keys.db is encrypted under; made at the first start. Empty: storage.key in "
     "state_dir."},
    {"admin_socket", OPTION_PATH, AT(admin_socket), ROOM(admin_socket), "/run/ssm/admin.sock",
     "Socket that ssmctl speaks to."},
    {"admin_group", OPTION_TEXT, AT(admin_group), ROOM(admin_group), "ssm",
     "Group that may use ssmctl; empty leaves the socket to the user alone."},
    {"peer_address", OPTION_ADDRESS, AT(peer_address), 0, 0,
     "::", "Address that peers connect to; :: is every IPv6 and IPv4 address."},
    {"shared_port", OPTION_PORT, AT(peer_address.port), 0, UINT16_MAX, "5684",
     "Port on which a subscriber granted a single node reaches it by identity; 0 for none."},
    {"node_ports", OPTION_PORTS, AT(node_port_first), 1024, UINT16_MAX, "20000-20999",
     "Ports that new nodes are given, one each."},
    {"server_names", OPTION_NAMES, AT(server_names), 0, 0, "",
     "Names by which peers call the gateway itself, up to 8 with blanks between, besides gateway_id, the "
     "host's name and localhost."},
    {"certificate", OPTION_PATH_OR_NONE, AT(certificate), ROOM(certificate), "",
     "PEM file with the gateway's certificate (ECDSA, P-256) and its intermediate CAs. Empty: that of ssmctl "
     "ca init, if there is one."},
    {"certificate_key", OPTION_PATH_OR_NONE, AT(certificate_key), ROOM(certificate_key), "",
     "PEM file with the private key of certificate."},
    {"client_ca", OPTION_PATH_OR_NONE, AT(client_ca), ROOM(client_ca), "",
     "PEM file with the CAs whose certificates may name a subscriber; that of ssmctl ca init always may."},
    {"rsa_certificate", OPTION_PATH_OR_NONE, AT(rsa_certificate), ROOM(rsa_certificate), "",
     "PEM file with an RSA certificate of the gateway, 2048 bits or more. Turns RSA on, for peers too."},
    {"rsa_certificate_key", OPTION_PATH_OR_NONE, AT(rsa_certificate_key), ROOM(rsa_certificate_key), "",
     "PEM file with the private key of rsa_certificate."},
    {"link_address", OPTION_ADDRESS, AT(link_address), 0, 0, "::", "Address that nodes send to."},
    {"link_port", OPTION_PORT, AT(link_address.port), 1, UINT16_MAX, "5685", "Port that nodes send to."},
    {"serial_links", OPTION_LINES, AT(serial_links), 0, 0, "",
     "Serial lines to nodes, up to 16 with blanks between: /dev/ttyUSB0, /dev/ttyUSB1@57600 (115200 baud "
     "otherwise), unix:/run/board.sock."},
    {"link_mtu", OPTION_NUMBER, AT(link_mtu), 78, 1200, "94",
     "Bytes of UDP payload that one frame of the nodes' link holds: 94 at one hop of IEEE 802.15.4, 78 at "
     "three."},
    {"link_retry_ms", OPTION_NUMBER, AT(link_retry_ms), 50, 4000, "250",
     "Milliseconds before an unanswered control message to a node is repeated; doubles up to 4000."},
    {"node_records_per_s", OPTION_NUMBER, AT(node_records_per_s), 0, 1000000, "50",
     "Records a second that peers may send to a node, half of them in one session; 0 for no limit."},
    {"node_silent_s", OPTION_NUMBER, AT(node_silent_s), 10, 31536000, "120",
     "Seconds that a node may leave the gateway's question whether it is there unanswered; then its sessions "
     "end."},
    {"max_nodes", OPTION_NUMBER, AT(max_nodes), 1, 4096, "256", "Nodes that can be registered."},
    {"max_sessions", OPTION_NUMBER, AT(max_sessions), 1, 1000000, "4096",
     "Sessions at one time, handshakes included."},
    {"max_handshakes", OPTION_NUMBER, AT(max_handshakes), 1, 4096, "256",
     "Handshakes at one time; each takes about 60 KB."},
    {"workers", OPTION_NUMBER, AT(workers), 0, 64, "0",
     "Threads for handshakes with certificates; 0 is one a processor."},
    {"handshake_timeout_s", OPTION_NUMBER, AT(handshake_timeout_s), 1, 600, "60",
     "Seconds from a peer's ClientHello to its Finished."},
    {"handover_timeout_s", OPTION_NUMBER, AT(handover_timeout_s), 1, 120, "20",
     "Seconds that a node has to acknowledge a key block."},
    {"idle_timeout_s", OPTION_NUMBER, AT(idle_timeout_s), 10, 31536000, "86400",
     "Seconds without a record after which a session ends."},
    {"unused_timeout_s", OPTION_NUMBER, AT(unused_timeout_s), 1, 3600, "35",
     "Seconds after which a session that carried no record at all ends; a node drops it after 30."},
    {"evict_idle_s", OPTION_NUMBER, AT(evict_idle_s), 1, 86400, "60",
     "Seconds without a record after which a session may be ended to make room for a new one."},
    {"outbound_sessions", OPTION_NUMBER, AT(outbound_sessions), 1, 4, "2",
     "Sessions of each node, out of its four, that it may have with its destinations."},
    {"resumption_s", OPTION_NUMBER, AT(resumption_s), 0, 86400, "0",
     "Seconds after a full handshake during which a peer may resume its session by an abbreviated one; 0 for "
     "never. Until then the session's master secret stays in memory."},
    {"resumption_sessions", OPTION_NUMBER, AT(resumption_sessions), 1, 1024, "128",
     "Sessions that are kept for resumption at most; the oldest gives way."},
    {"log_level", OPTION_LEVEL, AT(log_level), 0, 0, "info", "err, warning, notice, info or debug."},
};

enum { OPTION_COUNT = sizeof options / sizeof options[0] };

_Static_assert(AT(node_port_last) == AT(node_port_first) + sizeof(uint16_t), "OPTION_PORTS writes both");

/* A file being read. */
struct parse {
    struct config *config;
    const char *file;
    FILE *err;
    unsigned line;
    unsigned set_at[OPTION_COUNT]; /* line on which each option was set; 0: not set */
    bool faulty;
};

static const struct {
    const char *name;
    uint32_t level;
} level_names[] = {
    {"err", LOG_ERR},   {"warning", LOG_WARNING}, {"notice", LOG_NOTICE},
    {"info", LOG_INFO}, {"debug", LOG_DEBUG},
};

__attribute__((format(printf, 3, 4))) static void fault(struct parse *p, const char *option,
                                                        const char *format, ...)
{
    va_list args;

    fprintf(p->err, "%s:%u: ", p->file, p->line);
    if (option != NULL)
        fprintf(p->err, "%s: ", option);
    va_start(args, format);
    vfprintf(p->err, format, args);
    va_end(args);
    fputc('\n', p->err);
    p->faulty = true;
}

/* ---- values: each function stores one, or says what is wrong ---- */

static void *field_of(struct parse *p, const struct option *o)
{
    return (char *)p->config + o->offset;
}

/* Decimal digits alone: no sign, no blanks, no prefix. */
static bool number_read(const char *text, uint32_t *out)
{
    uint64_t n = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        n = n * 10 + (uint64_t)(*text - '0');
        if (n > UINT32_MAX)
            n = UINT32_MAX; /* beyond every bound */
    }
    *out = (uint32_t)n;
    return true;
}

static bool bounded_read(struct parse *p, const struct option *o, const char *text, uint32_t *out)
{
    if (!number_read(text, out)) {
        fault(p, o->name, "'%s' is not a number", text);
        return false;
    }
    if (*out < o->min || *out > o->max) {
        fault(p, o->name, "%s is out of bounds: %u to %u", text, (unsigned)o->min, (unsigned)o->max);
        return false;
    }
    return true;
}

static void set_number(struct parse *p, const struct option *o, const char *text)
{
    uint32_t n;

    if (bounded_read(p, o, text, &n))
        memcpy(field_of(p, o), &n, sizeof n);
}

static void set_port(struct parse *p, const struct option *o, const char *text)
{
    uint32_t n;

    if (bounded_read(p, o, text, &n))
        memcpy(field_of(p, o), &(uint16_t){(uint16_t)n}, sizeof(uint16_t));
}

static void set_ports(struct parse *p, const struct option *o, const char *text)
{
    char first[16];
    const char *dash = strchr(text, '-');
    uint32_t from;
    uint32_t to;

    if (dash == NULL || (size_t)(dash - text) >= sizeof first) {
        fault(p, o->name, "'%s' is not FIRST-LAST, such as %s", text, o->fallback);
        return;
    }
    memcpy(first, text, (size_t)(dash - text));
    first[dash - text] = '\0';
    if (!bounded_read(p, o, first, &from) || !bounded_read(p, o, dash + 1, &to))
        return;
    if (from > to) {
        fault(p, o->name, "the first port (%u) is above the last (%u)", (unsigned)from, (unsigned)to);
        return;
    }
    memcpy(field_of(p, o), (uint16_t[]){(uint16_t)from, (uint16_t)to}, 2 * sizeof(uint16_t));
}

static void set_name(struct parse *p, const struct option *o, const char *text)
{
    if (assoc_name_set(field_of(p, o), text, strlen(text)) != SSM_OK)
        fault(p, o->name, "'%s' is not a name of 1 to %d characters out of A-Z a-z 0-9 . _ -", text,
              (int)ASSOC_NAME_MAX);
}

static void set_text(struct parse *p, const struct option *o, const char *text)
{
    size_t len = strlen(text);

    if (len >= o->max)
        fault(p, o->name, "too long: at most %u bytes", (unsigned)(o->max - 1));
    else
        memcpy(field_of(p, o), text, len + 1);
}

static void set_path(struct parse *p, const struct option *o, const char *text)
{
    if (text[0] == '/' || (text[0] == '\0' && o->kind == OPTION_PATH_OR_NONE))
        set_text(p, o, text);
    else
        fault(p, o->name, "'%s' is not an absolute path", text);
}

/* Only literals: a configuration must not depend on a name server. IPv4 is kept in mapped form (RFC
 * 4291 2.5.5.2). */
static void set_address(struct parse *p, const struct option *o, const char *text)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    uint8_t *addr = ((struct endpoint *)field_of(p, o))->addr;
    uint8_t read[16];

    if (inet_pton(AF_INET6, text, read) == 1) {
        memcpy(addr, read, 16);
    } else if (inet_pton(AF_INET, text, read) == 1) {
        memcpy(addr, mapped, sizeof mapped);
        memcpy(addr + sizeof mapped, read, 4);
    } else {
        fault(p, o->name, "'%s' is not an IPv4 or IPv6 address", text);
    }
}

static bool has_name(const struct config_names *names, const char *text, uint8_t len)
{
    for (size_t i = 0; i < names->count; i++) {
        if (names->names[i].len == len && memcmp(names->names[i].text, text, len) == 0)
            return true;
    }
    return false;
}

static bool add_name(struct parse *p, const struct option *o, const char *text, size_t len)
{
    struct config_names *names = field_of(p, o);
    char name[HOST_NAME_MAX_LEN];
    uint8_t name_len;

    if (host_name_set(name, &name_len, text, len) != SSM_OK)
        fault(
            p, o->name,
            "'%.*s' is not a name of a host: letters, digits and hyphens with dots between, at most %d bytes",
            (int)len, text, (int)HOST_NAME_MAX_LEN);
    else if (has_name(names, name, name_len))
        fault(p, o->name, "'%.*s' is there twice", (int)len, text);
    else if (names->count == CONFIG_NAMES_MAX)
        fault(p, o->name, "too many names: at most %d", (int)CONFIG_NAMES_MAX);
    else {
        memcpy(names->names[names->count].text, name, name_len);
        names->names[names->count++].len = name_len;
        return true;
    }
    return false;
}

static bool has_line(const struct serial_ports *ports, const struct serial_port *port)
{
    struct endpoint endpoint = serial_port_endpoint(port);

    return serial_ports_find(ports, &endpoint) != NULL;
}

static bool add_line(struct parse *p, const struct option *o, const char *text, size_t len)
{
    struct serial_ports *ports = field_of(p, o);
    struct serial_port port;
    enum status status = serial_port_parse(text, len, &port);

    if (status == SSM_MALFORMED)
        fault(p, o->name, "'%.*s' is not a device, such as /dev/ttyUSB0, nor unix: and an absolute path",
              (int)len, text);
    else if (status == SSM_NO_ROOM)
        fault(p, o->name, "'%.*s' is too long: a path of at most %d bytes", (int)len, text,
              (int)SERIAL_PATH_MAX - 1);
    else if (status != SSM_OK)
        fault(p, o->name, "'%.*s' has no rate that is served: " SERIAL_RATES, (int)len, text);
    else if (has_line(ports, &port))
        fault(p, o->name, "'%.*s' is there twice", (int)len, text);
    else if (ports->count == SERIAL_PORTS_MAX)
        fault(p, o->name, "too many lines: at most %d", (int)SERIAL_PORTS_MAX);
    else {
        ports->list[ports->count++] = port;
        return true;
    }
    return false;
}

/* Words with blanks between, up to the first that is wrong. */
static void set_words(struct parse *p, const struct option *o, const char *text)
{
    static const char blanks[] = " \t";
    bool is_right = true;

    while (is_right) {
        size_t len;

        text += strspn(text, blanks);
        len = strcspn(text, blanks);
        if (len == 0)
            return;
        is_right = o->kind == OPTION_LINES ? add_line(p, o, text, len) : add_name(p, o, text, len);
        text += len;
    }
}

static void set_level(struct parse *p, const struct option *o, const char *text)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(text, level_names[i].name) == 0) {
            memcpy(field_of(p, o), &level_names[i].level, sizeof level_names[i].level);
            return;
        }
    }
    fault(p, o->name, "'%s' is not one of err, warning, notice, info, debug", text);
}

static void set_value(struct parse *p, const struct option *o, const char *text)
{
    static void (*const setters[])(struct parse *, const struct option *, const char *) = {
        [OPTION_NAME] = set_name,         [OPTION_TEXT] = set_text,       [OPTION_PATH] = set_path,
        [OPTION_PATH_OR_NONE] = set_path, [OPTION_ADDRESS] = set_address, [OPTION_PORT] = set_port,
        [OPTION_PORTS] = set_ports,       [OPTION_NUMBER] = set_number,   [OPTION_NAMES] = set_words,
        [OPTION_LINES] = set_words,       [OPTION_LEVEL] = set_level,
    };

    setters[o->kind](p, o, text);
}

/* ---- lines ---- */

/* Levenshtein's distance, for "did you mean"; both are short. */
static size_t distance(const char *a, const char *b)
{
    enum { NAME_MAX_LEN = 32 };
    size_t row[NAME_MAX_LEN + 1];
    size_t b_len = strlen(b);

    if (strlen(a) > NAME_MAX_LEN || b_len > NAME_MAX_LEN)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_len];
}

static void fault_unknown(struct parse *p, const char *name)
{
    size_t best = 0;

    for (size_t i = 1; i < OPTION_COUNT; i++) {
        if (distance(name, options[i].name) < distance(name, options[best].name))
            best = i;
    }
    if (distance(name, options[best].name) <= strlen(name) / 3)
        fault(p, name, "unknown option; did you mean %s?", options[best].name);
    else
        fault(p, name, "unknown option; ssmd --help-config lists all");
}

static void set_option(struct parse *p, const char *name, const char *value)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(name, options[i].name) != 0)
            continue;
        if (p->set_at[i] != 0) {
            fault(p, name, "set already on line %u", p->set_at[i]);
            return;
        }
        p->set_at[i] = p->line;
        set_value(p, &options[i], value);
        return;
    }
    fault_unknown(p, name);
}

/* Well-formed UTF-8 (RFC 3629 4) without control characters, so that every fault can be printed as it is. */
static bool is_clean_text(const char *text, size_t len)
{
    const uint8_t *at = (const uint8_t *)text;
    const uint8_t *end = at + len;

    while (at < end) {
        size_t more = *at < 0x80 ? 0 : *at >= 0xC2 && *at < 0xE0 ? 1 : *at >= 0xE0 && *at < 0xF0 ? 2 : 3;
        bool lead_ok = *at < 0x80 ? (*at >= ' ' || *at == '\t') && *at != 0x7F : *at >= 0xC2 && *at <= 0xF4;

        if (!lead_ok || (size_t)(end - at) <= more)
            return false;
        /* Overlong forms, surrogates and beyond U+10FFFF differ in the second byte. */
        if ((*at == 0xE0 && at[1] < 0xA0) || (*at == 0xED && at[1] > 0x9F) || (*at == 0xF0 && at[1] < 0x90) ||
            (*at == 0xF4 && at[1] > 0x8F))
            return false;
        for (size_t i = 1; i <= more; i++) {
            if ((at[i] & 0xC0) != 0x80)
                return false;
        }
        at += more + 1;
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
    size_t len;

    while (is_blank(*text))
        text++;
    len = strlen(text);
    while (len > 0 && is_blank(text[len - 1]))
        len--;
    text[len] = '\0';
    return text;
}

/* A comment begins at a '#' that is the first character or follows a blank. */
static void cut_comment(char *line)
{
    for (char *at = line; *at != '\0'; at++) {
        if (*at == '#' && (at == line || is_blank(at[-1]))) {
            *at = '\0';
            return;
        }
    }
}

static void parse_line(struct parse *p, const char *text, size_t len)
{
    char line[2048];
    char *equals;
    char *name;

    if (len > 0 && text[len - 1] == '\r')
        len--;
    if (!is_clean_text(text, len)) {
        fault(p, NULL, "the line holds a control character or bytes that are not UTF-8");
        return;
    }
    if (len >= sizeof line) {
        fault(p, NULL, "too long: at most %zu bytes in a line", sizeof line - 1);
        return;
    }
    memcpy(line, text, len);
    line[len] = '\0';
    cut_comment(line);
    equals = strchr(line, '=');
    if (equals != NULL)
        *equals = '\0';
    name = trim(line);
    if (equals != NULL)
        set_option(p, name, trim(equals + 1));
    else if (*name != '\0')
        fault(p, name, "'=' is missing: write option = value");
}

/* ---- what no option can say alone ---- */

static unsigned line_of(const struct parse *p, const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(options[i].name, name) == 0)
            return p->set_at[i];
    }
    return 0;
}

static bool is_node_port(const struct config *c, uint16_t port)
{
    return port >= c->node_port_first && port <= c->node_port_last;
}

/* Two ports need two sockets, also where the addresses differ: `::` covers all. */
static void check_ports(struct parse *p)
{
    const struct config *c = p->config;

    p->line = line_of(p, "shared_port") != 0 ? line_of(p, "shared_port") : line_of(p, "node_ports");
    if (is_node_port(c, c->peer_address.port))
        fault(p, "shared_port", "%u lies within node_ports (%u-%u)", c->peer_address.port, c->node_port_first,
              c->node_port_last);
    p->line = line_of(p, "link_port") != 0 ? line_of(p, "link_port") : line_of(p, "node_ports");
    if (is_node_port(c, c->link_address.port))
        fault(p, "link_port", "%u lies within node_ports (%u-%u)", c->link_address.port, c->node_port_first,
              c->node_port_last);
    p->line = line_of(p, "link_port") != 0 ? line_of(p, "link_port") : line_of(p, "shared_port");
    if (c->link_address.port == c->peer_address.port)
        fault(p, "link_port", "%u is the shared_port", c->link_address.port);
}

/* A certificate is of no use without its key, nor a key without its certificate. */
static void check_pair(struct parse *p, const char *certificate, const char *certificate_value,
                       const char *key, const char *key_value)
{
    if ((certificate_value[0] == '\0') == (key_value[0] == '\0'))
        return;
    if (key_value[0] == '\0') {
        p->line = line_of(p, certificate);
        fault(p, key, "missing: %s needs its private key", certificate);
    } else {
        p->line = line_of(p, key);
        fault(p, certificate, "missing: %s needs its certificate", key);
    }
}

static void check_pairs(struct parse *p)
{
    const struct config *c = p->config;

    check_pair(p, "certificate", c->certificate, "certificate_key", c->certificate_key);
    check_pair(p, "rsa_certificate", c->rsa_certificate, "rsa_certificate_key", c->rsa_certificate_key);
}

/* ---- interface ---- */

static void read_defaults(struct parse *p)
{
    memset(p->config, 0, sizeof *p->config);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        set_value(p, &options[i], options[i].fallback);
    SSM_ASSERT(!p->faulty);
}

enum status config_parse(struct config *c, const char *file, const char *text, size_t len, FILE *err)
{
    struct parse p = {.config = c, .file = file, .err = err};
    const char *end = text + len;

    read_defaults(&p);
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline != NULL ? newline : end;

        p.line++;
        parse_line(&p, text, (size_t)(stop - text));
        text = newline != NULL ? newline + 1 : end;
    }
    if (!p.faulty) {
        check_ports(&p);
        check_pairs(&p);
    }
    return p.faulty ? SSM_MALFORMED : SSM_OK;
}

enum status config_read(struct config *c, const char *path, FILE *err)
{
    static char text[CONFIG_FILE_MAX + 1];
    FILE *file = fopen(path, "re");
    size_t len;
    bool failed;

    if (file == NULL) {
        fprintf(err, "%s: cannot be read: %s\n", path, strerror(errno));
        return SSM_IO;
    }
    len = fread(text, 1, sizeof text, file);
    failed = ferror(file) != 0;
    if (failed)
        fprintf(err, "%s: cannot be read: %s\n", path, strerror(errno));
    fclose(file);
    if (failed)
        return SSM_IO;
    if (len > CONFIG_FILE_MAX) {
        fprintf(err, "%s: too long: at most %d bytes\n", path, (int)CONFIG_FILE_MAX);
        return SSM_MALFORMED;
    }
    return config_parse(c, path, text, len, err);
}

void config_print_help(FILE *out)
{
    fputs("# One option = value a line; a '#' at the start of a line or after a blank begins a comment.\n",
          out);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];

        fprintf(out, "\n# %s", o->help);
        if (o->max != 0 && (o->kind == OPTION_NUMBER || o->kind == OPTION_PORT || o->kind == OPTION_PORTS))
            fprintf(out, " (%u to %u)", (unsigned)o->min, (unsigned)o->max);
        fprintf(out, "\n%s =%s%s\n", o->name, o->fallback[0] != '\0' ? " " : "", o->fallback);
    }
}
