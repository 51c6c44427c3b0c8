#include "host_name.h"

#include <stdbool.h>

enum { LABEL_MAX = 63 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A label begins and ends with a letter or digit. */
static bool is_label(const char *text, size_t len)
{
    if (len == 0 || len > LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = lower(text[i]);

        if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-')
            return false;
    }
    return true;
}

static bool is_number(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return false;
    }
    return true;
}

enum status host_name_set(char out[HOST_NAME_MAX_LEN], uint8_t *out_len, const char *text, size_t len)
{
    size_t label = 0; /* where the label begins that `i` stands in */

    if (len > 0 && text[len - 1] == '.')
        len--;
    if (len == 0 || len > HOST_NAME_MAX_LEN)
        return SSM_MALFORMED;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && text[i] != '.')
            continue;
        if (!is_label(text + label, i - label) || (i == len && is_number(text + label, i - label)))
            return SSM_MALFORMED; /* no name ends in a number: that is an IPv4 address */
        label = i + 1;
    }
    for (size_t i = 0; i < len; i++)
        out[i] = lower(text[i]);
    *out_len = (uint8_t)len;
    return SSM_OK;
}
