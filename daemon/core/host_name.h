/*
 * Names of hosts as they are written in the configuration, on the command line and in certificates.
 *
 * A pure function, used by uri.c, config.c, admin_request.c and ca.c. Resolves nothing.
 */
#ifndef SSM_HOST_NAME_H
#define SSM_HOST_NAME_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

enum { HOST_NAME_MAX_LEN = 64 };

/*
 * Puts a name into the form that is compared: lower case, no final dot; not terminated. SSM_MALFORMED: it is
 * not 1 to 64 letters, digits, hyphens and dots in labels of 1 to 63 (RFC 1123 2.1), or it is an address.
 */
SSM_MUST_CHECK enum status host_name_set(char out[HOST_NAME_MAX_LEN], uint8_t *out_len, const char *text,
                                         size_t len);

#endif
