/*
 * What another process of ssmd, taken over, could send: whatever decodes means one thing, and encodes to the
 * same bytes.
 */
#include "fuzz.h"

#include "message.h"

static void check_sessions(const struct message *m)
{
    uint8_t again[SESSION_ROW_LEN];
    struct session_row row;

    for (size_t at = 0; at + SESSION_ROW_LEN <= m->data[0].len; at += SESSION_ROW_LEN)
        if (session_row_decode(m->data[0].at + at, &row) == SSM_OK) {
            session_row_encode(&row, again);
            FUZZ_CHECK(bytes_equal(again, m->data[0].at + at, SESSION_ROW_LEN));
        }
}

static void check_links(const struct message *m)
{
    struct link_row row;

    for (size_t at = 0; at + LINK_ROW_LEN <= m->data[0].len; at += LINK_ROW_LEN)
        link_row_decode(m->data[0].at + at, &row);
}

static void check_addresses(const struct message *m)
{
    struct resolved found[RESOLVED_MAX];
    size_t count = 0;

    if (resolved_decode(m, found, &count) != SSM_OK)
        return;
    FUZZ_CHECK(count <= RESOLVED_MAX);
    for (size_t i = 0; i < count; i++)
        FUZZ_CHECK(endpoint_is_unicast(&found[i].peer) && found[i].peer.port == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t again[MESSAGE_BYTES_MAX];
    struct message m;

    FUZZ_CHECK(message_name(len > 1 ? data[1] : 0) != NULL);
    if (message_decode(data, len, &m) != SSM_OK)
        return 0;
    FUZZ_CHECK(message_encode(&m, again) == len && bytes_equal(again, data, len));
    if (m.type == MSG_SESSION_LIST)
        check_sessions(&m);
    if (m.type == MSG_LINK_LIST)
        check_links(&m);
    if (m.type == MSG_RESOLVED)
        check_addresses(&m);
    return 0;
}
