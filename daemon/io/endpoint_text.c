#include "endpoint_text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

const char *endpoint_text(const struct endpoint *e, char out[ENDPOINT_TEXT_MAX])
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF}; /* RFC 4291 2.5.5.2 */
    char address[INET6_ADDRSTRLEN];

    if (e == NULL)
        snprintf(out, ENDPOINT_TEXT_MAX, "-");
    else if (memcmp(e->addr, mapped, sizeof mapped) == 0)
        snprintf(out, ENDPOINT_TEXT_MAX, "%s:%u",
                 inet_ntop(AF_INET, e->addr + sizeof mapped, address, sizeof address), e->port);
    else
        snprintf(out, ENDPOINT_TEXT_MAX, "[%s]:%u", inet_ntop(AF_INET6, e->addr, address, sizeof address),
                 e->port);
    return out;
}
