/*
 * How keys are written in key files, on the admin socket and in listings; and JSON memory that is wiped when
 * freed.
 *
 * Pure functions, used by `keys` and by ssmctl. Keeps nothing: whoever passes a buffer wipes it.
 */
#ifndef SSM_ADMIN_KEY_H
#define SSM_ADMIN_KEY_H

#include "store.h"

enum {
    ADMIN_KEY_NODE_TEXT_LEN = 2 * ASSOC_PSK_LEN,
    ADMIN_KEY_TEXT_MAX = 4 + 2 * SUBSCRIBER_PSK_MAX, /* "hex:" and the digits */
};

/* A node's PSK_DN: exactly 32 hex digits. SSM_MALFORMED otherwise; psk is untouched then. */
SSM_MUST_CHECK enum status admin_key_parse_node(const char *text, size_t len, uint8_t psk[ASSOC_PSK_LEN]);
/* The digits and a terminating zero. */
void admin_key_print_node(const uint8_t psk[ASSOC_PSK_LEN], char out[ADMIN_KEY_NODE_TEXT_LEN + 1]);

/*
 * A subscriber's key: 16 to 32 bytes taken as they are, or "hex:" and 32 to 64 hex digits. SSM_MALFORMED also
 * for a control character in the first form, which is never meant: a line end of another system, a tab.
 */
SSM_MUST_CHECK enum status admin_key_parse_subscriber(const char *text, size_t len,
                                                      struct subscriber_row *row);
/* The first form where every byte is printable ASCII, else the second; with a terminating zero. */
void admin_key_print_subscriber(const struct subscriber_row *row, char out[ADMIN_KEY_TEXT_MAX + 1]);

/* Exactly `len` bytes in digits of either case. SSM_MALFORMED otherwise; out is untouched then. */
SSM_MUST_CHECK enum status admin_key_parse_hex(const char *text, size_t text_len, uint8_t *out, size_t len);
/* 2 * len digits and a terminating zero. */
void admin_key_print_hex(const uint8_t *bytes, size_t len, char *out);

/* From now on all memory of the JSON library is wiped when it is freed. Call before the first JSON value is
 * made. */
void admin_key_wipe_json(void);

#endif
