#include "store_relay.h"

#include "log.h"
#include "store_sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCHEMA_VERSION = 3, DAMAGED_MAX = 9, CHANGES_FIRST = 64 };

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

static const char tag_keys_schema[] = "ALTER TABLE node ADD COLUMN tag_keys_before BLOB NOT NULL DEFAULT x''"
                                      " CHECK (length(tag_keys_before) IN (0, 16, 32));";

static const char outbound_schema[] = "ALTER TABLE session ADD COLUMN outbound INTEGER NOT NULL DEFAULT 0"
                                      " CHECK (outbound IN (0, 1));";

static const char *const steps[SCHEMA_VERSION] = {schema, tag_keys_schema, outbound_schema};

/* A change that must not get lost with the transaction that it was part of. */
struct change {
    enum { REMOVE_SESSION, REMOVE_NODE, PUT_NODE } kind;
    uint16_t handle;
    struct relay_node_row row; /* REMOVE_SESSION and REMOVE_NODE: its .node alone */
};

struct store_relay {
    struct store_db db;
    bool is_begun;           /* a transaction, since the last flush */
    bool is_broken;          /* and one of its changes failed */
    struct change *gathered; /* since the last flush that succeeded */
    size_t gathered_count;
    size_t gathered_cap;
};

/* ---- changes ---- */

static enum status delete_session(struct store_relay *s, uint32_t node, uint16_t handle)
{
    return store_db_run(&s->db, "DELETE FROM session WHERE node = ?1 AND handle = ?2",
                        STORE_VALUES(STORE_INT(node), STORE_INT(handle)));
}

static enum status insert_session(struct store_relay *s, const struct relay_session_row *row)
{
    return store_db_run(
        &s->db, "INSERT OR REPLACE INTO session VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        STORE_VALUES(STORE_INT(row->node), STORE_INT(row->handle), STORE_INT(row->slot),
                     STORE_INT(row->subscriber), STORE_BYTES(row->peer.addr, sizeof row->peer.addr),
                     STORE_INT(row->peer.port), STORE_BYTES(row->local.addr, sizeof row->local.addr),
                     STORE_INT(row->local.port), STORE_INT(row->opened_s),
                     STORE_BYTES(row->tombstone, sizeof row->tombstone), STORE_INT(row->is_outbound)));
}

static enum status delete_node(struct store_relay *s, uint32_t node)
{
    enum status status =
        store_db_run(&s->db, "DELETE FROM session WHERE node = ?1", STORE_VALUES(STORE_INT(node)));

    if (status == SSM_OK)
        status = store_db_run(&s->db, "DELETE FROM node WHERE id = ?1", STORE_VALUES(STORE_INT(node)));
    return status;
}

static enum status insert_node(struct store_relay *s, const struct relay_node_row *row)
{
    return store_db_run(
        &s->db, "INSERT OR REPLACE INTO node VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        STORE_VALUES(STORE_INT(row->node), STORE_BYTES(row->endpoint.addr, sizeof row->endpoint.addr),
                     STORE_INT(row->endpoint.port), STORE_INT(row->generation),
                     STORE_BYTES(row->tag_key, sizeof row->tag_key),
                     STORE_BYTES(row->tag_keys_before, row->tag_keys_before_count * (size_t)AES_KEY_LEN)));
}

static enum status apply(struct store_relay *s, const struct change *c)
{
    switch (c->kind) {
    case REMOVE_SESSION:
        return delete_session(s, c->row.node, c->handle);
    case REMOVE_NODE:
        return delete_node(s, c->row.node);
    default:
        return insert_node(s, &c->row);
    }
}

/* The first change of a turn begins the transaction; what an earlier one has lost comes first. A full disk
 * may make SQLite end it behind our back: changes after that must not slip into a new one as if nothing were
 * missing, so flush() has to see it first. */
static enum status begin(struct store_relay *s)
{
    enum status status;

    if (s->is_begun)
        return s->is_broken || sqlite3_get_autocommit(s->db.sqlite) ? SSM_IO : SSM_OK;
    status = store_db_run(&s->db, "BEGIN", STORE_NO_VALUES);
    s->is_begun = status == SSM_OK;
    for (size_t i = 0; i < s->gathered_count && status == SSM_OK; i++)
        status = apply(s, &s->gathered[i]);
    s->is_broken = status != SSM_OK;
    return status;
}

static enum status grow(struct store_relay *s)
{
    size_t cap = s->gathered_cap == 0 ? CHANGES_FIRST : 2 * s->gathered_cap;
    struct change *wider = malloc(cap * sizeof *wider);

    if (wider == NULL)
        return SSM_IO;
    if (s->gathered_count > 0)
        memcpy(wider, s->gathered, s->gathered_count * sizeof *wider);
    if (s->gathered != NULL)
        bytes_wipe(s->gathered, s->gathered_cap * sizeof *wider); /* tag keys */
    free(s->gathered);
    s->gathered = wider;
    s->gathered_cap = cap;
    return SSM_OK;
}

/* One place for all that is put of a node, so that a disk that is full for days does not fill the memory. */
static void keep(struct store_relay *s, const struct change *c)
{
    size_t at = c->kind == PUT_NODE ? 0 : s->gathered_count;

    while (at < s->gathered_count &&
           (s->gathered[at].kind != PUT_NODE || s->gathered[at].row.node != c->row.node))
        at++;
    if (at == s->gathered_cap && grow(s) != SSM_OK)
        return;
    s->gathered[at] = *c;
    s->gathered_count += at == s->gathered_count;
}

/* Makes a change that is repeated in the next transaction if this one fails. */
static enum status gather(struct store_relay *s, const struct change *c)
{
    enum status status = begin(s);

    keep(s, c);
    if (status == SSM_OK)
        status = apply(s, c);
    s->is_broken = status != SSM_OK;
    return status;
}

static enum status put_session(void *ctx, const struct relay_session_row *row)
{
    struct store_relay *s = ctx;
    enum status status = begin(s);

    if (status == SSM_OK)
        status = insert_session(s, row);
    s->is_broken = status != SSM_OK;
    return status;
}

static enum status replace_session(void *ctx, uint32_t node, uint16_t handle)
{
    struct store_relay *s = ctx;
    enum status status = begin(s);

    if (status == SSM_OK)
        status = delete_session(s, node, handle);
    s->is_broken = status != SSM_OK;
    return status;
}

static enum status remove_session(void *ctx, uint32_t node, uint16_t handle)
{
    return gather(ctx, &(struct change){.kind = REMOVE_SESSION, .handle = handle, .row = {.node = node}});
}

static enum status remove_node(void *ctx, uint32_t node)
{
    return gather(ctx, &(struct change){.kind = REMOVE_NODE, .row = {.node = node}});
}

static enum status put_node(void *ctx, const struct relay_node_row *row)
{
    struct change c = {.kind = PUT_NODE, .row = *row};
    enum status status = gather(ctx, &c);

    bytes_wipe(&c, sizeof c);
    return status;
}

static void forget_gathered(struct store_relay *s)
{
    if (s->gathered_count > 0)
        bytes_wipe(s->gathered, s->gathered_count * sizeof *s->gathered);
    s->gathered_count = 0;
}

static enum status end(struct store_relay *s)
{
    enum status status = SSM_IO;

    if (sqlite3_get_autocommit(s->db.sqlite))
        return SSM_IO;
    if (!s->is_broken)
        status = store_db_commit(&s->db);
    if (status != SSM_OK && !sqlite3_get_autocommit(s->db.sqlite) &&
        store_db_run(&s->db, "ROLLBACK", STORE_NO_VALUES) != SSM_OK)
        return SSM_IO;
    return status;
}

/* Commits all changes since the last flush, or none of them. */
static enum status flush(void *ctx)
{
    struct store_relay *s = ctx;
    enum status status = SSM_OK;

    if (!s->is_begun && s->gathered_count > 0)
        status = begin(s);
    if (s->is_begun)
        status = end(s);
    s->is_begun = false;
    s->is_broken = false;
    if (status == SSM_OK)
        forget_gathered(s);
    return status;
}

/* ---- what is stored ---- */

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
                                    .opened_s = (uint64_t)sqlite3_column_int64(s, 8),
                                    .is_outbound = sqlite3_column_int(s, 10) != 0};
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
        " opened_s, tombstone, outbound FROM session ORDER BY node, handle",
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
    row.tag_keys_before_count = (uint8_t)(sqlite3_column_bytes(s, 5) / AES_KEY_LEN);
    if (status == SSM_OK)
        status = store_column_bytes(s, 4, row.tag_key, sizeof row.tag_key);
    if (status == SSM_OK && row.tag_keys_before_count > 0)
        status = store_column_bytes(s, 5, row.tag_keys_before, (size_t)sqlite3_column_bytes(s, 5));
    if (status == SSM_OK)
        status = walk->row(walk->arg, &row);
    bytes_wipe(&row, sizeof row);
    return status;
}

static enum status each_node(void *ctx, enum status (*row)(void *arg, const struct relay_node_row *),
                             void *arg)
{
    struct store_relay *s = ctx;

    return store_db_each(
        &s->db, "SELECT id, address, port, generation, tag_key, tag_keys_before FROM node ORDER BY id",
        STORE_NO_VALUES, on_node, &(struct node_walk){row, arg});
}

/* ---- life ---- */

/* With the log of changes that belongs to it, so that the two can be looked into together. */
static enum status move_file(const char *from, const char *to)
{
    char changes[STORE_PATH_MAX + 8];
    char changes_to[STORE_PATH_MAX + 32];

    snprintf(changes, sizeof changes, "%s-wal", from);
    snprintf(changes_to, sizeof changes_to, "%s-wal", to);
    if (rename(from, to) == 0 && (rename(changes, changes_to) == 0 || errno == ENOENT))
        return SSM_OK;
    log_line(LOG_ERR, "%s: cannot be moved to %s: %s", from, to, strerror(errno));
    return SSM_IO;
}

/* Its sessions are lost either way; a gateway that started without them is of more use than none. Disks that
 * damage a file again and again do not fill up with them. */
static enum status move_aside(const char *path)
{
    char to[STORE_PATH_MAX + 16];
    int number = 0;
    enum status status;

    do
        snprintf(to, sizeof to, "%s.damaged-%d", path, ++number);
    while (number < DAMAGED_MAX && access(to, F_OK) == 0);
    status = move_file(path, to);
    if (status == SSM_OK)
        log_line(LOG_ERR, "%s: its sessions are lost, and peers have to connect again; it is kept as %s",
                 path, to);
    return status;
}

enum status store_relay_open(const char *path, struct store_relay **out)
{
    struct store_relay *s = calloc(1, sizeof *s);
    enum status status;

    if (s == NULL)
        return SSM_IO;
    status = store_db_open(&s->db, path, steps, SCHEMA_VERSION, true);
    if (status == SSM_MALFORMED) {
        status = move_aside(path);
        if (status == SSM_OK)
            status = store_db_open(&s->db, path, steps, SCHEMA_VERSION, true);
    }
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
    forget_gathered(store);
    free(store->gathered);
    free(store);
}

struct relay_store store_relay_table(struct store_relay *store)
{
    return (struct relay_store){
        .ctx = store,
        .put_session = put_session,
        .replace_session = replace_session,
        .remove_session = remove_session,
        .put_node = put_node,
        .remove_node = remove_node,
        .flush = flush,
        .each_session = each_session,
        .each_node = each_node,
    };
}
