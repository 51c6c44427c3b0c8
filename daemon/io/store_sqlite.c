#include "store_sqlite.h"

#include "log.h"
#include "loop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 2000 }; /* a process that was killed may not be gone yet */

/* ---- errors ---- */

static enum status io_error(struct store_db *db, const char *doing)
{
    int code = sqlite3_extended_errcode(db->sqlite);

    if (code == db->trouble)
        return SSM_IO;
    db->trouble = code;
    if ((code & 0xFF) == SQLITE_BUSY)
        log_line(LOG_ERR, "%s: in use by another process; is another ssmd running?", db->path);
    else
        log_event(LOG_ERR, loop_now_ms(), "database error", ": %s: %s: %s", db->path, doing,
                  sqlite3_errmsg(db->sqlite));
    return SSM_IO;
}

static void note_durable(struct store_db *db)
{
    if (db->trouble != 0)
        log_line(LOG_NOTICE, "%s: can be written again", db->path);
    db->trouble = 0;
}

/* SQLite would go on writing to a file that nobody can find again. */
static enum status check_in_place(struct store_db *db)
{
    int is_moved = 0;

    sqlite3_file_control(db->sqlite, "main", SQLITE_FCNTL_HAS_MOVED, &is_moved);
    if (!is_moved)
        return SSM_OK;
    if (db->trouble != SQLITE_READONLY_DBMOVED)
        log_line(LOG_ERR,
                 "%s: was moved or removed while it is in use; until it is back, nothing is accepted that "
                 "has to be kept",
                 db->path);
    db->trouble = SQLITE_READONLY_DBMOVED;
    return SSM_IO;
}

static enum status status_of(struct store_db *db, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_DONE)
        return SSM_OK;
    if (rc == SQLITE_CONSTRAINT_UNIQUE)
        return SSM_EXISTS;
    if (rc == SQLITE_CONSTRAINT_FOREIGNKEY)
        return SSM_NOT_FOUND;
    return io_error(db, "what is known goes on, but nothing is accepted that has to be kept");
}

static enum status bind_value(struct store_db *db, sqlite3_stmt *s, int index, const struct store_value *v)
{
    int rc;

    switch (v->kind) {
    case STORE_INTEGER:
        rc = sqlite3_bind_int64(s, index, v->integer);
        break;
    case STORE_TEXT:
        rc = sqlite3_bind_text(s, index, v->at, (int)v->len, SQLITE_STATIC);
        break;
    default:
        rc = sqlite3_bind_blob(s, index, v->at, (int)v->len, SQLITE_STATIC);
        break;
    }
    return status_of(db, rc);
}

/* ---- statements ---- */

/* One that a walk further out is in the midst of is left alone: its row function may use the same text. */
static enum status take_statement(struct store_db *db, const char *sql, sqlite3_stmt **out)
{
    for (size_t i = 0; i < STORE_KEPT_MAX && db->kept[i] != NULL; i++) {
        *out = db->kept[i];
        /* By text: a caller may have made it in a buffer of its own. */
        if (!sqlite3_stmt_busy(*out) && strcmp(sqlite3_sql(*out), sql) == 0)
            return SSM_OK;
    }
    if (sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) != SQLITE_OK)
        return io_error(db, "statement refused");
    return SSM_OK;
}

/* No lock on rows and no pointer to the caller's values, which may be keys, stays behind. */
static void give_statement_back(struct store_db *db, sqlite3_stmt *s)
{
    size_t i = 0;

    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    while (i < STORE_KEPT_MAX && db->kept[i] != NULL && db->kept[i] != s)
        i++;
    if (i < STORE_KEPT_MAX)
        db->kept[i] = s;
    else
        sqlite3_finalize(s);
}

static enum status walk_rows(struct store_db *db, sqlite3_stmt *s, const struct store_value *values,
                             size_t count, enum status (*row)(void *arg, sqlite3_stmt *s), void *arg)
{
    enum status status = sqlite3_stmt_readonly(s) ? SSM_OK : check_in_place(db);
    int rc = SQLITE_DONE;

    for (size_t i = 0; i < count && status == SSM_OK; i++)
        status = bind_value(db, s, (int)i + 1, &values[i]);
    while (status == SSM_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
        status = row(arg, s);
    if (status == SSM_OK)
        status = status_of(db, rc);
    if (status == SSM_OK && !sqlite3_stmt_readonly(s) && sqlite3_get_autocommit(db->sqlite))
        note_durable(db);
    return status;
}

enum status store_db_each(struct store_db *db, const char *sql, const struct store_value *values,
                          size_t count, enum status (*row)(void *arg, sqlite3_stmt *s), void *arg)
{
    sqlite3_stmt *s;
    enum status status;

    /* Recursive. Nobody changes the rows that another thread is reading, or takes its statement. */
    sqlite3_mutex_enter(sqlite3_db_mutex(db->sqlite));
    status = take_statement(db, sql, &s);
    if (status == SSM_OK) {
        status = walk_rows(db, s, values, count, row, arg);
        give_statement_back(db, s);
    }
    sqlite3_mutex_leave(sqlite3_db_mutex(db->sqlite));
    return status;
}

static enum status no_row(void *arg, sqlite3_stmt *s)
{
    (void)arg;
    (void)s;
    return SSM_OK;
}

enum status store_db_run(struct store_db *db, const char *sql, const struct store_value *values, size_t count)
{
    return store_db_each(db, sql, values, count, no_row, NULL);
}

/* ---- transactions ---- */

/* The connection's lock is held up to finish: no other thread sees half of a change. */
enum status store_db_begin(struct store_db *db)
{
    enum status status;

    sqlite3_mutex_enter(sqlite3_db_mutex(db->sqlite));
    status = store_db_run(db, "BEGIN IMMEDIATE", STORE_NO_VALUES);
    if (status != SSM_OK)
        sqlite3_mutex_leave(sqlite3_db_mutex(db->sqlite));
    return status;
}

enum status store_db_commit(struct store_db *db)
{
    enum status status = store_db_run(db, "COMMIT", STORE_NO_VALUES);

    if (status == SSM_OK)
        note_durable(db);
    return status;
}

enum status store_db_finish(struct store_db *db, enum status status)
{
    if (status == SSM_OK)
        status = store_db_commit(db);
    if (status != SSM_OK && !sqlite3_get_autocommit(db->sqlite) &&
        store_db_run(db, "ROLLBACK", STORE_NO_VALUES) != SSM_OK)
        status = SSM_IO;
    sqlite3_mutex_leave(sqlite3_db_mutex(db->sqlite));
    return status;
}

/* ---- columns ---- */

enum status store_column_bytes(sqlite3_stmt *s, int column, void *to, size_t len)
{
    const void *from = sqlite3_column_blob(s, column);

    if (from == NULL || (size_t)sqlite3_column_bytes(s, column) != len) {
        log_line(LOG_ERR, "%s: damaged: column %s of a row holds %d bytes instead of %zu",
                 sqlite3_db_filename(sqlite3_db_handle(s), "main"), sqlite3_column_name(s, column),
                 sqlite3_column_bytes(s, column), len);
        return SSM_IO;
    }
    memcpy(to, from, len);
    return SSM_OK;
}

uint32_t store_column_u32(sqlite3_stmt *s, int column)
{
    return (uint32_t)sqlite3_column_int64(s, column);
}

uint16_t store_column_u16(sqlite3_stmt *s, int column)
{
    return (uint16_t)sqlite3_column_int64(s, column);
}

/* ---- opening ---- */

static enum status take_first_text(void *arg, sqlite3_stmt *s)
{
    const unsigned char *text = sqlite3_column_text(s, 0);

    if (text != NULL && ((char *)arg)[0] == '\0')
        snprintf(arg, 64, "%s", (const char *)text);
    return SSM_OK;
}

static enum status take_int(void *arg, sqlite3_stmt *s)
{
    *(int *)arg = sqlite3_column_int(s, 0);
    return SSM_OK;
}

/* Several statements that are needed once. */
static enum status run_script(struct store_db *db, const char *script, const char *doing)
{
    return sqlite3_exec(db->sqlite, script, NULL, NULL, NULL) == SQLITE_OK ? SSM_OK : io_error(db, doing);
}

/* Exclusive locking keeps a second ssmd out and needs no shared memory; FULL makes each commit durable (rule:
 * a row is on disk before the peer is told). Deleted rows are overwritten. */
static enum status configure(struct store_db *db)
{
    return run_script(db,
                      "PRAGMA locking_mode = EXCLUSIVE;"
                      "PRAGMA journal_mode = WAL;"
                      "PRAGMA synchronous = FULL;"
                      "PRAGMA secure_delete = ON;"
                      "PRAGMA foreign_keys = ON;"
                      "PRAGMA temp_store = MEMORY;"
                      "BEGIN EXCLUSIVE;"
                      "COMMIT",
                      "cannot be configured");
}

static enum status check_undamaged(struct store_db *db)
{
    char verdict[64] = "";

    if (store_db_each(db, "PRAGMA quick_check(1)", STORE_NO_VALUES, take_first_text, verdict) != SSM_OK)
        return SSM_IO;
    if (strcmp(verdict, "ok") == 0)
        return SSM_OK;
    log_line(LOG_ERR, "%s: damaged (%s)", db->path, verdict);
    return SSM_MALFORMED;
}

static enum status make_tables(struct store_db *db, const char *const *steps, int found, int version)
{
    char set_version[48];
    enum status status = store_db_begin(db);

    if (status != SSM_OK)
        return status;
    snprintf(set_version, sizeof set_version, "PRAGMA user_version = %d", version);
    for (int i = found; i < version && status == SSM_OK; i++)
        status = run_script(db, steps[i], "cannot make the tables");
    if (status == SSM_OK)
        status = run_script(db, set_version, "cannot set the version");
    return store_db_finish(db, status);
}

static enum status check_version(struct store_db *db, const char *const *steps, int version, bool may_be_new)
{
    int found = 0;
    enum status status;

    if (store_db_each(db, "PRAGMA user_version", STORE_NO_VALUES, take_int, &found) != SSM_OK)
        return SSM_IO;
    if (found == version)
        return SSM_OK;
    if (found == 0 && !may_be_new)
        return SSM_NOT_FOUND;
    if (found < 0 || found > version) {
        log_line(LOG_ERR, "%s: has schema version %d, this ssmd knows up to %d; use the ssmd that made it",
                 db->path, found, version);
        return SSM_UNSUPPORTED;
    }
    status = make_tables(db, steps, found, version);
    if (status == SSM_OK && found == 0)
        log_line(LOG_NOTICE, "%s: made a new, empty database", db->path);
    else if (status == SSM_OK)
        log_line(LOG_NOTICE, "%s: brought from schema version %d to %d", db->path, found, version);
    return status;
}

/* With the characters that mean something in a URI. */
static void make_uri(char *uri, size_t cap, const char *path, const char *query)
{
    size_t len = (size_t)snprintf(uri, cap, "file:");

    for (; *path != '\0' && len + 4 < cap; path++)
        len += (size_t)snprintf(uri + len, cap - len, strchr("%?#", *path) != NULL ? "%%%02X" : "%c",
                                (unsigned char)*path);
    snprintf(uri + len, cap - len, "%s", query);
}

/*
 * A file that cannot be written, as after a disk has failed: SQLite must want no lock, for which it would
 * have to write, and no log of changes where there is none. The admin socket keeps a second ssmd away.
 */
static enum status open_to_read(struct store_db *db, const char *path)
{
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE;
    char changes[STORE_PATH_MAX + 8];
    char uri[3 * STORE_PATH_MAX + 32];

    snprintf(changes, sizeof changes, "%s-wal", path);
    make_uri(uri, sizeof uri, path, access(changes, F_OK) == 0 ? "?vfs=unix-none" : "?immutable=1");
    if (sqlite3_open_v2(uri, &db->sqlite, flags, NULL) != SQLITE_OK)
        return io_error(db, "cannot be opened");
    log_line(LOG_ERR,
             "%s: cannot be written; what it holds goes on, but until ssmd is started again with a file that "
             "can be written, nothing is accepted that has to be kept",
             path);
    db->trouble = SQLITE_READONLY;
    return run_script(db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY",
                      "cannot be configured");
}

/* A file that is refused stays as it is: closing it must not carry over to it what its log of changes holds.
 */
static void keep_changes_apart(const struct store_db *db, bool is_apart)
{
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, (int)is_apart, NULL);
}

static enum status open_to_write(struct store_db *db, const char *path)
{
    const int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE;
    enum status status;

    if (sqlite3_open_v2(path, &db->sqlite, flags, NULL) != SQLITE_OK)
        return io_error(db, "cannot be opened");
    keep_changes_apart(db, true);
    sqlite3_busy_timeout(db->sqlite, BUSY_MS);
    status = configure(db);
    /* SQLite makes its files under the process's umask; one that was copied here may be wider. */
    if (status == SSM_OK && chmod(path, S_IRUSR | S_IWUSR) != 0)
        status = io_error(db, "cannot be made private");
    return status;
}

static bool is_damaged(const struct store_db *db)
{
    return (db->trouble & 0xFF) == SQLITE_CORRUPT || (db->trouble & 0xFF) == SQLITE_NOTADB;
}

enum status store_db_open(struct store_db *db, const char *path, const char *const *steps, int version,
                          bool may_be_new)
{
    enum status status;

    *db = (struct store_db){.sqlite = NULL};
    snprintf(db->path, sizeof db->path, "%s", path);
    if (access(path, W_OK) != 0 && errno == EROFS)
        status = open_to_read(db, path);
    else
        status = open_to_write(db, path);
    if (status == SSM_OK)
        status = check_undamaged(db);
    if (status == SSM_OK)
        status = check_version(db, steps, version, may_be_new);
    if (status == SSM_IO && is_damaged(db))
        status = SSM_MALFORMED;
    if (status != SSM_OK)
        store_db_close(db);
    else
        keep_changes_apart(db, false);
    return status;
}

void store_db_close(struct store_db *db)
{
    for (size_t i = 0; i < STORE_KEPT_MAX; i++) {
        sqlite3_finalize(db->kept[i]);
        db->kept[i] = NULL;
    }
    sqlite3_close(db->sqlite);
    db->sqlite = NULL;
}
