#include "store_relay.h"

#include "store_sqlite.h"

#include <stdlib.h>

enum { SCHEMA_VERSION = 1 };

static const char schema[] = "CREATE TABLE node ("
                             " id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),"
                             " address BLOB NOT NULL CHECK (length(address) = 16),"
                             " port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),"
                             " generation INTEGER NOT NULL CHECK (generation >= 0),"
                             " tag_key BLOB NOT NULL CHECK (length(tag_key) = 16)"
                             ") STRICT;"
                             "CREATE TABLE session ("
                             " node INTEGER NOT NULL CHECK (node BETWEEN 1 AND 4294967295),"
                             " handle INTEGER NOT NULL CHECK (handle BETWEEN 1 AND 65535),"
                             " slot INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 255),"
                             " subscriber INTEGER NOT NULL CHECK (subscriber BETWEEN 0 AND 4294967295),"
                             " peer_address BLOB NOT NULL CHECK (length(peer_address) = 16),"
                             " peer_port INTEGER NOT NULL CHECK (peer_port BETWEEN 0 AND 65535),"
                             " local_address BLOB NOT NULL CHECK (length(local_address) = 16),"
                             " local_port INTEGER NOT NULL CHECK (local_port BETWEEN 0 AND 65535),"
                             " opened_s INTEGER NOT NULL CHECK (opened_s >= 0),"
                             " tombstone BLOB NOT NULL CHECK (length(tombstone) = 31),"
                             " PRIMARY KEY (node, handle)"
                             ") STRICT, WITHOUT ROWID;";

struct store_relay {
    struct store_db db;
    bool changed; /* a transaction was begun since the last flush */
};

/* The first change of a turn begins the transaction. A full disk may make SQLite end it behind our back:
 * changes after that must not slip into a new one as if nothing were missing, so flush() has to see it first.
 */
static enum status begin(struct store_relay *s)
{
    enum status status;

    if (s->changed)
        return sqlite3_get_autocommit(s->db.sqlite) ? SSM_IO : SSM_OK;
    status = store_db_run(&s->db, "BEGIN", STORE_NO_VALUES);
    s->changed = status == SSM_OK;
    return status;
}

static enum status put_session(void *ctx, const struct relay_session_row *row)
{
    struct store_relay *s = ctx;
    enum status status = begin(s);

    if (status != SSM_OK)
        return status;
    return store_db_run(
        &s->db, "INSERT OR REPLACE INTO session VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        STORE_VALUES(STORE_INT(row->node), STORE_INT(row->handle), STORE_INT(row->slot),
                     STORE_INT(row->subscriber), STORE_BYTES(row->peer.addr, sizeof row->peer.addr),
                     STORE_INT(row->peer.port), STORE_BYTES(row->local.addr, sizeof row->local.addr),
                     STORE_INT(row->local.port), STORE_INT(row->opened_s),
                     STORE_BYTES(row->tombstone, sizeof row->tombstone)));
}

static enum status remove_session(void *ctx, uint32_t node, uint16_t handle)
{
    struct store_relay *s = ctx;
    enum status status = begin(s);

    if (status != SSM_OK)
        return status;
    return store_db_run(&s->db, "DELETE FROM session WHERE node = ?1 AND handle = ?2",
                        STORE_VALUES(STORE_INT(node), STORE_INT(handle)));
}

static enum status put_node(void *ctx, const struct relay_node_row *row)
{
    struct store_relay *s = ctx;
    enum status status = begin(s);

    if (status != SSM_OK)
        return status;
    return store_db_run(&s->db, "INSERT OR REPLACE INTO node VALUES (?1, ?2, ?3, ?4, ?5)",
                        STORE_VALUES(STORE_INT(row->node),
                                     STORE_BYTES(row->endpoint.addr, sizeof row->endpoint.addr),
                                     STORE_INT(row->endpoint.port), STORE_INT(row->generation),
                                     STORE_BYTES(row->tag_key, sizeof row->tag_key)));
}

static enum status remove_node(void *ctx, uint32_t node)
{
    struct store_relay *s = ctx;
    enum status status = begin(s);

    if (status == SSM_OK)
        status = store_db_run(&s->db, "DELETE FROM session WHERE node = ?1", STORE_VALUES(STORE_INT(node)));
    if (status == SSM_OK)
        status = store_db_run(&s->db, "DELETE FROM node WHERE id = ?1", STORE_VALUES(STORE_INT(node)));
    return status;
}

/* Commits all changes since the last flush, or none of them. */
static enum status flush(void *ctx)
{
    struct store_relay *s = ctx;
    enum status status;

    if (!s->changed)
        return SSM_OK;
    s->changed = false;
    if (sqlite3_get_autocommit(s->db.sqlite))
        return SSM_IO;
    status = store_db_run(&s->db, "COMMIT", STORE_NO_VALUES);
    if (status != SSM_OK && !sqlite3_get_autocommit(s->db.sqlite) &&
        store_db_run(&s->db, "ROLLBACK", STORE_NO_VALUES) != SSM_OK)
        return SSM_IO;
    return status;
}

/* A caller's function for each row, carried through the walk. */
struct session_walk {
    enum status (*row)(void *arg, const struct relay_session_row *);
    void *arg;
};

static enum status on_session(void *arg, sqlite3_stmt *s)
{
    const struct session_walk *walk = arg;
    struct relay_session_row row = {.node = store_column_u32(s, 0),
                                    .handle = store_column_u16(s, 1),
                                    .slot = (uint8_t)store_column_u16(s, 2),
                                    .subscriber = store_column_u32(s, 3),
                                    .opened_s = (uint64_t)sqlite3_column_int64(s, 8)};
    enum status status = store_column_bytes(s, 4, row.peer.addr, sizeof row.peer.addr);

    row.peer.port = store_column_u16(s, 5);
    if (status == SSM_OK)
        status = store_column_bytes(s, 6, row.local.addr, sizeof row.local.addr);
    row.local.port = store_column_u16(s, 7);
    if (status == SSM_OK)
        status = store_column_bytes(s, 9, row.tombstone, sizeof row.tombstone);
    return status == SSM_OK ? walk->row(walk->arg, &row) : status;
}

static enum status each_session(void *ctx, enum status (*row)(void *arg, const struct relay_session_row *),
                                void *arg)
{
    struct store_relay *s = ctx;

    return store_db_each(
        &s->db,
        "SELECT node, handle, slot, subscriber, peer_address, peer_port, local_address, local_port,"
        " opened_s, tombstone FROM session ORDER BY node, handle",
        STORE_NO_VALUES, on_session, &(struct session_walk){row, arg});
}

struct node_walk {
    enum status (*row)(void *arg, const struct relay_node_row *);
    void *arg;
};

static enum status on_node(void *arg, sqlite3_stmt *s)
{
    const struct node_walk *walk = arg;
    struct relay_node_row row = {.node = store_column_u32(s, 0),
                                 .generation = (uint64_t)sqlite3_column_int64(s, 3)};
    enum status status = store_column_bytes(s, 1, row.endpoint.addr, sizeof row.endpoint.addr);

    row.endpoint.port = store_column_u16(s, 2);
    if (status == SSM_OK)
        status = store_column_bytes(s, 4, row.tag_key, sizeof row.tag_key);
    if (status == SSM_OK)
        status = walk->row(walk->arg, &row);
    bytes_wipe(&row, sizeof row);
    return status;
}

static enum status each_node(void *ctx, enum status (*row)(void *arg, const struct relay_node_row *),
                             void *arg)
{
    struct store_relay *s = ctx;

    return store_db_each(&s->db, "SELECT id, address, port, generation, tag_key FROM node ORDER BY id",
                         STORE_NO_VALUES, on_node, &(struct node_walk){row, arg});
}

enum status store_relay_open(const char *path, struct store_relay **out)
{
    struct store_relay *s = calloc(1, sizeof *s);
    enum status status;

    if (s == NULL)
        return SSM_IO;
    status = store_db_open(&s->db, path, (const char *const[]){schema}, SCHEMA_VERSION);
    if (status != SSM_OK) {
        free(s);
        return status;
    }
    *out = s;
    return SSM_OK;
}

void store_relay_close(struct store_relay *store)
{
    if (store == NULL)
        return;
    store_db_close(&store->db);
    free(store);
}

struct relay_store store_relay_table(struct store_relay *store)
{
    return (struct relay_store){
        .ctx = store,
        .put_session = put_session,
        .remove_session = remove_session,
        .put_node = put_node,
        .remove_node = remove_node,
        .flush = flush,
        .each_session = each_session,
        .each_node = each_node,
    };
}
