#include "gateway.h"

#include "load.h"
#include "must.h"
#include "process.h"
#include "store_keys.h"
#include "store_relay.h"

#include <time.h>
#include <unistd.h>

enum { START_MS = 10000, STEP_MS = 50, PATH_LEN = 256 };

static struct endpoint endpoint_of(struct in_addr address, uint16_t port)
{
    struct endpoint e = {.addr = {[10] = 0xFF, [11] = 0xFF}, .port = port};

    memcpy(e.addr + 12, &address, sizeof address);
    return e;
}

static uint32_t node_count(const struct scene *scene)
{
    return scene->nodes > scene->sockets ? scene->nodes : scene->sockets;
}

/* One node for each port, and for each next hop. */
static void write_nodes(const struct scene *scene, struct scene_ports ports, const char *folder,
                        uint32_t ids[SCENE_NODES_MAX])
{
    char path[PATH_LEN];
    char key_path[PATH_LEN];
    struct store_keys *store;
    struct keys_store table;

    snprintf(path, sizeof path, "%s/keys.db", folder);
    snprintf(key_path, sizeof key_path, "%s/storage.key", folder);
    must(store_keys_open(path, key_path, &store) == SSM_OK, path);
    table = store_keys_table(store);
    for (uint32_t i = 0; i < node_count(scene); i++) {
        struct node_row row = {.psk = {1}, .port = (uint16_t)(ports.first + i)};

        row.name.len = (uint8_t)snprintf(row.name.text, sizeof row.name.text, "node%u", i);
        must(table.add_node(table.ctx, &row) == SSM_OK, path);
        ids[i] = row.id;
    }
    store_keys_close(store);
}

static void put_sessions(const struct relay_store *table, const struct scene *scene, struct scene_ports ports,
                         const uint32_t *ids)
{
    const struct in_addr local = {htonl(INADDR_LOOPBACK)};

    for (uint32_t f = 0; f < scene->flows; f++) {
        const struct relay_session_row row = {
            .node = ids[f % scene->nodes],
            .handle = (uint16_t)(1 + f / scene->nodes),
            .peer = endpoint_of(scene_flow_address(f), SCENE_PEER_PORT),
            .local = endpoint_of(local, (uint16_t)(ports.first + f % scene->sockets)),
            .opened_s = (uint64_t)time(NULL),
        };

        must(table->put_session(table->ctx, &row) == SSM_OK, "relay.db");
    }
}

static void write_sessions(const struct scene *scene, struct scene_ports ports, const char *folder,
                           const uint32_t ids[SCENE_NODES_MAX])
{
    char path[PATH_LEN];
    struct store_relay *store;
    struct relay_store table;

    snprintf(path, sizeof path, "%s/relay.db", folder);
    must(store_relay_open(path, &store) == SSM_OK, path);
    table = store_relay_table(store);
    for (uint32_t i = 0; i < node_count(scene); i++) {
        struct relay_node_row row = {
            .node = ids[i], .endpoint = endpoint_of(scene_node_address(i), SCENE_NODE_PORT), .generation = 1};

        memcpy(row.tag_key, load_tag_key, sizeof row.tag_key);
        must(table.put_node(table.ctx, &row) == SSM_OK, path);
    }
    put_sessions(&table, scene, ports, ids);
    must(table.flush(table.ctx) == SSM_OK, path);
    store_relay_close(store);
}

static void write_configuration(const char *path, const struct scene *scene, struct scene_ports ports,
                                const char *peer_address, const char *folder)
{
    FILE *f = fopen(path, "w");

    must(f != NULL, path);
    fprintf(f,
            "user =\nadmin_group =\nstate_dir = %s\nadmin_socket = %s/admin.sock\nshared_port = 0\n"
            "peer_address = %s\n"
            "node_ports = %u-%u\nlink_port = %u\nnode_records_per_s = 0\nmax_nodes = %u\nmax_sessions = %u\n",
            folder, folder, peer_address, ports.first, ports.first + SCENE_SOCKETS_MAX, ports.link,
            node_count(scene), scene->flows);
    must(fclose(f) == 0, path);
}

struct gateway gateway_start(const struct scene *scene, struct scene_ports ports, const char *build,
                             const char *peer_address, const char *folder)
{
    static uint32_t ids[SCENE_NODES_MAX];
    char program[PATH_LEN];
    char path[PATH_LEN];
    char log[PATH_LEN];
    const char *const argv[] = {program, "--config", path, NULL};
    struct gateway g = {0};

    snprintf(program, sizeof program, "%s/daemon/ssmd", build);
    snprintf(path, sizeof path, "%s/ssmd.conf", folder);
    snprintf(log, sizeof log, "%s/ssmd.log", folder);
    must(access(program, X_OK) == 0, program);
    write_nodes(scene, ports, folder, ids);
    write_sessions(scene, ports, folder, ids);
    write_configuration(path, scene, ports, peer_address, folder);
    g.ssmd = process_start(argv, log);
    for (int waited_ms = 0; g.relay == 0; waited_ms += STEP_MS) {
        must(waited_ms < START_MS && !process_is_over(g.ssmd), "ssmd does not start");
        process_sleep_ms(STEP_MS);
        g.relay = process_child(g.ssmd, "ssmd-relay");
    }
    return g;
}

void gateway_stop(const struct gateway *g)
{
    process_end(g->ssmd);
}
