/*
 * Which certificates expire soon, or have expired, and what to do about each.
 *
 * Owned by the keys process, which logs the warnings once a day; the admin socket shows them. Reads no clock:
 * the time is an argument, and one that jumps only repeats a line.
 */
#ifndef SSM_EXPIRY_H
#define SSM_EXPIRY_H

#include "credentials.h"
#include "store.h"

struct expiry {
    const struct config *config;
    const struct keys_store *store;
    const struct store_ca *ca;
    struct credentials_ends ends; /* of what is in use */
    uint64_t logged_day;          /* days since 1970 */
};

/*
 * Calls `on` for each certificate that expires within 30 days (LOG_NOTICE), within 7 (LOG_WARNING), or has
 * expired (LOG_ERR); the text says what to run. Of what the own CA issued, the newest of each name, and no
 * longer than 30 days after its end: nobody may need it any more. SSM_IO: the database failed.
 */
SSM_MUST_CHECK enum status expiry_each(const struct expiry *e, uint64_t now_s,
                                       void (*on)(void *arg, int level, const char *text), void *arg);
/* Logs them, unless that was done on the same day. */
void expiry_log_daily(struct expiry *e, uint64_t now_s);

#endif
