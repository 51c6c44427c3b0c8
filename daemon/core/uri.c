#include "uri.h"

#include "bytes.h"

enum { GROUPS = 8, NO_GAP = GROUPS + 1 };

static const char SCHEME[] = "coaps://";
enum { SCHEME_LEN = sizeof SCHEME - 1 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 16: it is no hexadecimal digit. */
static unsigned hex_value(char c)
{
    if (is_digit(c))
        return (unsigned)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

/* Decimal, without leading zeros, at most `max`. */
static bool read_number(const char *text, size_t len, uint32_t max, uint32_t *out)
{
    *out = 0;
    if (len == 0 || len > 5 || (text[0] == '0' && len > 1))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return false;
        *out = *out * 10 + (uint32_t)(text[i] - '0');
    }
    return *out <= max;
}

/* ---- writing ---- */

struct text {
    char *at;
    size_t len;
};

static void put_char(struct text *t, char c)
{
    t->at[t->len++] = c;
}

static void put_number(struct text *t, unsigned number, unsigned base)
{
    static const char digits[] = "0123456789abcdef";

    if (number >= base)
        put_number(t, number / base, base);
    put_char(t, digits[number % base]);
}

/* RFC 5952 4.2: the longest run of zero groups, the first of equal ones, two groups at least. */
static size_t find_gap(const uint16_t groups[GROUPS], size_t *gap_len)
{
    size_t gap = NO_GAP;

    *gap_len = 1;
    for (size_t i = 0; i < GROUPS; i++) {
        size_t len = 0;

        while (i + len < GROUPS && groups[i + len] == 0)
            len++;
        if (len > *gap_len) {
            gap = i;
            *gap_len = len;
        }
    }
    return gap;
}

static void put_ipv6(struct text *t, const uint16_t groups[GROUPS])
{
    size_t gap_len;
    size_t gap = find_gap(groups, &gap_len);

    for (size_t i = 0; i < GROUPS; i++) {
        if (i == gap) {
            put_char(t, ':');
            i += gap_len - 1;
            if (i == GROUPS - 1)
                put_char(t, ':');
            continue;
        }
        if (i > 0)
            put_char(t, ':');
        put_number(t, groups[i], 16);
    }
}

/* ---- hosts ---- */

/* Moves the groups that stand behind "::" to the end. It is not for a single group (RFC 5952 4.2.2), so that
 * no form is shorter than the one that is written. */
static bool close_gap(uint16_t groups[GROUPS], size_t count, size_t gap)
{
    if (gap == NO_GAP)
        return count == GROUPS;
    if (count > GROUPS - 2)
        return false;
    for (size_t i = GROUPS; i-- > gap;) {
        bool is_moved = i >= GROUPS - (count - gap);

        groups[i] = is_moved ? groups[i - (GROUPS - count)] : 0;
    }
    return true;
}

/* RFC 4291 2.2, forms 1 and 2. */
static bool read_ipv6(const char *text, size_t len, uint16_t groups[GROUPS])
{
    size_t gap = len >= 2 && text[0] == ':' && text[1] == ':' ? 0 : NO_GAP;
    size_t at = gap == 0 ? 2 : 0;
    size_t count = 0;

    while (at < len) {
        size_t digits = 0;
        unsigned value = 0;

        for (; at < len && digits <= 4 && hex_value(text[at]) < 16; at++, digits++)
            value = value << 4 | hex_value(text[at]);
        if (digits == 0 || digits > 4 || count == GROUPS)
            return false;
        groups[count++] = (uint16_t)value;
        if (at == len)
            break;
        if (text[at++] != ':' || at == len)
            return false;
        if (text[at] == ':') {
            if (gap != NO_GAP)
                return false;
            gap = count;
            at++;
        }
    }
    return close_gap(groups, count, gap);
}

static bool is_mapped(const uint16_t groups[GROUPS])
{
    return (groups[0] | groups[1] | groups[2] | groups[3] | groups[4]) == 0 && groups[5] == 0xFFFF;
}

static bool take_ipv6(struct uri *out, const char *text, size_t len)
{
    struct text host = {.at = out->host};
    uint16_t groups[GROUPS];

    if (!read_ipv6(text, len, groups) || is_mapped(groups))
        return false;
    out->kind = URI_HOST_IPV6;
    put_ipv6(&host, groups);
    put_char(&host, '\0');
    return true;
}

/* Four numbers without leading zeros have one form already. */
static bool take_ipv4(struct uri *out, const char *text, size_t len)
{
    size_t numbers = 0;
    size_t start = 0;
    uint32_t number;

    for (size_t i = 0; i <= len; i++) {
        if (i < len && text[i] != '.')
            continue;
        if (!read_number(text + start, i - start, UINT8_MAX, &number))
            return false;
        numbers++;
        start = i + 1;
    }
    if (numbers != 4)
        return false;
    out->kind = URI_HOST_IPV4;
    bytes_copy(out->host, text, len);
    out->host[len] = '\0';
    return true;
}

static bool take_host(struct uri *out, const char *text, size_t len)
{
    uint8_t name_len;

    if (len >= 2 && text[0] == '[')
        return text[len - 1] == ']' && take_ipv6(out, text + 1, len - 2);
    if (take_ipv4(out, text, len))
        return true;
    if (host_name_set(out->host, &name_len, text, len) != SSM_OK)
        return false;
    out->kind = URI_HOST_NAME;
    out->host[name_len] = '\0';
    return true;
}

/* ---- the whole ---- */

static bool has_scheme(const char *text, size_t len)
{
    if (len < SCHEME_LEN)
        return false;
    for (size_t i = 0; i < SCHEME_LEN; i++) {
        char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];

        if (c != SCHEME[i])
            return false;
    }
    return true;
}

static bool has_any(const char *text, size_t len, const char *characters)
{
    for (size_t i = 0; i < len; i++) {
        for (const char *c = characters; *c != '\0'; c++) {
            if (text[i] == *c)
                return true;
        }
    }
    return false;
}

/* How much of `text` is the host: all, or what stands before the colon of the port. */
static size_t host_len_of(const char *text, size_t len)
{
    size_t at = 0;

    if (len > 0 && text[0] == '[') {
        while (at < len && text[at] != ']')
            at++;
    }
    while (at < len && text[at] != ':')
        at++;
    return at;
}

/* NULL: nothing is wrong. */
static const char *take_all(const char *text, size_t len, struct uri *out)
{
    uint32_t port = URI_PORT;
    size_t host_len;

    if (len > URI_LEN_MAX)
        return "is longer than 48 characters";
    if (!has_scheme(text, len))
        return "does not begin with coaps://";
    text += SCHEME_LEN;
    len -= SCHEME_LEN;
    if (has_any(text, len, "/?#"))
        return "has a path or more behind host and port";
    if (has_any(text, len, "@"))
        return "names a user";
    host_len = host_len_of(text, len);
    if (!take_host(out, text, host_len))
        return "has a host that is neither a name, an IPv4 address nor an IPv6 address in brackets";
    if (host_len + 1 < len &&
        (!read_number(text + host_len + 1, len - host_len - 1, UINT16_MAX, &port) || port == 0))
        return "has a port that is no number from 1 to 65535";
    out->port = (uint16_t)port;
    return NULL;
}

enum status uri_parse(const char *text, size_t len, struct uri *out, const char **fault)
{
    const char *found = take_all(text, len, out);

    if (fault != NULL)
        *fault = found;
    return found == NULL ? SSM_OK : SSM_MALFORMED;
}

static void put_text(struct text *t, const char *text)
{
    while (*text != '\0')
        put_char(t, *text++);
}

size_t uri_print(const struct uri *uri, char out[URI_LEN_MAX + 1])
{
    struct text t = {.at = out};

    put_text(&t, SCHEME);
    put_text(&t, uri->kind == URI_HOST_IPV6 ? "[" : "");
    put_text(&t, uri->host);
    put_text(&t, uri->kind == URI_HOST_IPV6 ? "]" : "");
    if (uri->port != URI_PORT) {
        put_char(&t, ':');
        put_number(&t, uri->port, 10);
    }
    out[t.len] = '\0';
    return t.len;
}

size_t uri_host_len(const struct uri *uri)
{
    size_t len = 0;

    while (len < HOST_NAME_MAX_LEN && uri->host[len] != '\0')
        len++;
    return len;
}
