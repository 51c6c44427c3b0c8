/*
 * Server names (RFC 6066 3): what a peer may call the gateway and its nodes.
 *
 * A name stands for itself and for every name below it: "kitchen" is also asked for as "kitchen.home.arpa".
 * Letters match in either case (RFC 4343). Pure; knows neither nodes nor peers.
 */
#ifndef SSM_SERVER_NAME_H
#define SSM_SERVER_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SERVER_NAME_MAX = 64, SERVER_NAMES_MAX = 12 };

struct server_names {
    struct {
        char text[SERVER_NAME_MAX];
        uint8_t len;
    } names[SERVER_NAMES_MAX];
    uint8_t count;
};

/* Does `asked` ask for `name`? */
bool server_name_matches(const char *asked, size_t asked_len, const char *name, size_t len);
/* Is it one of these, or an address? Addresses must not be asked for (RFC 6066 3), but some peers do. */
bool server_name_is_own(const struct server_names *own, const char *asked, size_t asked_len);

#endif
