/* Requests of the admin socket: whatever is accepted keeps the promises of admin_request.h. */
#include "fuzz.h"

#include "admin_key.h"
#include "admin_request.h"

static void check_key(const struct subscriber_row *row)
{
    struct subscriber_row again = {0};
    char text[ADMIN_KEY_TEXT_MAX + 1];

    admin_key_print_subscriber(row, text);
    FUZZ_CHECK(admin_key_parse_subscriber(text, strlen(text), &again) == SSM_OK);
    FUZZ_CHECK(again.psk_len == row->psk_len && memcmp(again.psk, row->psk, row->psk_len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct admin_request r;
    char error[ADMIN_ERROR_MAX];

    error[0] = '\0';
    if (size > ADMIN_LINE_MAX)
        return 0;
    if (admin_request_parse((const char *)data, size, &r, error) != SSM_OK) {
        FUZZ_CHECK(error[0] != '\0' && memchr(error, '\0', sizeof error) != NULL);
        return 0;
    }
    FUZZ_CHECK(r.op < ADMIN_OPS && r.name.len <= ASSOC_NAME_MAX && r.grant_count <= ADMIN_GRANTS_MAX);
    for (size_t i = 0; i < r.grant_count; i++)
        FUZZ_CHECK(r.grants[i].len >= 1 && r.grants[i].len <= ASSOC_NAME_MAX);
    if (r.op == ADMIN_SUBSCRIBER_ADD) {
        FUZZ_CHECK(r.grant_count >= 1);
        check_key(&r.subscriber);
    }
    return 0;
}
