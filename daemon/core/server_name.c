#include "server_name.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool server_name_matches(const char *asked, size_t asked_len, const char *name, size_t len)
{
    if (len == 0 || asked_len < len || (asked_len > len && asked[len] != '.'))
        return false;
    for (size_t i = 0; i < len; i++)
        if (lower(asked[i]) != lower(name[i]))
            return false;
    return true;
}

/* IPv6: no name has a colon. IPv4: digits and dots alone. */
static bool is_address(const char *text, size_t len)
{
    size_t digits = 0;
    size_t dots = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == ':')
            return true;
        digits += text[i] >= '0' && text[i] <= '9';
        dots += text[i] == '.';
    }
    return dots > 0 && digits + dots == len;
}

bool server_name_is_own(const struct server_names *own, const char *asked, size_t asked_len)
{
    if (is_address(asked, asked_len))
        return true;
    for (size_t i = 0; i < own->count; i++)
        if (server_name_matches(asked, asked_len, own->names[i].text, own->names[i].len))
            return true;
    return false;
}
