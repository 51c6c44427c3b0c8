/*
 * The gateway's own CA, for owners who have none: it makes itself, the gateway's certificate, and the
 * certificates of subscribers.
 *
 * Called by the admin socket on the loop's thread. Keeps its two private keys in keys.db (store_ca.h) and no
 * key of a subscriber. Reads no clock: the time is an argument.
 */
#ifndef SSM_CA_H
#define SSM_CA_H

#include "config.h"
#include "store_ca.h"

enum {
    CA_DAYS = 3650, /* of the CA itself */
    CA_CERTIFICATE_DAYS = 398,
    CA_DAYS_MAX = 7300,
    CA_NAMES_MAX = 8, /* that an owner may give */
};

struct ca {
    const struct store_ca *store;
    const struct config
        *config;      /* gateway_id, server_names and peer_address go into the gateway's certificate */
    const char *host; /* the host's name */
};

/* Names that the owner gives: host names in the form of host_name.h, or addresses. */
struct ca_names {
    char list[CA_NAMES_MAX][HOST_NAME_MAX_LEN + 1];
    size_t count;
};

/*
 * Every function: SSM_IO: the database, memory or randomness failed, nothing has changed. SSM_REFUSED: the
 * clock stands before this program was written. SSM_NOT_FOUND: there is no CA. SSM_EXHAUSTED: the CA itself
 * has expired. No certificate outlives the CA.
 */

/* Makes CA and gateway's certificate. SSM_EXISTS: there is a CA, and it is not to be replaced. */
SSM_MUST_CHECK enum status ca_init(const struct ca *ca, uint32_t days, const struct ca_names *names,
                                   bool replace, uint64_t now_s);
/* Makes a new key and certificate of the gateway. No names: those of the one before. */
SSM_MUST_CHECK enum status ca_renew(const struct ca *ca, uint32_t days, const struct ca_names *names,
                                    uint64_t now_s);
/* Makes a subscriber's certificate and notes it. SSM_MALFORMED: the key is no point of P-256. */
SSM_MUST_CHECK enum status ca_issue(const struct ca *ca, const struct assoc_name *name,
                                    const uint8_t public_key[CERTIFICATE_PUBLIC_KEY_LEN], uint32_t days,
                                    uint64_t now_s, struct certificate *out);
/* The same over subject and key of one that the CA has issued; `name` becomes whose it is. SSM_BAD_TAG: it
 * has not. */
SSM_MUST_CHECK enum status ca_reissue(const struct ca *ca, const struct certificate *old, uint32_t days,
                                      uint64_t now_s, struct assoc_name *name, struct certificate *out);

#endif
