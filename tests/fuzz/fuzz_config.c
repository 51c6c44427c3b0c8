/* The configuration file: whatever it holds, the parser reports it and leaves a struct within its bounds. */
#include "fuzz.h"

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    struct config c;

    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    if (config_parse(&c, "fuzz", (const char *)data, size, nowhere) == SSM_OK) {
        FUZZ_CHECK(c.node_port_first <= c.node_port_last && c.node_port_first >= 1024);
        FUZZ_CHECK(c.link_mtu >= 78 && c.link_mtu <= 1200);
    }
    FUZZ_CHECK(memchr(c.state_dir, '\0', sizeof c.state_dir) != NULL && c.state_dir[0] == '/');
    FUZZ_CHECK(c.server_names.count <= CONFIG_NAMES_MAX && c.workers <= 64);
    for (size_t i = 0; i < c.server_names.count; i++)
        FUZZ_CHECK(c.server_names.names[i].len >= 1 && c.server_names.names[i].len <= HOST_NAME_MAX_LEN);
    FUZZ_CHECK(memchr(c.user, '\0', sizeof c.user) != NULL);
    FUZZ_CHECK(c.gateway_id.len >= 1 && c.gateway_id.len <= ASSOC_NAME_MAX);
    return 0;
}
