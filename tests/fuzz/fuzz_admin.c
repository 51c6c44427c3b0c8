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

/* One credential, whole; and a server that can be named. */
static void check_destination(const struct destination_row *row)
{
    bool has_psk = row->kind == DESTINATION_PSK;
    char server[URI_LEN_MAX + 1];

    FUZZ_CHECK(uri_print(&row->server, server) <= URI_LEN_MAX);
    FUZZ_CHECK(has_psk == (row->psk_len >= SUBSCRIBER_PSK_MIN) && has_psk == (row->identity_len > 0));
    FUZZ_CHECK(has_psk == (row->anchors[0] == '\0'));
    FUZZ_CHECK((row->chain[0] == '\0') == (row->key[0] == '\0') && (!has_psk || row->chain[0] == '\0'));
    FUZZ_CHECK(memchr(row->anchors, '\0', sizeof row->anchors) != NULL);
    FUZZ_CHECK(memchr(row->chain, '\0', sizeof row->chain) != NULL);
    FUZZ_CHECK(memchr(row->key, '\0', sizeof row->key) != NULL);
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
    if (r.op == ADMIN_DESTINATION_ADD)
        check_destination(&r.destination);
    return 0;
}
