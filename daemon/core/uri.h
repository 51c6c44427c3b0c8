/*
 * The URI by which a node names a server: "coaps://", a host and a port (RFC 7252 6.2), and nothing behind.
 *
 * A pure function, used where nodes and owners name servers. Two URIs of one server become equal; what they
 * resolve to is another's concern.
 */
#ifndef SSM_URI_H
#define SSM_URI_H

#include "host_name.h"

enum {
    URI_LEN_MAX = 48, /* a control message to the gateway holds no more */
    URI_PORT = 5684,  /* RFC 7252 6.2, where none is given */
};

enum uri_host { URI_HOST_NAME, URI_HOST_IPV4, URI_HOST_IPV6 };

struct uri {
    enum uri_host kind;
    uint16_t port;
    /* Terminated. A name as host_name_set() makes it, an IPv4 address in dotted form, an IPv6 address without
     * brackets as RFC 5952 4 has it. */
    char host[HOST_NAME_MAX_LEN + 1];
};

/*
 * Takes `text` of `len` characters apart. SSM_MALFORMED: *fault, where that is not NULL, is what is wrong
 * with it, as the end of a sentence that begins with it. IPv4 in the form of IPv6 (RFC 4291 2.5.5.2) is
 * refused, so that each server has one name; so are "::" for a single group, zones (RFC 6874), escapes and
 * any path.
 */
SSM_MUST_CHECK enum status uri_parse(const char *text, size_t len, struct uri *out, const char **fault);
/* Of its host, in characters. */
size_t uri_host_len(const struct uri *uri);
/* Writes the form that is compared, with a NUL, and returns its length; uri_parse() takes it. */
size_t uri_print(const struct uri *uri, char out[URI_LEN_MAX + 1]);

#endif
