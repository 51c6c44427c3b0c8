/* The configuration file: whatever it holds, the parser reports it and leaves a struct within its bounds. */
#include "config.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    struct config c;

    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    if (config_parse(&c, "fuzz", (const char *)data, size, nowhere) == SSM_OK) {
        SSM_ASSERT(c.node_port_first <= c.node_port_last && c.node_port_first >= 1024);
        SSM_ASSERT(c.link_mtu >= 78 && c.link_mtu <= 1200);
    }
    SSM_ASSERT(memchr(c.state_dir, '\0', sizeof c.state_dir) != NULL && c.state_dir[0] == '/');
    SSM_ASSERT(c.server_names.count <= CONFIG_NAMES_MAX && c.workers <= 64);
    for (size_t i = 0; i < c.server_names.count; i++)
        SSM_ASSERT(c.server_names.names[i].len >= 1 && c.server_names.names[i].len <= HOST_NAME_MAX_LEN);
    SSM_ASSERT(memchr(c.user, '\0', sizeof c.user) != NULL);
    SSM_ASSERT(c.gateway_id.len >= 1 && c.gateway_id.len <= ASSOC_NAME_MAX);
    return 0;
}
