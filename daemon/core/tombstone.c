#include "tombstone.h"

enum {
    ALERT_LEVEL_WARNING = 1, /* RFC 5246 7.2.1 */
    ALERT_CLOSE_NOTIFY = 0,
};

void tombstone_seal(const struct record_key *own, uint8_t tombstone[TOMBSTONE_LEN])
{
    struct record r = tombstone_record(tombstone + RECORD_SEALED_HEADER_LEN, TOMBSTONE_ALERT_LEN);

    r.body[0] = ALERT_LEVEL_WARNING;
    r.body[1] = ALERT_CLOSE_NOTIFY;
    record_seal(own, &r);
    (void)record_put_header(&r);
}
