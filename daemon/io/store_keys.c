#include "store_keys.h"

#include "log.h"
#include "storage_key.h"
#include "store_destinations.h"
#include "store_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCHEMA_VERSION = 3, PLACE_MAX = 40 };

static const char schema[] = "CREATE TABLE storage (key_check BLOB NOT NULL) STRICT;"
                             "CREATE TABLE node ("
                             " id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),"
                             " name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 32),"
                             " psk BLOB NOT NULL,"
                             " port INTEGER NOT NULL UNIQUE CHECK (port BETWEEN 1 AND 65535),"
                             " assoc_counter INTEGER NOT NULL CHECK (assoc_counter BETWEEN 0 AND 4294967295),"
                             " boot_id INTEGER NOT NULL CHECK (boot_id BETWEEN 0 AND 4294967295),"
                             " session_limit INTEGER NOT NULL CHECK (session_limit BETWEEN 0 AND 65535)"
                             ") STRICT;"
                             "CREATE TABLE subscriber ("
                             " id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),"
                             " name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 32),"
                             " psk BLOB NOT NULL"
                             ") STRICT;"
                             "CREATE TABLE subscriber_node ("
                             " subscriber INTEGER NOT NULL REFERENCES subscriber (id) ON DELETE CASCADE,"
                             " node INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,"
                             " PRIMARY KEY (subscriber, node)"
                             ") STRICT, WITHOUT ROWID;"
                             "CREATE INDEX subscriber_node_by_node ON subscriber_node (node);";

/* The column psk stays, empty, where a subscriber has none. Two that have no certificate are not the same. */
static const char certificates_schema[] =
    "ALTER TABLE subscriber ADD COLUMN"
    " credential INTEGER NOT NULL DEFAULT 0 CHECK (credential IN (0, 1, 2));" /* enum subscriber_credential */
    "ALTER TABLE subscriber ADD COLUMN"
    " fingerprint BLOB DEFAULT NULL CHECK (fingerprint IS NULL OR length(fingerprint) = 32);"
    "ALTER TABLE subscriber ADD COLUMN not_after INTEGER NOT NULL DEFAULT 0 CHECK (not_after >= 0);"
    "ALTER TABLE subscriber ADD COLUMN"
    " subject BLOB DEFAULT NULL CHECK (subject IS NULL OR length(subject) BETWEEN 1 AND 64);"
    "CREATE UNIQUE INDEX subscriber_by_fingerprint ON subscriber (fingerprint);"
    "CREATE UNIQUE INDEX subscriber_by_subject ON subscriber (subject);" STORE_CA_SCHEMA;

struct store_keys {
    struct store_db db;
    char key_path[STORE_PATH_MAX];
    uint8_t key[STORAGE_KEY_LEN];
    struct store_ca ca;
    struct store_destinations destinations;
};

/* ---- secrets ---- */

/* A statement that names one row by its id. */
static enum status run_on_row(struct store_keys *s, const char *sql, const struct store_value *values,
                              size_t count)
{
    enum status status = store_db_run(&s->db, sql, values, count);

    return status == SSM_OK && sqlite3_changes(s->db.sqlite) == 0 ? SSM_NOT_FOUND : status;
}

static void place_of(char place[PLACE_MAX], const char *table, uint32_t id)
{
    snprintf(place, PLACE_MAX, "%s/%u/psk", table, (unsigned)id);
}

/* A row's id is known only after it was inserted, and its secret is bound to it: so the secret follows. */
static enum status set_psk(struct store_keys *s, const char *table, uint32_t id, const uint8_t *psk,
                           size_t len)
{
    uint8_t sealed[SUBSCRIBER_PSK_MAX + STORAGE_OVERHEAD];
    char place[PLACE_MAX];
    char sql[64];
    enum status status;

    place_of(place, table, id);
    status = storage_key_seal(s->key, place, psk, len, sealed);
    if (status != SSM_OK)
        return status;
    snprintf(sql, sizeof sql, "UPDATE %s SET psk = ?1 WHERE id = ?2", table);
    return run_on_row(s, sql, STORE_VALUES(STORE_BYTES(sealed, len + STORAGE_OVERHEAD), STORE_INT(id)));
}

static enum status damaged(const struct store_keys *s, const char *table, uint32_t id)
{
    log_line(LOG_ERR, "%s: damaged: row %u of table %s does not open under its key", s->db.path, (unsigned)id,
             table);
    return SSM_IO;
}

/* Opens the secret of the row that `stmt` stands on; it has min to max bytes. */
static enum status open_psk(const struct store_keys *s, sqlite3_stmt *stmt, int column, const char *table,
                            uint32_t id, size_t min, size_t max, uint8_t *psk, size_t *len)
{
    const void *sealed = sqlite3_column_blob(stmt, column);
    size_t sealed_len = (size_t)sqlite3_column_bytes(stmt, column);
    char place[PLACE_MAX];

    if (sealed == NULL || sealed_len < min + STORAGE_OVERHEAD || sealed_len > max + STORAGE_OVERHEAD)
        return damaged(s, table, id);
    place_of(place, table, id);
    if (storage_key_open(s->key, place, sealed, sealed_len, psk) != SSM_OK)
        return damaged(s, table, id);
    *len = sealed_len - STORAGE_OVERHEAD;
    return SSM_OK;
}

static enum status read_name(const struct store_keys *s, sqlite3_stmt *stmt, int column, const char *table,
                             uint32_t id, struct assoc_name *name)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);

    if (text == NULL || assoc_name_set(name, text, (size_t)sqlite3_column_bytes(stmt, column)) != SSM_OK)
        return damaged(s, table, id);
    return SSM_OK;
}

/* ---- nodes ---- */

static enum status insert_node(struct store_keys *s, struct node_row *row)
{
    enum status status = store_db_run(
        &s->db,
        "INSERT INTO node (name, psk, port, assoc_counter, boot_id, session_limit)"
        " VALUES (?1, x'', ?2, ?3, ?4, ?5)",
        STORE_VALUES(STORE_TEXT(row->name.text, row->name.len), STORE_INT(row->port),
                     STORE_INT(row->assoc_counter), STORE_INT(row->boot_id), STORE_INT(row->session_limit)));

    if (status != SSM_OK)
        return status;
    row->id = (uint32_t)sqlite3_last_insert_rowid(s->db.sqlite);
    return set_psk(s, "node", row->id, row->psk, sizeof row->psk);
}

static enum status add_node(void *ctx, struct node_row *row)
{
    struct store_keys *s = ctx;
    enum status status = store_db_begin(&s->db);

    return status == SSM_OK ? store_db_finish(&s->db, insert_node(s, row)) : status;
}

static enum status remove_node(void *ctx, uint32_t node)
{
    return run_on_row(ctx, "DELETE FROM node WHERE id = ?1", STORE_VALUES(STORE_INT(node)));
}

static enum status set_association(void *ctx, uint32_t node, uint32_t counter, uint32_t boot_id)
{
    return run_on_row(ctx, "UPDATE node SET assoc_counter = ?1, boot_id = ?2 WHERE id = ?3",
                      STORE_VALUES(STORE_INT(counter), STORE_INT(boot_id), STORE_INT(node)));
}

static enum status set_session_limit(void *ctx, uint32_t node, uint16_t limit)
{
    return run_on_row(ctx, "UPDATE node SET session_limit = ?1 WHERE id = ?2",
                      STORE_VALUES(STORE_INT(limit), STORE_INT(node)));
}

/* A caller's function for each row, carried through the walk. */
struct node_walk {
    const struct store_keys *store;
    enum status (*row)(void *arg, const struct node_row *);
    void *arg;
};

static enum status on_node(void *arg, sqlite3_stmt *stmt)
{
    const struct node_walk *walk = arg;
    struct node_row row = {.id = store_column_u32(stmt, 0),
                           .port = store_column_u16(stmt, 3),
                           .assoc_counter = store_column_u32(stmt, 4),
                           .boot_id = store_column_u32(stmt, 5),
                           .session_limit = store_column_u16(stmt, 6)};
    size_t len;
    enum status status = read_name(walk->store, stmt, 1, "node", row.id, &row.name);

    if (status == SSM_OK)
        status = open_psk(walk->store, stmt, 2, "node", row.id, ASSOC_PSK_LEN, ASSOC_PSK_LEN, row.psk, &len);
    if (status == SSM_OK)
        status = walk->row(walk->arg, &row);
    bytes_wipe(&row, sizeof row);
    return status;
}

static enum status each_node(void *ctx, enum status (*row)(void *arg, const struct node_row *), void *arg)
{
    struct store_keys *s = ctx;

    return store_db_each(
        &s->db, "SELECT id, name, psk, port, assoc_counter, boot_id, session_limit FROM node ORDER BY id",
        STORE_NO_VALUES, on_node, &(struct node_walk){s, row, arg});
}

/* ---- subscribers ---- */

static enum status insert_subscriber(struct store_keys *s, struct subscriber_row *row, const uint32_t *nodes,
                                     size_t node_count)
{
    bool is_pinned = row->credential == SUBSCRIBER_CERTIFICATE;
    enum status status =
        store_db_run(&s->db,
                     "INSERT INTO subscriber (name, psk, credential, fingerprint, not_after, subject)"
                     " VALUES (?1, x'', ?2, ?3, ?4, ?5)",
                     STORE_VALUES(STORE_TEXT(row->name.text, row->name.len), STORE_INT(row->credential),
                                  STORE_BYTES(is_pinned ? row->fingerprint : NULL, sizeof row->fingerprint),
                                  STORE_INT(row->not_after_s),
                                  STORE_BYTES(row->credential == SUBSCRIBER_SUBJECT ? row->subject : NULL,
                                              row->subject_len)));

    if (status != SSM_OK)
        return status;
    row->id = (uint32_t)sqlite3_last_insert_rowid(s->db.sqlite);
    if (row->credential == SUBSCRIBER_PSK)
        status = set_psk(s, "subscriber", row->id, row->psk, row->psk_len);
    for (size_t i = 0; i < node_count && status == SSM_OK; i++)
        status = store_db_run(&s->db, "INSERT OR IGNORE INTO subscriber_node VALUES (?1, ?2)",
                              STORE_VALUES(STORE_INT(row->id), STORE_INT(nodes[i])));
    return status;
}

static enum status add_subscriber(void *ctx, struct subscriber_row *row, const uint32_t *nodes,
                                  size_t node_count)
{
    struct store_keys *s = ctx;
    enum status status = store_db_begin(&s->db);

    return status == SSM_OK ? store_db_finish(&s->db, insert_subscriber(s, row, nodes, node_count)) : status;
}

static enum status remove_subscriber(void *ctx, uint32_t subscriber)
{
    return run_on_row(ctx, "DELETE FROM subscriber WHERE id = ?1", STORE_VALUES(STORE_INT(subscriber)));
}

#define SUBSCRIBER_COLUMNS "id, name, psk, credential, fingerprint, not_after, subject"

static enum status read_subject(const struct store_keys *s, sqlite3_stmt *stmt, struct subscriber_row *row)
{
    const void *subject = sqlite3_column_blob(stmt, 6);
    size_t len = (size_t)sqlite3_column_bytes(stmt, 6);

    if (subject == NULL || len > sizeof row->subject)
        return damaged(s, "subscriber", row->id);
    bytes_copy(row->subject, subject, len);
    row->subject_len = (uint8_t)len;
    return SSM_OK;
}

static enum status read_credential(const struct store_keys *s, sqlite3_stmt *stmt, struct subscriber_row *row)
{
    size_t psk_len = 0;
    enum status status;

    row->credential = (enum subscriber_credential)sqlite3_column_int(stmt, 3);
    if (row->credential == SUBSCRIBER_SUBJECT)
        return read_subject(s, stmt, row);
    row->not_after_s = (uint64_t)sqlite3_column_int64(stmt, 5);
    if (row->credential == SUBSCRIBER_CERTIFICATE)
        return store_column_bytes(stmt, 4, row->fingerprint, sizeof row->fingerprint);
    status = open_psk(s, stmt, 2, "subscriber", row->id, SUBSCRIBER_PSK_MIN, SUBSCRIBER_PSK_MAX, row->psk,
                      &psk_len);
    row->psk_len = (uint8_t)psk_len;
    return status;
}

static enum status read_subscriber(const struct store_keys *s, sqlite3_stmt *stmt, struct subscriber_row *row)
{
    enum status status;

    *row = (struct subscriber_row){.id = store_column_u32(stmt, 0)};
    status = read_name(s, stmt, 1, "subscriber", row->id, &row->name);
    return status == SSM_OK ? read_credential(s, stmt, row) : status;
}

struct subscriber_walk {
    const struct store_keys *store;
    enum status (*row)(void *arg, const struct subscriber_row *);
    void *arg;
};

static enum status on_subscriber(void *arg, sqlite3_stmt *stmt)
{
    const struct subscriber_walk *walk = arg;
    struct subscriber_row row;
    enum status status = read_subscriber(walk->store, stmt, &row);

    if (status == SSM_OK)
        status = walk->row(walk->arg, &row);
    bytes_wipe(&row, sizeof row);
    return status;
}

static enum status each_subscriber(void *ctx, enum status (*row)(void *arg, const struct subscriber_row *),
                                   void *arg)
{
    struct store_keys *s = ctx;

    return store_db_each(&s->db, "SELECT " SUBSCRIBER_COLUMNS " FROM subscriber ORDER BY id", STORE_NO_VALUES,
                         on_subscriber, &(struct subscriber_walk){s, row, arg});
}

struct subscriber_find {
    const struct store_keys *store;
    struct subscriber_row *out;
    bool found;
};

static enum status on_found(void *arg, sqlite3_stmt *stmt)
{
    struct subscriber_find *find = arg;

    find->found = true;
    return read_subscriber(find->store, stmt, find->out);
}

/* `sql` selects by ?1. */
static enum status find_by(struct store_keys *s, const char *sql, struct store_value key,
                           struct subscriber_row *out)
{
    struct subscriber_find find = {.store = s, .out = out};
    enum status status = store_db_each(&s->db, sql, &key, 1, on_found, &find);

    return status == SSM_OK && !find.found ? SSM_NOT_FOUND : status;
}

static enum status find_subscriber(void *ctx, const char *name, size_t name_len, struct subscriber_row *out)
{
    if (name_len == 0 || name_len > ASSOC_NAME_MAX)
        return SSM_NOT_FOUND;
    /* RFC 7925 4.2: "a byte-by-byte comparison operation MUST be used": SQLite's own, BINARY. */
    return find_by(ctx, "SELECT " SUBSCRIBER_COLUMNS " FROM subscriber WHERE name = ?1",
                   STORE_TEXT(name, name_len), out);
}

static enum status find_certificate(void *ctx, const uint8_t fingerprint[HANDSHAKE_FINGERPRINT_LEN],
                                    struct subscriber_row *out)
{
    return find_by(ctx, "SELECT " SUBSCRIBER_COLUMNS " FROM subscriber WHERE fingerprint = ?1",
                   STORE_BYTES(fingerprint, HANDSHAKE_FINGERPRINT_LEN), out);
}

static enum status find_subject(void *ctx, const char *subject, size_t subject_len,
                                struct subscriber_row *out)
{
    if (subject_len == 0 || subject_len > SUBSCRIBER_SUBJECT_MAX)
        return SSM_NOT_FOUND;
    return find_by(ctx, "SELECT " SUBSCRIBER_COLUMNS " FROM subscriber WHERE subject = ?1",
                   STORE_BYTES(subject, subject_len), out);
}

struct grant_list {
    uint32_t *nodes;
    size_t cap;
    size_t count;
};

static enum status on_grant(void *arg, sqlite3_stmt *stmt)
{
    struct grant_list *list = arg;

    if (list->count < list->cap)
        list->nodes[list->count] = store_column_u32(stmt, 0);
    list->count++;
    return SSM_OK;
}

static enum status grants(void *ctx, uint32_t subscriber, uint32_t node, uint32_t *nodes, size_t cap,
                          size_t *count)
{
    struct store_keys *s = ctx;
    struct grant_list list = {.nodes = nodes, .cap = cap};
    enum status status =
        node == 0
            ? store_db_each(&s->db, "SELECT node FROM subscriber_node WHERE subscriber = ?1 ORDER BY node",
                            STORE_VALUES(STORE_INT(subscriber)), on_grant, &list)
            : store_db_each(&s->db, "SELECT node FROM subscriber_node WHERE subscriber = ?1 AND node = ?2",
                            STORE_VALUES(STORE_INT(subscriber), STORE_INT(node)), on_grant, &list);

    *count = list.count;
    return status;
}

/* ---- destinations ---- */

static enum status add_destination(void *ctx, struct destination_row *row)
{
    const struct store_keys *s = ctx;

    return store_destinations_add(&s->destinations, row);
}

static enum status remove_destination(void *ctx, uint32_t destination)
{
    const struct store_keys *s = ctx;

    return store_destinations_remove(&s->destinations, destination);
}

static enum status find_destination(void *ctx, uint32_t node, const struct uri *server,
                                    struct destination_row *out)
{
    const struct store_keys *s = ctx;

    return store_destinations_find(&s->destinations, node, server, out);
}

static enum status each_destination(void *ctx, uint32_t node,
                                    enum status (*row)(void *arg, const struct destination_row *), void *arg)
{
    const struct store_keys *s = ctx;

    return store_destinations_each(&s->destinations, node, row, arg);
}

/* ---- opening ---- */

static const uint8_t check_text[16] = "ssm storage key";
static const char check_place[] = "storage/key_check";

static enum status on_key_check(void *arg, sqlite3_stmt *stmt)
{
    const struct store_keys *s = arg;
    uint8_t sealed[sizeof check_text + STORAGE_OVERHEAD];
    uint8_t opened[sizeof check_text];
    enum status status = store_column_bytes(stmt, 0, sealed, sizeof sealed);

    if (status != SSM_OK)
        return status;
    if (storage_key_open(s->key, check_place, sealed, sizeof sealed, opened) == SSM_OK)
        return SSM_OK;
    log_line(LOG_ERR, "%s: does not open under %s: that is not the storage key it was made with", s->db.path,
             s->key_path);
    return SSM_IO;
}

static enum status add_key_check(struct store_keys *s)
{
    uint8_t sealed[sizeof check_text + STORAGE_OVERHEAD];
    enum status status = storage_key_seal(s->key, check_place, check_text, sizeof check_text, sealed);

    if (status != SSM_OK)
        return status;
    return store_db_run(&s->db, "INSERT INTO storage VALUES (?1)",
                        STORE_VALUES(STORE_BYTES(sealed, sizeof sealed)));
}

static enum status on_any_row(void *arg, sqlite3_stmt *stmt)
{
    (void)stmt;
    *(bool *)arg = true;
    return SSM_OK;
}

/* A wrong storage key is found out at the start, not at the first handshake; and a new one beside a database
 * that was used would only hide that the right one is missing. */
static enum status load_key(struct store_keys *s)
{
    static const char select[] = "SELECT key_check FROM storage";
    bool was_used = false;
    enum status status = store_db_each(&s->db, select, STORE_NO_VALUES, on_any_row, &was_used);

    if (status == SSM_OK)
        status = storage_key_load(s->key_path, !was_used, s->key);
    if (status != SSM_OK)
        return status;
    return was_used ? store_db_each(&s->db, select, STORE_NO_VALUES, on_key_check, s) : add_key_check(s);
}

/* The database is made before its key, so that a power cut never leaves the key alone: a key without a
 * database means that the database is lost. */
static enum status open_database(struct store_keys *s, const char *path)
{
    static const char *const steps[SCHEMA_VERSION] = {schema, certificates_schema, STORE_DESTINATIONS_SCHEMA};
    bool may_be_new = access(s->key_path, F_OK) != 0;
    enum status status = store_db_open(&s->db, path, steps, SCHEMA_VERSION, may_be_new);

    if (status == SSM_NOT_FOUND)
        log_line(
            LOG_ERR,
            "%s: is empty, but its storage key %s is there: restore a backup; to start with no nodes and "
            "no subscribers, move both files away",
            path, s->key_path);
    else if (status == SSM_MALFORMED)
        log_line(LOG_ERR, "%s: is left as it is: restore a backup", path);
    return status;
}

enum status store_keys_open(const char *path, const char *storage_key_path, struct store_keys **out)
{
    struct store_keys *s = calloc(1, sizeof *s);
    enum status status;

    if (s == NULL)
        return SSM_IO;
    snprintf(s->key_path, sizeof s->key_path, "%s", storage_key_path);
    status = open_database(s, path);
    if (status == SSM_OK)
        status = load_key(s);
    if (status != SSM_OK) {
        store_keys_close(s);
        return status == SSM_UNSUPPORTED ? status : SSM_IO;
    }
    s->ca = (struct store_ca){.db = &s->db, .key = s->key};
    s->destinations = (struct store_destinations){.db = &s->db, .key = s->key};
    *out = s;
    return SSM_OK;
}

void store_keys_close(struct store_keys *store)
{
    if (store == NULL)
        return;
    store_db_close(&store->db);
    bytes_wipe(store->key, sizeof store->key);
    free(store);
}

const struct store_ca *store_keys_ca(const struct store_keys *store)
{
    return &store->ca;
}

struct keys_store store_keys_table(struct store_keys *store)
{
    return (struct keys_store){
        .ctx = store,
        .add_node = add_node,
        .remove_node = remove_node,
        .set_association = set_association,
        .set_session_limit = set_session_limit,
        .each_node = each_node,
        .add_subscriber = add_subscriber,
        .remove_subscriber = remove_subscriber,
        .find_subscriber = find_subscriber,
        .find_certificate = find_certificate,
        .find_subject = find_subject,
        .grants = grants,
        .each_subscriber = each_subscriber,
        .add_destination = add_destination,
        .remove_destination = remove_destination,
        .find_destination = find_destination,
        .each_destination = each_destination,
    };
}
