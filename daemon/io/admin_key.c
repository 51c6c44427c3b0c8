#include "admin_key.h"

#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static const char HEX_PREFIX[] = "hex:";
enum { HEX_PREFIX_LEN = sizeof(HEX_PREFIX) - 1 };

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_hex(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (digit_value(text[i]) < 0)
            return false;
    return len % 2 == 0;
}

static void hex_decode(const char *text, size_t len, uint8_t *out)
{
    for (size_t i = 0; i < len; i += 2)
        out[i / 2] = (uint8_t)(digit_value(text[i]) << 4 | digit_value(text[i + 1]));
}

enum status admin_key_parse_hex(const char *text, size_t text_len, uint8_t *out, size_t len)
{
    if (text_len != 2 * len || !is_hex(text, text_len))
        return SSM_MALFORMED;
    hex_decode(text, text_len, out);
    return SSM_OK;
}

void admin_key_print_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 0x0F];
    }
    out[2 * len] = '\0';
}

enum status admin_key_parse_node(const char *text, size_t len, uint8_t psk[ASSOC_PSK_LEN])
{
    return admin_key_parse_hex(text, len, psk, ASSOC_PSK_LEN);
}

void admin_key_print_node(const uint8_t psk[ASSOC_PSK_LEN], char out[ADMIN_KEY_NODE_TEXT_LEN + 1])
{
    admin_key_print_hex(psk, ASSOC_PSK_LEN, out);
}

static bool has_hex_prefix(const void *text, size_t len)
{
    return len >= HEX_PREFIX_LEN && memcmp(text, HEX_PREFIX, HEX_PREFIX_LEN) == 0;
}

static enum status parse_hex_form(const char *digits, size_t len, struct subscriber_row *row)
{
    if (len < 2 * SUBSCRIBER_PSK_MIN || len > 2 * SUBSCRIBER_PSK_MAX || !is_hex(digits, len))
        return SSM_MALFORMED;
    hex_decode(digits, len, row->psk);
    row->psk_len = (uint8_t)(len / 2);
    return SSM_OK;
}

enum status admin_key_parse_subscriber(const char *text, size_t len, struct subscriber_row *row)
{
    if (has_hex_prefix(text, len))
        return parse_hex_form(text + HEX_PREFIX_LEN, len - HEX_PREFIX_LEN, row);
    if (len < SUBSCRIBER_PSK_MIN || len > SUBSCRIBER_PSK_MAX)
        return SSM_MALFORMED;
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] < 0x20 || text[i] == 0x7F)
            return SSM_MALFORMED;
    memcpy(row->psk, text, len);
    row->psk_len = (uint8_t)len;
    return SSM_OK;
}

static bool is_printable(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] < 0x20 || bytes[i] > 0x7E)
            return false;
    return true;
}

void admin_key_print_subscriber(const struct subscriber_row *row, char out[ADMIN_KEY_TEXT_MAX + 1])
{
    if (is_printable(row->psk, row->psk_len) && !has_hex_prefix(row->psk, row->psk_len)) {
        memcpy(out, row->psk, row->psk_len);
        out[row->psk_len] = '\0';
        return;
    }
    memcpy(out, HEX_PREFIX, HEX_PREFIX_LEN);
    admin_key_print_hex(row->psk, row->psk_len, out + HEX_PREFIX_LEN);
}

static void free_wiped(void *memory)
{
    if (memory == NULL)
        return;
    bytes_wipe(memory, malloc_usable_size(memory));
    free(memory);
}

void admin_key_wipe_json(void)
{
    json_set_alloc_funcs(malloc, free_wiped);
}
