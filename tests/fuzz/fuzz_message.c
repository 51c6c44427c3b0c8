/*
 * What another process of ssmd, taken over, could send: whatever decodes means one thing, and encodes to the same bytes.
 */
#include "message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[MESSAGE_BYTES_MAX];
    struct message m;
    struct session_row row;

    if (message_decode(data, size, &m) != SSM_OK)
        return 0;
    SSM_ASSERT(message_encode(&m, again) == size && bytes_equal(again, data, size));
    if (m.type != MSG_SESSION_LIST)
        return 0;
    for (size_t at = 0; at + SESSION_ROW_LEN <= m.data[0].len; at += SESSION_ROW_LEN)
        if (session_row_decode(m.data[0].at + at, &row) == SSM_OK) {
            session_row_encode(&row, again);
            SSM_ASSERT(bytes_equal(again, m.data[0].at + at, SESSION_ROW_LEN));
        }
    return 0;
}
