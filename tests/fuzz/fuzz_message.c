/*
 * What another process of ssmd, taken over, could send: whatever decodes means one thing, and encodes to the
 * same bytes.
 */
#include "fuzz.h"

#include "message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t again[MESSAGE_BYTES_MAX];
    struct message m;
    struct session_row row;

    if (message_decode(data, len, &m) != SSM_OK)
        return 0;
    FUZZ_CHECK(message_encode(&m, again) == len && bytes_equal(again, data, len));
    if (m.type != MSG_SESSION_LIST)
        return 0;
    for (size_t at = 0; at + SESSION_ROW_LEN <= m.data[0].len; at += SESSION_ROW_LEN)
        if (session_row_decode(m.data[0].at + at, &row) == SSM_OK) {
            session_row_encode(&row, again);
            FUZZ_CHECK(bytes_equal(again, m.data[0].at + at, SESSION_ROW_LEN));
        }
    return 0;
}
