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

static void check_subscriber(const struct admin_request *r)
{
    FUZZ_CHECK(r->grant_count >= 1);
    if (r->subscriber.credential == SUBSCRIBER_PSK)
        check_key(&r->subscriber);
    FUZZ_CHECK((r->subscriber.credential == SUBSCRIBER_CERTIFICATE) == (r->certificate.len > 0));
    FUZZ_CHECK(r->subscriber.credential != SUBSCRIBER_SUBJECT ||
               (r->subscriber.subject_len >= 1 && r->subscriber.subject_len <= SUBSCRIBER_SUBJECT_MAX));
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
    FUZZ_CHECK(r.certificate.len <= sizeof r.certificate.der && r.days <= CA_DAYS_MAX);
    FUZZ_CHECK(r.ca_names.count <= CA_NAMES_MAX);
    for (size_t i = 0; i < r.ca_names.count; i++)
        FUZZ_CHECK(memchr(r.ca_names.list[i], '\0', sizeof r.ca_names.list[i]) != NULL);
    if (r.op == ADMIN_SUBSCRIBER_ADD)
        check_subscriber(&r);
    return 0;
}
